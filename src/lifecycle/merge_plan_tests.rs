//! Tests of merges by parts of any shape, and of those that are held against a plan.

use proptest::prelude::*;

use super::tests::{Common, experiment, one, plain, run};
use super::*;
use faultgate_core::model::{EngineKind, Outcome, Phase, PlanItem, PlanRecord, Probe, Sample, Score};

/// Digest of the suite.
const SUITE: &str = "d";
/// Id of the plan.
const PLAN: &str = "plan-1";

type Verdicts = Vec<(Verdict, Option<Score>, u32)>;

fn suite(verdicts: &Verdicts) -> Vec<ExperimentResult> {
    let all = verdicts.iter().enumerate();
    all.map(|(place, (verdict, score, weight))| experiment(format!("e{place}"), *verdict, *score, *weight))
        .collect()
}

fn record(names: impl Iterator<Item = String>) -> PlanRecord {
    PlanRecord { digest: SUITE.to_owned(), experiments: names.collect() }
}

fn item(number: usize, weight: u32) -> PlanItem {
    PlanItem {
        experiment: format!("e{number}"),
        engine: EngineKind::Fis,
        template: Some("EXT1".to_owned()),
        account: None,
        region: None,
        role_arn: None,
        weight,
        timeout_seconds: 60,
        run: PLAN.to_owned(),
        suite: SUITE.to_owned(),
        suite_size: None,
        digest: None,
    }
}

fn plan(verdicts: &Verdicts, tolerate: Option<f64>) -> ExpectedPlan {
    let items = verdicts.iter().enumerate().map(|(number, (_, _, weight))| item(number, *weight));
    ExpectedPlan::new(items.collect(), tolerate.and_then(Score::new)).unwrap()
}

/// Divides experiments into parts by the number of each, as `only` does.
fn divide(common: &Common, experiments: &[ExperimentResult], part_of: &[usize]) -> Vec<RunResult> {
    let part = |number| {
        let mine = experiments.iter().zip(part_of).filter(|(_, of)| **of == number);
        let mine: Vec<_> = mine.map(|(experiment, _)| experiment.clone()).collect();
        let mut part = run(common, None, mine);
        part.plan = Some(record(experiments.iter().map(|experiment| experiment.name.clone())));
        part.run.plan_run = Some(PLAN.to_owned());
        part
    };
    let parts = (0..=part_of.iter().copied().max().unwrap_or_default()).map(part);
    parts.filter(|part| !part.experiments.is_empty()).collect()
}

fn merged(parts: Vec<RunResult>, plan: Option<ExpectedPlan>) -> Result<RunResult, Vec<String>> {
    let mut merger = Merger::new(plan);
    for (number, part) in parts.into_iter().enumerate() {
        merger.add(&format!("{number}.json"), part);
    }
    merger.finish(None)
}

fn common(expected: f64) -> Common {
    let mut common = plain();
    common.expected = Score::new(expected).unwrap();
    common
}

