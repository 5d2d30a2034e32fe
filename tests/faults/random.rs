//! Faults in random combinations.

use faultgate_core::clock::Clock;
use faultgate_testkit::paused::chaos::{self, Chaos};
use faultgate_testkit::paused::laws;
use faultgate_testkit::paused::player::play;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};

use crate::single;

/// Number of runs on every day, which fit into half a minute of a busy machine.
const RUNS: u32 = 250;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().expect("a number"))
}

/// `SOAK_RUNS` sets the number of runs, and `SOAK_SEED` repeats them.
#[test]
fn no_combination_of_faults_breaks_anything() {
    let runs = number("SOAK_RUNS").map_or(RUNS, |runs| u32::try_from(runs).expect("a number of runs"));
    let seed = number("SOAK_SEED").unwrap_or_else(|| fastrand::u64(..));
    let workers = u32::try_from(std::thread::available_parallelism().map_or(1, usize::from)).unwrap();
    let clock = Clock::start();
    let shares: Vec<u64> = (0..u64::from(workers)).map(|worker| seed.wrapping_add(worker)).collect();
    let broken = single::broken(&shares, |seed| search(*seed, runs.div_ceil(workers)));
    assert!(broken.is_empty(), "SOAK_SEED={seed}, with {workers} processors:\n{}", broken[0].1);
    println!("{runs} runs in {:?}, SOAK_SEED={seed}", clock.elapsed());
}

fn search(seed: u64, runs: u32) {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let config =
        Config { cases: runs, max_shrink_iters: 500, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
    let strategy = (chaos::without_request_faults(), vec(chaos::fault(), 1..14))
        .prop_map(|(chaos, faults)| Chaos { faults, ..chaos });
    let found = runner.run(&strategy, |chaos| {
        let held = single::held(|| laws::hold(&chaos, &play(&chaos)));
        held.map_err(TestCaseError::fail)
    });
    if let Err(found) = found {
        panic!("{found}");
    }
}
