//! The runner, which plays the corpus and then mutations of it.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use fastrand::Rng;

use crate::mutate::mutated;

/// The time that no input may exceed, even on a machine that does much else.
const CASE_TIMEOUT: Duration = Duration::from_secs(30);
/// Maximum number of inputs that are mutated further.
const MAX_POOL_CASES: usize = 4_000;

/// One input. Its kind is the extension of the file that it comes from.
#[derive(Clone)]
pub(crate) struct Case {
    pub(crate) bytes: Vec<u8>,
    pub(crate) kind: String,
}

fn corpus(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus").join(target)
}

fn read(target: &str) -> Vec<Case> {
    let folder = std::fs::read_dir(corpus(target)).unwrap();
    let mut paths: Vec<PathBuf> = folder.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let kind = |path: &Path| path.extension().unwrap_or_default().to_str().unwrap().to_owned();
    paths.iter().map(|path| Case { bytes: std::fs::read(path).unwrap(), kind: kind(path) }).collect()
}

/// Plays the corpus and then `cases` mutations. The text that `play` returns tells one way through the code
/// from another. Inputs that take a new way are mutated further.
pub(crate) fn fuzz(target: &str, cases: usize, play: impl Fn(&Case) -> String) {
    let mut pool = read(target);
    assert!(!pool.is_empty(), "{target} has no corpus");
    let mut ways = HashSet::new();
    for case in &pool {
        ways.insert(way(&played(target, case, &play)));
    }
    let seconds =
        std::env::var("FUZZ_SECONDS").ok().map(|text| text.parse().expect("FUZZ_SECONDS is a number"));
    let end = seconds.map(|seconds| Instant::now() + Duration::from_secs(seconds));
    let seed = if seconds.is_some() { fastrand::u64(..) } else { 7 };
    let mut random = Rng::with_seed(seed);
    let mut done = 0_usize;
    while end.map_or(done < cases, |end| Instant::now() < end) {
        let one = &pool[random.usize(..pool.len())];
        let other = &pool[random.usize(..pool.len())];
        let case = Case { bytes: mutated(&one.bytes, &other.bytes, &mut random), kind: one.kind.clone() };
        if ways.insert(way(&played(target, &case, &play)))
            && pool.len() < MAX_POOL_CASES
            && case.bytes.len() < 64 * 1024
        {
            pool.push(case);
        }
        done += 1;
    }
    println!("{target}: {done} cases, {} ways, seed {seed}", ways.len());
}

/// Returns a text without the words and numbers of the input, so that it names a way through the code.
fn way(told: &str) -> String {
    let mut quoted = false;
    told.chars()
        .filter(|c| {
            quoted ^= matches!(c, '"' | '`');
            !quoted && !c.is_ascii_digit()
        })
        .take(400)
        .collect()
}

/// Plays a case. If it panics or takes too long, it is kept in the corpus, and the test fails.
fn played(target: &str, case: &Case, play: &impl Fn(&Case) -> String) -> String {
    let began = Instant::now();
    let told = catch_unwind(AssertUnwindSafe(|| play(case)));
    let took = began.elapsed();
    match told {
        Ok(told) if took < CASE_TIMEOUT => told,
        failed => {
            let number = case.bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
                (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3)
            });
            let dot = if case.kind.is_empty() { "" } else { "." };
            let path = corpus(target).join(format!("found-{number:016x}{dot}{}", case.kind));
            std::fs::write(&path, &case.bytes).unwrap();
            let what = if failed.is_ok() { "took too long" } else { "panicked" };
            panic!("{target} {what} after {took:?}; the input is {}", path.display());
        }
    }
}
