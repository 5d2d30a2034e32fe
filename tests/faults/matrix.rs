//! The matrix over sockets: the requests of an undisturbed run are recorded, then each is disturbed in a run
//! of its own.

use std::collections::BTreeSet;
use std::future::Future;
use std::time::Duration;

use faultgate_core::model::{RunResult, RunState};
use faultgate_rehearsal::{FaultEffect, FaultRule};
use faultgate_testkit::answers;
use faultgate_testkit::binary::Finished;
use futures_util::future::join_all;
use tokio::sync::{Mutex, Semaphore};
use tokio::task::LocalSet;

/// Permits for runs at the same time, in all tests together: a run waits most of its time.
static PLACES: Semaphore = Semaphore::const_new(40);

/// Returns `true` if `SOAK_RUNS` asks for all that takes too long for every day.
pub(crate) fn is_thorough() -> bool {
    std::env::var_os("SOAK_RUNS").is_some()
}

/// The answers that each operation is to be given.
pub(crate) struct Matrix {
    pub(crate) once: Vec<(&'static str, FaultEffect)>,
    pub(crate) always: Vec<(&'static str, FaultEffect)>,
    /// Operations that an earlier run has been disturbed at.
    seen: Mutex<BTreeSet<String>>,
}

impl Matrix {
    /// Returns the usual matrix: each answer once, and always those after which a run ends soon.
    pub(crate) fn usual() -> Self {
        let of = |names: &[&str]| -> Vec<_> {
            answers::all().into_iter().filter(|(name, _)| names.contains(name)).collect()
        };
        if is_thorough() {
            return Self { once: answers::all(), always: answers::all(), seen: Mutex::default() };
        }
        Self {
            once: of(&[
                "400",
                "403",
                "429",
                "429, Retry-After",
                "500",
                "503",
                "reset after",
                "hang",
                "truncated",
                "garbage",
                "trickle without end",
            ]),
            always: of(&["403"]),
            seen: Mutex::default(),
        }
    }

    /// Returns a matrix with few answers, for one more way through the same requests.
    pub(crate) fn brief() -> Self {
        let mut matrix = Self::usual();
        if !is_thorough() {
            matrix.once.retain(|(name, _)| ["403", "503", "reset after", "hang"].contains(name));
        }
        matrix
    }

    pub(crate) fn once(once: Vec<(&'static str, FaultEffect)>) -> Self {
        let always = if is_thorough() { once.clone() } else { Vec::new() };
        Self { once, always, seen: Mutex::default() }
    }

    /// Returns the operations of an undisturbed run. On every day, only the first of a matrix's runs that
    /// makes a request is disturbed at it; their order is that in which they are polled first.
    async fn operations(&self, undisturbed: impl Future<Output = Vec<String>>) -> Vec<String> {
        let mut seen = self.seen.lock().await;
        if is_thorough() {
            seen.clear();
        }
        let mut operations = undisturbed.await;
        operations.retain(|operation| seen.insert(operation.clone()));
        operations
    }

    /// Disturbs each operation of a run. `play` is one run with one fault or none, which asserts all that
    /// must hold and returns the operations that it has asked for.
    pub(crate) async fn run<F>(&self, what: &str, play: impl Fn(Option<FaultRule>) -> F)
    where
        F: Future<Output = Vec<String>> + 'static,
    {
        let operations = self.operations(play(None)).await;
        let mut cases: Vec<(String, FaultRule)> = Vec::new();
        for operation in &operations {
            for (answers, times, often) in [(&self.always, None, "always"), (&self.once, Some(1), "once")] {
                for (answer, effect) in answers {
                    if answers::can_be_told(operation, effect) {
                        let fault = FaultRule { times, ..FaultRule::on(operation.clone(), effect.clone()) };
                        cases.push((format!("{what}: {operation}: {answer}, {often}"), fault));
                    }
                }
            }
        }
        // The long cases come first, so that none of them is left over for the end.
        cases.sort_by_key(|(_, fault)| fault.times.is_some());
        let all = cases.len();
        let runs = cases.into_iter().map(|(name, fault)| async {
            let _place = PLACES.acquire().await.unwrap();
            (name, tokio::task::spawn_local(play(Some(fault))).await)
        });
        let ended: Vec<(String, Result<_, _>)> = LocalSet::new().run_until(join_all(runs)).await;
        let broken: Vec<String> = ended
            .into_iter()
            .filter_map(|(name, ended)| {
                Some(format!("{name}\n    {}", crate::single::told(&*ended.err()?.into_panic())))
            })
            .collect();
        assert!(broken.is_empty(), "{} of {all} cases:\n{}", broken.len(), broken.join("\n"));
        println!("{what}: {all} cases of {operations:?}");
    }
}

/// Returns the result that a run has written.
pub(crate) fn result(ended: &Finished) -> RunResult {
    serde_json::from_value(ended.result()).unwrap()
}

/// Returns the state that a run has written; `None` if nothing was about to be launched.
pub(crate) fn state(ended: &Finished) -> Option<RunState> {
    let path = ended.path("reports/state.json");
    path.exists().then(|| serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap())
}

/// A time that is longer than any of these runs may take: they have short timeouts, and a stop has two
/// minutes.
pub(crate) const LONGEST: Duration = Duration::from_secs(240);
