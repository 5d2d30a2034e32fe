use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::*;
use crate::model::{
    ExperimentResult, Monitor, MonitorRecord, RehearsalNote, RunIdentity, SCHEMA_VERSION, Score, Signal,
    State,
};

fn experiment(name: String, verdict: Verdict, score: Option<Score>, weight: u32) -> ExperimentResult {
    ExperimentResult {
        reason: format!("why {name}"),
        name,
        engine: "fis".to_owned(),
        id: None,
        url: None,
        state: State::Completed,
        raw_state: None,
        verdict,
        score,
        score_source: None,
        expected_resilience_score: None,
        weight,
        started_at: None,
        ended_at: None,
        source: "EXT1".to_owned(),
        region: None,
        transitions: Vec::new(),
        actions: Vec::new(),
        targets: Vec::new(),
        probes: Vec::new(),
        fault: None,
        stop_conditions: Vec::new(),
        evidence: Vec::new(),
        error: None,
        stop: None,
        report_location: None,
        monitor: MonitorRecord::new(Monitor::Events),
    }
}

/// What all parts of a run have in common.
#[derive(Debug, Clone)]
struct Common {
    expected: Score,
    dry_run: bool,
    signal: Option<Signal>,
    rehearsal: Option<RehearsalNote>,
}

/// A run as the lifecycle leaves it.
fn run(common: &Common, shard: Option<Shard>, experiments: Vec<ExperimentResult>) -> RunResult {
    let at = Timestamp::UNIX_EPOCH;
    let (rehearsal, signal) = (common.rehearsal.clone(), common.signal);
    let terms =
        Terms { expected: common.expected, dry_run: common.dry_run, signal, rehearsal: rehearsal.as_ref() };
    let gate = gate(&terms, &experiments);
    let calls = u64::try_from(experiments.len()).unwrap();
    RunResult {
        schema_version: SCHEMA_VERSION,
        faultgate: ToolInfo::current(),
        rehearsal,
        run: RunIdentity {
            id: "run".to_owned(),
            ci: "none".to_owned(),
            url: Some("https://ci.example/1".to_owned()),
            repository: None,
            commit: Some("0123456".to_owned()),
            shard,
            attempt_key: String::new(),
        },
        dry_run: common.dry_run,
        started_at: at,
        ended_at: at + SignedDuration::from_secs(9),
        gate,
        experiments,
        findings: Vec::new(),
        subscriptions: Vec::new(),
        reporting: Vec::new(),
        api_calls: BTreeMap::from([("StartExperiment".to_owned(), calls)]),
    }
}

/// The same run as the jobs of its parts see it.
fn split(whole: &RunResult, common: &Common, of: u32) -> Vec<(String, RunResult)> {
    let part = |number| {
        let shard = Shard::new(number, of).unwrap();
        let mine = whole.experiments.iter().enumerate().filter(|(place, _)| shard.takes(*place));
        let mine = mine.map(|(_, experiment)| experiment.clone()).collect();
        (format!("{number}.json"), run(common, Some(shard), mine))
    };
    (1..=of).map(part).collect()
}

fn passed(names: &[&str]) -> RunResult {
    let experiments = names
        .iter()
        .map(|name| experiment((*name).to_owned(), Verdict::Passed, Some(Score::FULL), 10))
        .collect();
    run(&plain(), None, experiments)
}

fn plain() -> Common {
    Common { expected: Score::FULL, dry_run: false, signal: None, rehearsal: None }
}

fn named(parts: Vec<RunResult>) -> Vec<(String, RunResult)> {
    parts.into_iter().enumerate().map(|(number, part)| (format!("{}.json", number + 1), part)).collect()
}

prop_compose! {
    fn one()(
        verdict in proptest::sample::select(
            &[Verdict::Passed, Verdict::Passed, Verdict::Passed, Verdict::Failed, Verdict::Errored, Verdict::TimedOut, Verdict::Cancelled][..]
        ),
        score in proptest::option::weighted(0.9, 0.0..=100.0),
        weight in 0_u32..=1_000,
    ) -> (Verdict, Option<Score>, u32) {
        (verdict, score.and_then(Score::new), weight)
    }
}

fn common() -> impl Strategy<Value = Common> {
    let signal = proptest::option::of(Just(Signal::Terminate));
    let note = RehearsalNote { scenario: "completed".to_owned(), note: "a note".to_owned() };
    (0.0..=100.0, any::<bool>(), signal, proptest::option::of(Just(note))).prop_map(
        |(expected, dry_run, signal, rehearsal)| Common {
            expected: Score::new(expected).unwrap(),
            dry_run,
            signal,
            rehearsal,
        },
    )
}

