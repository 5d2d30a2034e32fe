//! The invariants: what must hold of a result, of the engine's world afterwards and of the state file,
//! whatever requests meet.

use std::time::Duration;

use faultgate::lifecycle::{
    CLOSE_LIMIT, CONFIRM_LIMIT, LAST_RECORD_LIMIT, LAUNCH_LIMIT, STOP_LIMIT, WRITE_LIMIT,
};
use faultgate_core::model::{RunPhase, RunResult, RunState, Verdict};
use faultgate_engines::fis::HANDSHAKE_TIMEOUT;
use faultgate_net::aws::OPERATION_TIMEOUT;
use faultgate_rehearsal::{ExperimentEntry, Snapshot};

/// Number of entries of the journal that may each wait for the disk.
const ENTRIES: u32 = 10;

/// An experiment as its engine knows it.
#[derive(Debug, Clone)]
pub struct OwnRecord {
    /// The ids of the experiment. Some engines know it by two.
    pub ids: Vec<String>,
    /// The name of the experiment in the plan, where the engine knows it.
    pub name: Option<String>,
    pub status: String,
    pub completed: bool,
    pub injected: bool,
    pub standing: Standing,
}

/// The state of an experiment after the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// The experiment goes on, and nobody has asked it to stop.
    Runs,
    Stops,
    Over,
}

impl OwnRecord {
    fn is(&self, id: &str) -> bool {
        self.ids.iter().any(|own| own == id)
    }

    fn runs(&self) -> bool {
        self.standing == Standing::Runs
    }

    fn is_over(&self) -> bool {
        self.standing == Standing::Over
    }

    fn is_in(&self, text: &str) -> bool {
        self.ids.iter().any(|own| !own.is_empty() && text.contains(own.as_str()))
    }
}

/// The engine's world after a run.
#[derive(Debug, Clone, Default)]
pub struct There {
    pub experiments: Vec<OwnRecord>,
    /// Names of rules and queues of the run.
    pub made: Vec<String>,
    /// Ids of experiments that somebody has asked to stop.
    pub asked_to_stop: Vec<String>,
}

impl There {
    /// Returns the world of an account. `injected` is `true` if targets resolve in it.
    pub fn in_account(seen: &Snapshot, injected: bool) -> Self {
        // A preview acts on nothing, and is no begin of its experiment.
        let is_preview = |own: &&ExperimentEntry| own.tags.contains_key("faultgate:preview");
        let acting = seen.inventory.experiments.iter().filter(|own| !is_preview(own));
        let experiments = acting.map(|own| OwnRecord {
            ids: vec![own.id.clone()],
            name: own.tags.get("faultgate:experiment").cloned(),
            status: own.status.clone(),
            completed: own.status == "completed",
            injected,
            standing: match own.status.as_str() {
                "pending" | "initiating" | "running" => Standing::Runs,
                "stopping" => Standing::Stops,
                _ => Standing::Over,
            },
        });
        let rules = seen.inventory.rules.iter().map(|rule| rule.name.clone());
        let queues = seen.inventory.queues.iter().map(|queue| queue.name.clone());
        let stops = seen.requests.iter().filter(|request| request.operation == "StopExperiment");
        let stops = stops.filter_map(|request| request.input["id"].as_str().map(str::to_owned));
        Self {
            experiments: experiments.collect(),
            made: rules.chain(queues).filter(|name| name.starts_with("faultgate-")).collect(),
            asked_to_stop: stops.collect(),
        }
    }

    /// Returns what goes on, and what has to be removed.
    pub fn left(&self) -> Vec<String> {
        let runs = self.experiments.iter().filter(|own| own.runs());
        let runs = runs.map(|own| format!("experiment {:?} is {}", own.ids, own.status));
        runs.chain(self.made.iter().cloned()).collect()
    }
}

/// Asserts that `passed` is only said where the engine's record says completed and injected, and the score
/// suffices.
pub fn no_false_green(result: &RunResult, there: &There) {
    let gate = &result.gate;
    assert_eq!(gate.exit_code, gate.verdict.exit_code(gate.signal));
    for experiment in result.experiments.iter().filter(|experiment| experiment.verdict == Verdict::Passed) {
        let id = experiment.id.as_deref().expect("what has passed has an id");
        let own = there.experiments.iter().find(|own| own.is(id)).expect("its engine knows it");
        assert!(own.completed, "false green: it is {}: {experiment:#?}", own.status);
        assert!(own.injected, "false green: nothing was injected: {experiment:#?}");
        if let Some(name) = &own.name {
            assert_eq!(name, &experiment.name, "false green: another's experiment");
        }
        let score = experiment.score.expect("what has passed has a score");
        let floor = experiment.expected_resilience_score;
        assert!(floor.is_none_or(|floor| score >= floor), "false green: {score:?} of {floor:?}");
    }
    if gate.verdict == Verdict::Passed {
        assert!(!result.experiments.is_empty(), "false green: of nothing");
        assert!(
            result.experiments.iter().all(|experiment| experiment.verdict == Verdict::Passed),
            "{gate:?}"
        );
        let score = gate.resilience_score.expect("what has passed has a score");
        assert!(score >= gate.expected_resilience_score, "false green: {gate:?}");
    }
}

