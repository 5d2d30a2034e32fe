use std::time::Duration;

use jiff::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::model::{EngineSpec, ExperimentPlan, Monitor, Probe, SCORING, ScoreDrop, State};

fn score(value: f64) -> Score {
    Score::new(value).unwrap()
}

fn probe(name: &str, value: f64) -> Probe {
    Probe {
        passed: 1,
        total: 1,
        passed_counted: 1,
        counted: 1,
        score: score(value),
        ..Probe::new(name, "http", 10)
    }
}

fn experiment(name: &str, verdict: Verdict, value: Option<f64>, probes: Vec<Probe>) -> ExperimentResult {
    let plan = ExperimentPlan {
        name: name.to_owned(),
        spec: EngineSpec::Fis { template: "EXT1".to_owned(), region: None, role_arn: None },
        weight: 10,
        timeout: Duration::ZERO,
        queue_timeout: Duration::ZERO,
        expected: None,
        probes: Vec::new(),
    };
    let planned = ExperimentResult::planned(&plan, Monitor::Events, verdict, "because".to_owned());
    ExperimentResult { state: State::Completed, score: value.and_then(Score::new), probes, ..planned }
}

fn earlier(value: f64, experiments: &[ExperimentResult], allowed: Option<f64>) -> CompareTo {
    let kept = experiments.iter().map(|one| {
        let probes = one.probes.iter().map(|probe| (probe.name.clone(), probe.score)).collect();
        (one.name.clone(), EarlierExperiment { score: one.score, took: None, verdict: one.verdict, probes })
    });
    let run = EarlierRun {
        scoring: SCORING,
        id: "earlier".to_owned(),
        url: None,
        commit: None,
        ended_at: Timestamp::UNIX_EPOCH,
        verdict: Verdict::Passed,
    };
    CompareTo {
        earlier: Earlier {
            run,
            score: Some(score(value)),
            experiments: kept.collect(),
            names: experiments.iter().map(|one| one.name.clone()).collect(),
        },
        max_score_drop: allowed.and_then(Score::new),
    }
}

/// Returns the excess of a drop from one score to another, if so much is allowed.
fn excess(from: f64, to: Option<f64>, allowed: f64) -> Option<ScoreDrop> {
    let now = [experiment("a", Verdict::Passed, to, Vec::new())];
    earlier(from, &[], Some(allowed)).compare(&now, true).excess()
}

#[test]
fn a_drop_of_exactly_what_is_allowed_passes() {
    for (from, to, allowed, is_too_much) in [
        (95.0, 90.0, 5.0, false),
        (95.0, 89.99, 5.0, true),
        (95.0, 96.0, 0.0, false),
        (95.0, 95.0, 0.0, false),
        // Such differences are exact in decimals, and are not in binary fractions.
        (0.3, 0.2, 0.1, false),
        (95.29, 95.0, 0.29, false),
        (62.0, Score::of_share(57, 100).get(), 5.0, false),
        (90.1, 87.9, 2.2, false),
        (90.1, 87.9, 2.19, true),
        // Decimals that are not shown do not count: 66.66 is 5 below 71.66, whatever follows.
        (71.666_666_667, 66.666_666_666, 5.0, false),
        (71.666, 66.669, 5.0, false),
        (71.669, 66.661, 5.0, false),
        (71.67, 66.669, 5.0, true),
        (10.0, 5.45, 4.555, false),
        (10.0, 5.44, 4.555, true),
    ] {
        let excess = excess(from, Some(to), allowed);
        assert_eq!(excess.is_some(), is_too_much, "{from} {to} {allowed}: {excess:?}");
    }
}

#[test]
fn the_reason_has_the_figures() {
    assert_eq!(
        excess(95.0, Some(81.5), 5.0).unwrap().to_string(),
        "the resilience score 81.5 is 13.5 below the earlier 95, and max-score-drop allows 5"
    );
    assert_eq!(excess(95.0, None, 5.0), None, "what is not known has not dropped");
}

