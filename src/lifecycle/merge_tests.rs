use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::*;
use faultgate_core::model::{
    CompareTo, Earlier, EngineSpec, ExperimentPlan, ExperimentResult, Monitor, PlanRecord, RehearsalNote,
    RunIdentity, SCHEMA_VERSION, Score, Signal, State,
};

pub(super) fn experiment(
    name: String,
    verdict: Verdict,
    score: Option<Score>,
    weight: u32,
) -> ExperimentResult {
    let reason = format!("why {name}");
    let plan = ExperimentPlan {
        name,
        spec: EngineSpec::Fis { template: "EXT1".to_owned(), region: None, role_arn: None },
        weight,
        timeout: Duration::ZERO,
        queue_timeout: Duration::ZERO,
        expected: None,
        probes: Vec::new(),
    };
    let planned = ExperimentResult::planned(&plan, Monitor::Events, verdict, reason);
    ExperimentResult { state: State::Completed, score, ..planned }
}

/// Merges parts of a suite that has only their experiments.
fn merge(
    mut parts: Vec<(String, RunResult)>,
    compare_to: Option<&CompareTo>,
) -> Result<RunResult, Vec<String>> {
    let names: BTreeSet<_> =
        parts.iter().flat_map(|(_, part)| &part.experiments).map(|of| of.name.clone()).collect();
    let mut names: Vec<_> = names.into_iter().collect();
    // Longer numbers are larger ones.
    names.sort_by_key(String::len);
    let plan = PlanRecord { digest: "d".to_owned(), experiments: names };
    for (_, part) in &mut parts {
        part.plan = Some(plan.clone());
    }
    let mut merger = Merger::default();
    for (name, part) in parts {
        merger.add(&name, part);
    }
    merger.finish(compare_to).map(|whole| RunResult { plan: None, merged: false, ..whole })
}

/// The facts that all parts of a run share.
#[derive(Debug, Clone)]
pub(super) struct Common {
    pub(super) expected: Score,
    dry_run: bool,
    signal: Option<Signal>,
    rehearsal: Option<RehearsalNote>,
    compare_to: Option<CompareTo>,
}

/// Builds a result as the lifecycle leaves it.
pub(super) fn run(common: &Common, shard: Option<Shard>, experiments: Vec<ExperimentResult>) -> RunResult {
    let at = Timestamp::UNIX_EPOCH;
    let (rehearsal, signal) = (common.rehearsal.clone(), common.signal);
    let is_whole = shard.is_none_or(Shard::is_whole);
    let comparison = common
        .compare_to
        .as_ref()
        .filter(|_| !common.dry_run)
        .map(|compare_to| compare_to.compare(&experiments, is_whole));
    let gate = Gate {
        verdict: Verdict::Errored,
        exit_code: 0,
        resilience_score: None,
        expected_resilience_score: common.expected,
        reasons: Vec::new(),
        signal,
    };
    let calls = u64::try_from(experiments.len()).unwrap();
    let undecided = RunResult {
        scoring: faultgate_core::model::SCORING,
        schema_version: SCHEMA_VERSION,
        faultgate: ToolInfo::current(),
        rehearsal,
        run: RunIdentity {
            id: "run".to_owned(),
            ci: "none".to_owned(),
            pipeline: None,
            url: Some("https://ci.example/1".to_owned()),
            repository: None,
            commit: Some("0123456".to_owned()),
            environment: None,
            shard,
            plan_run: None,
            attempt_key: String::new(),
        },
        plan: None,
        dry_run: common.dry_run,
        started_at: at,
        ended_at: at + SignedDuration::from_secs(9),
        gate,
        merged: false,
        tolerate: None,
        links: Vec::new(),
        comparison,
        experiments,
        findings: Vec::new(),
        subscriptions: Vec::new(),
        reporting: Vec::new(),
        api_calls: BTreeMap::from([("StartExperiment".to_owned(), calls)]),
    };
    RunResult { gate: decide(&undecided), ..undecided }
}

/// Builds the parts of one run, as their jobs see it.
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

pub(super) fn plain() -> Common {
    Common { expected: Score::FULL, dry_run: false, signal: None, rehearsal: None, compare_to: None }
}

fn named(parts: Vec<RunResult>) -> Vec<(String, RunResult)> {
    parts.into_iter().enumerate().map(|(number, part)| (format!("{}.json", number + 1), part)).collect()
}

prop_compose! {
    pub(super) fn one()(
        verdict in proptest::sample::select(
            &[Verdict::Passed, Verdict::Passed, Verdict::Passed, Verdict::Failed, Verdict::Errored, Verdict::TimedOut, Verdict::Cancelled][..]
        ),
        score in proptest::option::weighted(0.9, 0.0..=100.0),
        weight in 0_u32..=1_000,
    ) -> (Verdict, Option<Score>, u32) {
        (verdict, score.and_then(Score::new), weight)
    }
}