proptest! {
    #[test]
    fn a_merged_run_equals_the_run_unsplit(
        common in common(),
        experiments in proptest::collection::vec(one(), 1..12),
        of in 1_u32..12,
        turn in any::<proptest::sample::Index>(),
    ) {
        let experiments: Vec<_> = experiments
            .into_iter()
            .enumerate()
            .map(|(place, (verdict, score, weight))| experiment(format!("e{place}"), verdict, score, weight))
            .collect();
        let of = of.min(u32::try_from(experiments.len()).unwrap());
        let whole = run(&common, None, experiments);
        let mut parts = split(&whole, &common, of);
        // They may come in any order.
        let turn = turn.index(parts.len());
        parts.rotate_left(turn);
        prop_assert_eq!(merge(parts).unwrap(), whole);
    }
}

#[test]
fn results_that_are_no_shards_stay_in_order() {
    let merged = merge(named(vec![passed(&["c", "a"]), passed(&["b"])])).unwrap();
    let names: Vec<_> = merged.experiments.iter().map(|experiment| experiment.name.as_str()).collect();
    assert_eq!(names, ["c", "a", "b"]);
    assert_eq!(merged.gate.verdict, Verdict::Passed);
}

#[test]
fn what_is_not_of_one_run_is_told_all_at_once() {
    let mut other = passed(&["a", "b"]);
    other.gate.expected_resilience_score = Score::ZERO;
    other.dry_run = true;
    other.run.commit = Some("fedcba9".to_owned());
    let problems = merge(named(vec![passed(&["a"]), other])).unwrap_err();
    assert_eq!(
        problems,
        [
            "1.json and 2.json are not of one run: the one expects a resilience score of 100, the other of 0",
            "1.json and 2.json are not of one run: only one of them is a dry run",
            "1.json and 2.json are not of one run: they are of different commits",
            "the experiment a is in 1.json and in 2.json",
        ]
    );
    assert_eq!(merge(Vec::new()).unwrap_err(), ["there is no result to merge"]);
}

#[test]
fn all_shards_must_be_there_once() {
    let whole = passed(&["a", "b", "c", "d", "e"]);
    let parts = split(&whole, &plain(), 5);
    let some = |places: &[usize]| places.iter().map(|place| parts[*place].clone()).collect::<Vec<_>>();
    assert_eq!(merge(some(&[4, 0, 2])).unwrap_err(), ["shards 2/5, 4/5 missing: all parts make the gate"]);
    assert_eq!(merge(some(&[0, 1, 2, 3])).unwrap_err(), ["shard 5/5 missing: all parts make the gate"]);
    let mut twice = some(&[0, 1, 2, 3, 4]);
    twice.push(("again.json".to_owned(), run(&plain(), Shard::new(2, 5), Vec::new())));
    assert_eq!(merge(twice).unwrap_err(), ["shard 2/5 is there twice; again.json is the second"]);
    let mut foreign = some(&[0, 1, 2, 3, 4]);
    foreign.push(("third.json".to_owned(), run(&plain(), Shard::new(3, 4), Vec::new())));
    foreign.push(("run.json".to_owned(), passed(&["f"])));
    assert_eq!(
        merge(foreign).unwrap_err(),
        [
            "third.json is shard 3/4, and 1.json is shard 1/5",
            "run.json is no part of a suite, and 1.json is shard 1/5",
            "shard 3/4 is there twice; third.json is the second",
        ]
    );
}

#[test]
fn a_part_that_was_refused_for_its_reports_refuses_the_whole() {
    let mut parts = split(&passed(&["a", "b"]), &plain(), 2);
    let gate = &mut parts[1].1.gate;
    (gate.verdict, gate.exit_code) = (Verdict::Errored, 3);
    gate.reasons.insert(0, "the report junit.xml could not be posted: no room".to_owned());
    let merged = merge(parts).unwrap();
    assert_eq!((merged.gate.verdict, merged.gate.exit_code), (Verdict::Errored, 3));
    assert!(merged.gate.reasons[0].contains("junit.xml"), "{:?}", merged.gate.reasons);
}

#[test]
fn a_shard_below_the_expected_score_may_be_made_good_by_the_others() {
    let common = Common { expected: Score::new(70.0).unwrap(), ..plain() };
    let experiments = vec![
        experiment("a".to_owned(), Verdict::Passed, Score::new(50.0), 10),
        experiment("b".to_owned(), Verdict::Passed, Score::new(100.0), 10),
    ];
    let parts = split(&run(&common, None, experiments), &common, 2);
    assert_eq!(parts[0].1.gate.verdict, Verdict::Failed);
    assert_eq!(merge(parts).unwrap().gate.verdict, Verdict::Passed);
}