proptest! {
    #[test]
    fn parts_of_any_shape_make_the_run_unsplit(
        verdicts in prop::collection::vec(one(), 1..16),
        part_of in prop::collection::vec(0..6_usize, 16),
        turn in any::<prop::sample::Index>(),
        expected in 0.0..=100.0,
        with_plan in any::<bool>(),
    ) {
        let (common, all) = (common(expected), suite(&verdicts));
        let whole = run(&common, None, all.clone());
        let mut parts = divide(&common, &all, &part_of);
        let turn = turn.index(parts.len());
        parts.rotate_left(turn);
        let merged = merged(parts, with_plan.then(|| plan(&verdicts, None))).unwrap();
        prop_assert_eq!(merged.gate, whole.gate);
        prop_assert_eq!(merged.experiments, whole.experiments);
    }

    #[test]
    fn what_is_missing_is_errored_and_tolerated_within_the_share_alone(
        verdicts in prop::collection::vec(one(), 1..16),
        is_missing in prop::collection::vec(prop::bool::weighted(0.2), 16),
        tolerate in prop::option::of(0.0..=100.0),
        expected in 0.0..=100.0,
    ) {
        let (common, all) = (common(expected), suite(&verdicts));
        let part_of: Vec<usize> = (0..all.len()).collect();
        let mut parts = divide(&common, &all, &part_of);
        let mut number = 0;
        parts.retain(|_| { number += 1; !is_missing[number - 1] });
        prop_assume!(!parts.is_empty());
        let merged = merged(parts, Some(plan(&verdicts, tolerate))).unwrap();

        let missing: Vec<usize> = (0..all.len()).filter(|place| is_missing[*place]).collect();
        let names: Vec<String> = merged.experiments.iter().map(|experiment| experiment.name.clone()).collect();
        prop_assert_eq!(names, (0..all.len()).map(|place| format!("e{place}")).collect::<Vec<_>>());
        for place in &missing {
            prop_assert_eq!(merged.experiments[*place].verdict, Verdict::Errored);
        }
        let count = |verdict| merged.experiments.iter().filter(|experiment| experiment.verdict == verdict).count();
        let worse = [Verdict::Failed, Verdict::TimedOut, Verdict::Cancelled].map(count).iter().sum::<usize>();
        let number = |count: usize| f64::from(u32::try_from(count).unwrap());
        let share = 100.0 * number(count(Verdict::Errored)) / number(all.len());
        if merged.gate.verdict == Verdict::Passed {
            prop_assert_eq!(worse, 0);
            prop_assert!(count(Verdict::Passed) > 0);
            prop_assert!(count(Verdict::Errored) == 0 || share <= tolerate.unwrap_or(-1.0) + 1e-9);
            prop_assert!(merged.gate.resilience_score.unwrap().get() >= expected);
        }
        // A missing experiment that nothing tolerates is as bad as any other error.
        if tolerate.is_none() && !missing.is_empty() {
            prop_assert!(merged.gate.verdict <= Verdict::Errored);
        }
        // Tolerance never makes anything worse, and what it lets pass is as if it had not been there.
        if merged.tolerates_errors() {
            let rest = merged.experiments.iter().filter(|experiment| experiment.verdict != Verdict::Errored);
            let alone = run(&common, None, rest.cloned().collect()).gate;
            prop_assert_eq!(merged.gate.verdict, alone.verdict);
            prop_assert_eq!(merged.gate.resilience_score, alone.resilience_score);
        }
        prop_assert_eq!(merged.contradiction(), None);
    }

    #[test]
    fn what_is_foreign_or_doubled_is_refused(
        verdicts in prop::collection::vec(one(), 2..10),
        which in any::<prop::sample::Index>(),
        change in 0..5_usize,
    ) {
        let (common, all) = (common(50.0), suite(&verdicts));
        let part_of: Vec<usize> = (0..all.len()).collect();
        let mut parts = divide(&common, &all, &part_of);
        let which = which.index(parts.len());
        match change {
            0 => parts[which].run.plan_run = Some("plan-0".to_owned()),
            1 => parts[which].plan.as_mut().unwrap().digest = "other".to_owned(),
            2 => parts[which].experiments[0].name = "strange".to_owned(),
            3 => parts[which].run.commit = Some("fedcba9".to_owned()),
            _ => parts.push(parts[which].clone()),
        }
        prop_assert!(merged(parts, Some(plan(&verdicts, Some(100.0)))).is_err());
    }
}

#[test]
fn a_plan_of_several_runs_or_with_an_experiment_twice_is_none() {
    let refused = |items: Vec<PlanItem>| ExpectedPlan::new(items, None).unwrap_err();
    assert_eq!(refused(Vec::new()), ["has no items"]);
    let other_run = PlanItem { run: "plan-2".to_owned(), ..item(1, 1) };
    let other_suite = PlanItem { suite: "other".to_owned(), ..item(0, 1) };
    assert_eq!(
        refused(vec![item(0, 1), other_run, other_suite]),
        [
            "has items of several plans: their runs differ",
            "has items of several suites",
            "has the experiment e0 twice"
        ]
    );
    let nameless = PlanItem { experiment: String::new(), ..item(0, 1) };
    assert_eq!(refused(vec![nameless]), ["has an item whose experiment has no name"]);
}

/// A plan of a part would hide the rest of the suite.
#[test]
fn a_plan_that_is_shorter_than_its_suite_is_refused() {
    let of = |size: usize| ExpectedPlan::new(vec![PlanItem { suite_size: Some(size), ..item(0, 1) }], None);
    assert!(of(1).is_ok());
    let refused = of(2).unwrap_err();
    assert!(refused[0].starts_with("has 1 items, and its suite 2 experiments"), "{refused:?}");
    let verdicts = vec![(Verdict::Passed, Some(Score::FULL), 1); 2];
    let all = suite(&verdicts);
    let part = divide(&plain(), &all[..1], &[0]).remove(0);
    let suite = record(["e0", "e1"].into_iter().map(str::to_owned));
    let part = RunResult { plan: Some(suite), ..part };
    let refused = merged(vec![part], Some(plan(&verdicts[..1].to_vec(), None))).unwrap_err();
    assert!(
        refused.iter().any(|why| why.contains("has the experiment e1, which the plan leaves out")),
        "{refused:?}"
    );
}