#[test]
fn experiments_and_probes_are_compared_by_name() {
    let before = [
        experiment("gone", Verdict::Passed, Some(100.0), Vec::new()),
        experiment("a", Verdict::Passed, Some(92.0), vec![probe("old", 1.0), probe("kept", 92.0)]),
    ];
    let now = [
        experiment("new", Verdict::Passed, Some(70.0), Vec::new()),
        experiment("a", Verdict::Failed, Some(81.5), vec![probe("kept", 81.5), probe("fresh", 3.0)]),
    ];
    let comparison = earlier(96.0, &before, None).compare(&now, true);
    let told: Vec<_> = comparison.experiments.iter().map(|one| (one.name.as_str(), one.presence)).collect();
    assert_eq!(told, [("new", Presence::New), ("a", Presence::Both), ("gone", Presence::Gone)]);
    let change = comparison.find("a").unwrap();
    assert_eq!(change.score.change(), Some(-10.5));
    assert_eq!((change.verdict.earlier, change.verdict.now), (Some(Verdict::Passed), Some(Verdict::Failed)));
    let probes: Vec<_> = change
        .probes
        .iter()
        .map(|one| (one.name.as_str(), one.score.earlier().map(Score::get), one.score.now().map(Score::get)))
        .collect();
    assert_eq!(
        probes,
        [("kept", Some(92.0), Some(81.5)), ("fresh", None, Some(3.0)), ("old", Some(1.0), None)]
    );
    assert_eq!(comparison.score, Some(ScoreChange::new(Some(score(96.0)), Some(score(75.75)))));
}

#[test]
fn of_a_part_only_its_experiments_are_compared() {
    let before = [experiment("a", Verdict::Passed, Some(100.0), Vec::new())];
    let now = [experiment("b", Verdict::Passed, Some(0.0), Vec::new())];
    let comparison = earlier(100.0, &before, Some(0.0)).compare(&now, false);
    assert_eq!((comparison.score, comparison.max_score_drop, comparison.excess()), (None, None, None));
    let names: Vec<_> = comparison.experiments.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, ["b"], "what is not here may be in another part");
}

#[test]
fn a_change_is_read_from_its_ends() {
    let read: ScoreChange =
        serde_json::from_str("{\"earlier\": 9, \"now\": 7.5, \"change\": 1e300}").unwrap();
    assert_eq!(read.change(), Some(-1.5));
    assert_eq!(serde_json::to_string(&read).unwrap(), "{\"earlier\":9.0,\"now\":7.5,\"change\":-1.5}");
}

proptest! {
    #[test]
    fn more_allowed_and_a_better_score_are_never_worse(
        from in 0.0..=100.0,
        to in (0.0..=100.0, 0.0..=100.0),
        allowed in (0.0..=100.0, 0.0..=100.0),
    ) {
        let better = |pair: (f64, f64)| (pair.0.min(pair.1), pair.0.max(pair.1));
        let ((low, high), (little, much)) = (better(to), better(allowed));
        let is_too_much = |to, allowed| excess(from, Some(to), allowed).is_some();
        prop_assert!(is_too_much(low, little) || !is_too_much(low, much));
        prop_assert!(is_too_much(low, little) || !is_too_much(high, little));
    }

    #[test]
    fn what_is_shown_decides(from in 0.0..=100.0, to in 0.0..=100.0, allowed in 0.0..=100.0) {
        let [from, to, allowed] = [from, to, allowed].map(score);
        // The shown text is read as whole hundredths, as a person would read it.
        let read = |score: Score| {
            let text = format!("{score:.9}");
            let (whole, rest) = text.split_once('.').unwrap_or((&text, ""));
            let rest = format!("{rest:0<2}");
            whole.parse::<i64>().unwrap() * 100 + rest[..2].parse::<i64>().unwrap()
        };
        let excess = excess(from.get(), Some(to.get()), allowed.get());
        let shown = weighted_mean([(Some(to), 10)]).unwrap();
        prop_assert_eq!(excess.is_some(), read(from) - read(shown) > read(allowed));
    }
}