/// Asserts that no experiment of the plan was begun twice.
pub fn begun_once(result: &RunResult, there: &There) {
    for planned in &result.experiments {
        let of = |own: &&OwnRecord| own.name.as_ref() == Some(&planned.name);
        let begun: Vec<_> = there.experiments.iter().filter(of).collect();
        assert!(begun.len() <= 1, "begun more than once: {begun:#?}");
    }
}

/// Asserts that each experiment is stopped, or that the report says that it may not be and how to stop it by
/// hand.
pub fn stopped_or_told(result: &RunResult, there: &There) {
    for own in &there.experiments {
        let is_it = |id: Option<&str>, name: &String| {
            id.is_some_and(|id| own.is(id)) || own.name.as_ref() == Some(name)
        };
        let planned = result.experiments.iter().find(|planned| is_it(planned.id.as_deref(), &planned.name));
        let Some(planned) = planned else { continue };
        let confirmed = planned.stop.as_ref().is_some_and(|stop| stop.confirmed);
        assert!(own.is_over() || !confirmed, "it is {}, and said to have stopped: {planned:#?}", own.status);
        if own.runs() {
            let by_id = planned.reason.contains("NOT confirmed") && own.is_in(&planned.reason);
            let by_hand = planned.reason.contains("by hand");
            assert!(
                by_hand || there.asked_to_stop.iter().any(|id| own.is(id)),
                "nobody asked {own:?} to stop"
            );
            assert!(by_id || by_hand, "{own:?} is left, and the report is silent: {planned:#?}");
        }
    }
}

/// Asserts that rules and queues are gone, or named with the command that removes them.
pub fn removed_or_named(result: &RunResult, there: &There) {
    let leftovers: Vec<_> = result.subscriptions.iter().flat_map(|of| &of.leftovers).collect();
    for name in &there.made {
        let told =
            leftovers.iter().any(|told| told.contains(name.as_str()) && told.contains("remove it by: `aws "));
        assert!(told, "{name} is left and not named: {leftovers:#?}");
    }
}

/// Asserts that another process learns of all that is left.
pub fn written_down(state: &RunState, there: &There) {
    for own in there.experiments.iter().filter(|own| !own.is_over()) {
        let known = state.experiments.iter().find(|known| own.name.as_ref() == Some(&known.name));
        let Some(known) = known else { continue };
        assert!(known.is_open(), "{own:?} is left, and the state says {:?}", known.phase);
        let launched = known.launch.as_ref().is_none_or(|launch| own.is(&launch.id));
        let is_sought = matches!(known.phase, RunPhase::Previewing | RunPhase::Intended);
        assert!(launched || is_sought, "the state knows another: {known:#?}");
    }
    for name in &there.made {
        let open = state.open_subscriptions().any(|of| of.name == *name || of.rules.contains(name));
        assert!(open, "{name} is left, and the state says that it is removed");
    }
}

/// Asserts the same of a state file, which only has to exist if something was about to be begun.
pub fn written_down_if_at_all(state: Option<&RunState>, there: &There) {
    match state {
        Some(state) => written_down(state, there),
        None => assert_eq!(there.left(), [""; 0], "no state file tells of it"),
    }
}

/// Returns the longest time that a run with this number of experiments may take, each with this timeout.
pub fn longest(experiments: usize, timeout: Duration) -> Duration {
    // One after another: the checks before a launch.
    let checks = OPERATION_TIMEOUT * 4;
    // The queue and the rule, then the target, then the handshake, then the search for what is missing.
    let subscribing = OPERATION_TIMEOUT * 2 + HANDSHAKE_TIMEOUT + OPERATION_TIMEOUT;
    // A launch, and the search for one that was not answered.
    let launch = LAUNCH_LIMIT * 2;
    // The request to stop, its confirmation and a last look, and then the question who stopped it.
    let stop = STOP_LIMIT + CONFIRM_LIMIT + LAST_RECORD_LIMIT + OPERATION_TIMEOUT;
    let all = (launch + stop + timeout) * u32::try_from(experiments).expect("a few");
    checks + subscribing + all + CLOSE_LIMIT * 2 + WRITE_LIMIT * ENTRIES
}

/// Asserts that a run has ended by its deadlines.
pub fn in_time(took: Duration, longest: Duration) {
    assert!(took <= longest, "it took {took:?}, and has {longest:?}");
}

/// Asserts all that must hold of a result.
pub fn hold(result: &RunResult, there: &There) {
    no_false_green(result, there);
    begun_once(result, there);
    stopped_or_told(result, there);
    removed_or_named(result, there);
}

/// Asserts that `faultgate stop` exits with 0 only if nothing is left; otherwise it names what is left, and
/// the state still has it.
pub fn stop_tells(code: Option<i32>, told: &str, state: &RunState, there: &There) {
    written_down(state, there);
    if code == Some(0) {
        assert_eq!(there.left(), [""; 0], "it says that nothing is left: {told}");
        assert!(state.is_settled(), "it says that nothing is left: {state:#?}");
        return;
    }
    assert_eq!(code, Some(3), "{told}");
    for own in there.experiments.iter().filter(|own| own.runs()) {
        let by_id = told.contains("NOT known to have stopped") && own.is_in(told);
        assert!(by_id || told.contains("could NOT be looked for"), "{own:?} is left and not told of: {told}");
    }
    for name in &there.made {
        assert!(told.contains(name.as_str()), "{name} is left and not told of: {told}");
    }
}