#[test]
fn a_refusal_by_the_policy_is_not_tolerated() {
    let verdicts = vec![(Verdict::Passed, Some(Score::FULL), 1), (Verdict::Errored, None, 1)];
    let mut all = suite(&verdicts);
    let gate = |all: &[ExperimentResult]| {
        merged(divide(&plain(), all, &[0, 1]), Some(plan(&verdicts, Some(50.0)))).unwrap().gate.verdict
    };
    assert_eq!(gate(&all), Verdict::Passed);
    all[1].reason =
        "policy: deny.actions: aws:rds:failover-db-cluster, none that matches aws:rds:*".to_owned();
    assert_eq!(gate(&all), Verdict::Errored);
}

#[test]
fn a_missing_report_that_is_required_is_not_tolerated() {
    let verdicts = vec![(Verdict::Passed, Some(Score::FULL), 1), (Verdict::Errored, None, 1)];
    let gate = |required| {
        let mut parts = divide(&plain(), &suite(&verdicts), &[0, 1]);
        let detail = Some("HTTP 403".to_owned());
        let failed = Reported {
            sink: "commit-status".to_owned(),
            outcome: Outcome::Failed,
            detail,
            to_do: false,
            required,
        };
        parts[1].reporting = vec![failed];
        merged(parts, Some(plan(&verdicts, Some(50.0)))).unwrap().gate
    };
    assert_eq!(gate(false).verdict, Verdict::Passed);
    let refused = gate(true);
    assert_eq!(refused.verdict, Verdict::Errored);
    assert_eq!(refused.reasons[0], "the part 1.json lacks the required report commit-status: HTTP 403");
}

#[test]
fn what_is_tolerated_is_named() {
    let verdicts = vec![(Verdict::Passed, Some(Score::FULL), 1); 10];
    let all = suite(&verdicts);
    let parts = divide(&plain(), &all[..9], &(0..9).collect::<Vec<_>>());
    let parts = parts.into_iter().map(|part| RunResult { plan: Some(record(std::iter::empty())), ..part });
    let parts: Vec<_> = parts.collect();
    let gate = merged(parts.clone(), Some(plan(&verdicts, Some(10.0)))).unwrap().gate;
    assert_eq!((gate.verdict, gate.exit_code), (Verdict::Passed, 0));
    assert_eq!(
        gate.reasons,
        [
            "score 100 >= 100: 9 of 10 experiments passed",
            "tolerated: 1 of 10 experiments errored, and 10 % may: e9"
        ]
    );
    let gate = merged(parts.clone(), Some(plan(&verdicts, Some(9.9)))).unwrap().gate;
    assert_eq!((gate.verdict, gate.exit_code), (Verdict::Errored, 3));
    assert_eq!(gate.reasons, ["e9: no result: its job has left none, so nobody knows how it went"]);
    let refused = merged(parts, None).unwrap_err();
    assert!(refused[0].contains("hand over the plan with --plan"), "{refused:?}");
}

/// Makes a part with so many samples, of which the last one failed.
fn sampled(name: &str, verdict: Verdict, samples: usize) -> RunResult {
    let sample = |number| Sample {
        at: Timestamp::UNIX_EPOCH,
        phase: Phase::During,
        passed: number + 1 < samples,
        latency_ms: None,
        reason: Some("why".into()),
    };
    let probe = Probe { samples: (0..samples).map(sample).collect(), ..Probe::new("p", "http", 10) };
    let mut of_it = experiment(name.to_owned(), verdict, None, 10);
    of_it.probes = vec![probe];
    let mut part = run(&plain(), None, vec![of_it]);
    part.plan = Some(record(["a", "b", "c"].map(str::to_owned).into_iter()));
    part
}

#[test]
fn samples_beyond_the_room_go_and_those_of_what_passed_go_first() {
    let kept = |parts: [(&str, Verdict, usize); 3]| {
        let parts = parts.map(|(name, verdict, samples)| sampled(name, verdict, samples));
        let merged = merged(parts.to_vec(), None).unwrap();
        let probes = merged.experiments.iter().map(|experiment| &experiment.probes[0]);
        probes.map(|probe| (probe.samples.len(), probe.samples_left_out)).collect::<Vec<_>>()
    };
    let (passed, failed) = (Verdict::Passed, Verdict::Failed);
    assert_eq!(
        kept([("a", passed, 9_000), ("b", passed, 2_000), ("c", failed, 9_000)]),
        [(9_000, 0), (2_000, 0), (9_000, 0)]
    );
    // The reason of the last failure stays.
    assert_eq!(
        kept([("a", passed, 9_000), ("b", passed, 2_001), ("c", failed, 9_000)]),
        [(1, 8_999), (1, 2_000), (9_000, 0)]
    );
    assert_eq!(
        kept([("a", failed, 15_000), ("b", failed, 15_000), ("c", failed, 5_000)]),
        [(15_000, 0), (1, 14_999), (5_000, 0)]
    );
}