/// Builds an earlier run, some of whose experiments still exist.
fn earlier() -> impl Strategy<Value = CompareTo> {
    let experiments = proptest::collection::vec((0..12_usize, one()), 0..12);
    (experiments, proptest::option::of(0.0..=100.0)).prop_map(|(experiments, allowed)| {
        let experiments: BTreeMap<usize, _> = experiments.into_iter().collect();
        let experiments = experiments
            .into_iter()
            .map(|(place, (verdict, score, weight))| experiment(format!("e{place}"), verdict, score, weight));
        let earlier = Earlier::from(run(&plain(), None, experiments.collect()));
        CompareTo { earlier, max_score_drop: allowed.and_then(Score::new) }
    })
}

fn common() -> impl Strategy<Value = Common> {
    let signal = proptest::option::of(Just(Signal::Terminate));
    let note = RehearsalNote { scenario: "completed".to_owned(), note: "a note".to_owned() };
    (0.0..=100.0, any::<bool>(), signal, proptest::option::of(Just(note)), proptest::option::of(earlier()))
        .prop_map(|(expected, dry_run, signal, rehearsal, compare_to)| Common {
            expected: Score::new(expected).unwrap(),
            dry_run,
            signal,
            rehearsal,
            compare_to,
        })
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
        // The parts may come in any order.
        let turn = turn.index(parts.len());
        parts.rotate_left(turn);
        prop_assert_eq!(merge(parts, common.compare_to.as_ref()).unwrap(), whole);
    }
}

fn of_shard(number: u32, of: u32, name: &str) -> RunResult {
    let mut part = passed(&[name]);
    part.run.shard = Shard::new(number, of);
    part
}

#[test]
fn results_that_are_no_shards_come_in_the_order_of_their_suite() {
    let merged = merge(named(vec![passed(&["c", "a"]), passed(&["b"])]), None).unwrap();
    let names: Vec<_> = merged.experiments.iter().map(|experiment| experiment.name.as_str()).collect();
    assert_eq!(names, ["a", "b", "c"]);
    assert_eq!(merged.gate.verdict, Verdict::Passed);
}

#[test]
fn what_is_not_of_one_run_is_told_all_at_once() {
    let mut other = passed(&["a", "b"]);
    other.gate.expected_resilience_score = Score::ZERO;
    other.dry_run = true;
    other.run.commit = Some("fedcba9".to_owned());
    let problems = merge(named(vec![passed(&["a"]), other]), None).unwrap_err();
    assert_eq!(
        problems,
        [
            "1.json and 2.json are not of one run: the one expects a resilience score of 100, the other of 0",
            "1.json and 2.json are not of one run: only one of them is a dry run",
            "1.json and 2.json are not of one run: the one is of the commit 0123456, the other of the commit fedcba9",
            "the experiment a is in 1.json and in 2.json",
        ]
    );
    assert_eq!(merge(Vec::new(), None).unwrap_err(), ["there is no result to merge"]);
}

