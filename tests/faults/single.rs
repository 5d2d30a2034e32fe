//! One fault at a time, everywhere: each answer is given to each operation of each base run, once and always.

use std::any::Any;
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use faultgate_net::aws::iam::{CALLS, Use};
use faultgate_rehearsal::FaultRule;
use faultgate_testkit::answers;
use faultgate_testkit::invariants::There;
use faultgate_testkit::paused::chaos::Chaos;
use faultgate_testkit::paused::laws;
use faultgate_testkit::paused::player::play;

use crate::bases;

/// Operations without which nothing can be stopped or removed.
const ENDING: [&str; 9] = [
    "StartExperiment",
    "ListExperiments",
    "GetExperiment",
    "StopExperiment",
    "CreateQueue",
    "GetQueueUrl",
    "RemoveTargets",
    "DeleteRule",
    "DeleteQueue",
];

struct Case {
    name: String,
    operation: Cow<'static, str>,
    chaos: Chaos,
}

impl Case {
    fn hold(&self) {
        let played = play(&self.chaos);
        laws::hold(&self.chaos, &played);
        if !ENDING.contains(&&*self.operation) {
            let left = There::in_account(&played.world, true).left();
            assert!(left.is_empty(), "nothing keeps it from ending this: {left:?}");
        }
    }
}

/// Returns the cases: each operation in the first base run that makes it, or in all of them.
fn cases(everywhere: bool) -> Vec<Case> {
    let (mut cases, mut seen) = (Vec::new(), BTreeSet::new());
    for (base, chaos) in bases::all() {
        for operation in bases::operations(&chaos) {
            if !seen.insert(operation.clone()) && !everywhere {
                continue;
            }
            for (answer, effect) in answers::all() {
                if !answers::can_be_told(&operation, &effect) {
                    continue;
                }
                for (often, times) in [("once", Some(1)), ("always", None)] {
                    let fault = FaultRule { times, ..FaultRule::on(operation.clone(), effect.clone()) };
                    // The fault stands before those of the base, since the first one that matches decides.
                    let faults = std::iter::once(fault).chain(chaos.faults.clone()).collect();
                    let name = format!("{base}: {operation}: {answer}, {often}");
                    let chaos = Chaos { faults, ..chaos.clone() };
                    cases.push(Case { name, operation: operation.clone(), chaos });
                }
            }
        }
    }
    cases
}

/// Runs assertions, and returns why they did not hold.
pub(crate) fn held(hold: impl FnOnce()) -> Result<(), String> {
    catch_unwind(AssertUnwindSafe(hold)).map_err(|panic| told(&*panic))
}

/// Returns the message of a panic.
pub(crate) fn told(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
}

/// Plays all cases on all processors. Returns the numbers of those that did not hold, each with the reason.
pub(crate) fn broken<T: Sync>(cases: &[T], hold: impl Fn(&T) + Sync) -> Vec<(usize, String)> {
    let (next, broken) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let work = || {
        while let Some((number, case)) = {
            let number = next.fetch_add(1, Ordering::Relaxed);
            cases.get(number).map(|case| (number, case))
        } {
            if let Err(why) = held(|| hold(case)) {
                broken.lock().unwrap().push((number, why));
            }
        }
    };
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(work);
        }
    });
    broken.into_inner().unwrap()
}

/// `SOAK_RUNS` disturbs each operation in all base runs, which takes minutes.
#[test]
fn one_fault_anywhere_breaks_nothing() {
    let cases = cases(std::env::var_os("SOAK_RUNS").is_some());
    let broken = broken(&cases, Case::hold);
    let told: Vec<_> =
        broken.iter().map(|(number, why)| format!("{}\n    {why}", cases[*number].name)).collect();
    assert!(told.is_empty(), "{} of {} cases:\n{}", told.len(), cases.len(), told.join("\n"));
    println!("{} cases", cases.len());
}

/// The one request that no base run makes: the embedded FIS plays no experiment in several accounts.
/// `tests/fast/lifecycle/lies.rs` covers it.
const OF_SEVERAL_ACCOUNTS: &str = "ListExperimentTargetAccountConfigurations";

/// The base runs make all requests that a run may make, by the list from which policies are made.
#[test]
fn the_bases_make_every_request() {
    let made: BTreeSet<Cow<'_, str>> =
        bases::all().iter().flat_map(|(_, chaos)| bases::operations(chaos)).collect();
    let modes = [Use::Events, Use::Queue, Use::Poll];
    let missing: Vec<_> = CALLS
        .iter()
        .filter(|call| call.is_for(&modes) && !made.contains(call.operation))
        .map(|call| call.operation)
        .filter(|operation| *operation != OF_SEVERAL_ACCOUNTS)
        .collect();
    assert_eq!(missing, [""; 0]);
}