#[test]
fn all_shards_must_be_there_once() {
    let whole = passed(&["a", "b", "c", "d", "e"]);
    let parts = split(&whole, &plain(), 5);
    let some = |places: &[usize]| places.iter().map(|place| parts[*place].clone()).collect::<Vec<_>>();
    assert_eq!(
        merge(some(&[4, 0, 2]), None).unwrap_err(),
        ["shards 2/5, 4/5 missing: all parts make the gate"]
    );
    assert_eq!(merge(some(&[0, 1, 2, 3]), None).unwrap_err(), ["shard 5/5 missing: all parts make the gate"]);
    let mut twice = some(&[0, 1, 2, 3, 4]);
    twice.push(("again.json".to_owned(), of_shard(2, 5, "g")));
    assert_eq!(merge(twice, None).unwrap_err(), ["shard 2/5 is there twice; again.json is the second"]);
    let mut foreign = some(&[0, 1, 2, 3, 4]);
    foreign.push(("third.json".to_owned(), of_shard(3, 4, "h")));
    foreign.push(("run.json".to_owned(), passed(&["f"])));
    assert_eq!(
        merge(foreign, None).unwrap_err(),
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
    let merged = merge(parts, None).unwrap();
    assert_eq!((merged.gate.verdict, merged.gate.exit_code), (Verdict::Errored, 3));
    let told = "the part 2.json is errored: the report junit.xml could not be posted: no room";
    assert_eq!(merged.gate.reasons[0], told);
}

#[test]
fn a_part_that_does_not_say_why_it_was_refused_is_named_all_the_same() {
    let mut parts = split(&passed(&["a", "b"]), &plain(), 2);
    let gate = &mut parts[0].1.gate;
    (gate.verdict, gate.exit_code) = (Verdict::Failed, 1);
    gate.reasons.clear();
    let merged = merge(parts, None).unwrap();
    assert_eq!(merged.gate.verdict, Verdict::Failed);
    assert_eq!(merged.gate.reasons[0], "the part 1.json is failed: it does not say why");
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
    assert_eq!(merge(parts, None).unwrap().gate.verdict, Verdict::Passed);
}

/// Builds earlier runs of one experiment `a` with these scores.
fn earlier_of(score: f64, allowed: f64) -> CompareTo {
    let before =
        run(&plain(), None, vec![experiment("a".to_owned(), Verdict::Passed, Score::new(score), 10)]);
    CompareTo { earlier: Earlier::from(before), max_score_drop: Score::new(allowed) }
}

/// Builds a run whose experiments passed with these scores.
fn scored(common: &Common, scores: &[Option<f64>]) -> RunResult {
    let experiments = scores.iter().enumerate().map(|(place, score)| {
        experiment(format!("e{place}"), Verdict::Passed, score.and_then(Score::new), 10)
    });
    run(common, None, experiments.collect())
}

#[test]
fn a_drop_larger_than_allowed_fails_the_run() {
    let low =
        Common { expected: Score::new(50.0).unwrap(), compare_to: Some(earlier_of(95.0, 5.0)), ..plain() };
    let gate = scored(&low, &[Some(81.5)]).gate;
    assert_eq!((gate.verdict, gate.exit_code), (Verdict::Failed, 1));
    assert_eq!(
        gate.reasons,
        ["the resilience score 81.5 is 13.5 below the earlier 95, and max-score-drop allows 5"]
    );
    let gate = scored(&low, &[Some(90.0)]).gate;
    assert_eq!(gate.verdict, Verdict::Passed, "{:?}", gate.reasons);
    let gate = scored(&Common { expected: Score::FULL, ..low.clone() }, &[Some(81.5)]).gate;
    assert_eq!(gate.reasons.len(), 2, "both are true: {:?}", gate.reasons);
    let gate = scored(&low, &[None]).gate;
    assert_eq!(gate.verdict, Verdict::Errored);
    assert_eq!(gate.reasons, ["the resilience score is not known"]);
    let dry = scored(&Common { dry_run: true, ..low }, &[Some(81.5)]);
    assert_eq!((dry.gate.verdict, dry.comparison), (Verdict::Passed, None));
}

#[test]
fn what_was_broken_off_has_not_dropped_by_its_own_weakness() {
    let common = Common { compare_to: Some(earlier_of(95.0, 5.0)), ..plain() };
    let gate =
        |verdict| run(&common, None, vec![experiment("a".to_owned(), verdict, Score::new(0.0), 1)]).gate;
    for (verdict, reasons) in [(Verdict::Failed, 2), (Verdict::Errored, 1), (Verdict::Cancelled, 1)] {
        let gate = gate(verdict);
        assert_eq!((gate.verdict, gate.reasons.len()), (verdict, reasons), "{:?}", gate.reasons);
    }
}

#[test]
fn what_the_parts_were_compared_with_does_not_matter_to_the_whole() {
    let common =
        Common { expected: Score::new(50.0).unwrap(), compare_to: Some(earlier_of(95.0, 5.0)), ..plain() };
    let mut second = scored(&common, &[Some(80.0)]);
    second.experiments[0].name = "other".to_owned();
    let parts = vec![scored(&common, &[Some(80.0)]), second];
    assert!(parts.iter().all(|part| part.gate.verdict == Verdict::Failed));
    let merged = merge(named(parts.clone()), None).unwrap();
    assert_eq!((merged.gate.verdict, merged.comparison), (Verdict::Passed, None));
    let merged = merge(named(parts), common.compare_to.as_ref()).unwrap();
    assert_eq!(merged.gate.verdict, Verdict::Failed);
    assert_eq!(merged.gate.reasons.len(), 1, "{:?}", merged.gate.reasons);
}

proptest! {
    #[test]
    fn an_earlier_run_never_makes_a_run_pass(
        common in common(),
        compare_to in earlier(),
        experiments in proptest::collection::vec(one(), 1..6),
    ) {
        let experiments: Vec<_> = experiments
            .into_iter()
            .enumerate()
            .map(|(place, (verdict, score, weight))| experiment(format!("e{place}"), verdict, score, weight))
            .collect();
        let without = run(&Common { compare_to: None, ..common.clone() }, None, experiments.clone()).gate;
        let with = run(&Common { compare_to: Some(compare_to), ..common }, None, experiments).gate;
        match without.verdict {
            Verdict::Passed => prop_assert!(matches!(with.verdict, Verdict::Passed | Verdict::Failed)),
            other => prop_assert_eq!(with.verdict, other),
        }
        prop_assert_eq!(with.resilience_score, without.resilience_score);
    }
}
