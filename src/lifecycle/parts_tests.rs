use std::collections::BTreeMap;

use jiff::Timestamp;

use super::*;
use crate::lifecycle::Merger;
use faultgate_core::model::{
    EngineSpec, ExperimentPlan, ExperimentResult, Gate, Monitor, RunIdentity, SCHEMA_VERSION, Score, Shard,
    ToolInfo, Verdict,
};

const SUITE: [&str; 5] = ["a", "b", "c", "d", "e"];

fn experiment(name: &str) -> ExperimentResult {
    let plan = ExperimentPlan {
        name: name.to_owned(),
        spec: EngineSpec::Fis { template: "EXT1".to_owned(), region: None, role_arn: None },
        weight: 10,
        timeout: std::time::Duration::ZERO,
        queue_timeout: std::time::Duration::ZERO,
        expected: None,
        probes: Vec::new(),
    };
    let planned = ExperimentResult::planned(&plan, Monitor::Events, Verdict::Passed, "it passed".to_owned());
    ExperimentResult { score: Some(Score::FULL), ..planned }
}

/// Builds a part of the suite, as a job of a CI leaves it.
fn part(names: &[&str], shard: Option<Shard>) -> RunResult {
    let experiments: Vec<_> = names.iter().map(|name| experiment(name)).collect();
    RunResult {
        schema_version: SCHEMA_VERSION,
        scoring: SCORING,
        faultgate: ToolInfo::current(),
        rehearsal: None,
        run: RunIdentity {
            id: "7-1-a".to_owned(),
            ci: "github-actions".to_owned(),
            pipeline: Some("7".to_owned()),
            url: None,
            repository: Some("shop/web".to_owned()),
            commit: Some("0123456".to_owned()),
            environment: None,
            shard,
            plan_run: None,
            attempt_key: String::new(),
        },
        plan: Some(PlanRecord { digest: "d1".to_owned(), experiments: SUITE.map(str::to_owned).to_vec() }),
        dry_run: false,
        started_at: Timestamp::UNIX_EPOCH,
        ended_at: Timestamp::UNIX_EPOCH,
        gate: Gate {
            verdict: Verdict::Passed,
            exit_code: 0,
            resilience_score: Some(Score::FULL),
            expected_resilience_score: Score::FULL,
            reasons: Vec::new(),
            signal: None,
        },
        merged: false,
        tolerate: None,
        links: Vec::new(),
        comparison: None,
        experiments,
        findings: Vec::new(),
        subscriptions: Vec::new(),
        reporting: Vec::new(),
        api_calls: BTreeMap::new(),
    }
}

fn shards() -> [RunResult; 2] {
    [part(&["a", "c", "e"], Shard::new(1, 2)), part(&["b", "d"], Shard::new(2, 2))]
}

fn merged(parts: impl IntoIterator<Item = RunResult>) -> Result<RunResult, Vec<String>> {
    let named = parts.into_iter().enumerate().map(|(number, part)| (format!("{}.json", number + 1), part));
    let mut merger = Merger::default();
    named.for_each(|(name, part)| merger.add(&name, part));
    merger.finish(None)
}

#[test]
fn the_parts_of_one_suite_and_one_run_make_the_whole() {
    let whole = merged(shards()).unwrap();
    let names: Vec<_> = whole.experiments.iter().map(|experiment| experiment.name.as_str()).collect();
    assert_eq!(names, SUITE);
    assert_eq!(whole.gate.verdict, Verdict::Passed);
    assert_eq!((whole.run.pipeline.as_deref(), whole.plan), (Some("7"), shards()[0].plan.clone()));
    // A job that was tried again is of the same run.
    let mut again = shards();
    again[1].run.id = "7-2-b".to_owned();
    again[1].started_at = Timestamp::UNIX_EPOCH + SignedDuration::from_hours(200);
    assert!(merged(again).is_ok());
    // Parts that are no shards say by their suite whether all is there.
    assert!(merged([part(&["c", "a"], None), part(&["b", "e", "d"], None)]).is_ok());
}

#[test]
fn a_part_of_another_run_is_refused_with_what_differs() {
    type Change = fn(&mut RunResult);
    let both = "1.json and 2.json are not of one run:";
    let changes: [(Change, &str); 7] = [
        (
            |part| part.run.pipeline = Some("6".to_owned()),
            "the one is of the run 7 of github-actions, the other of the run 6 of github-actions",
        ),
        (
            |part| part.run.ci = "gitlab-ci".to_owned(),
            "the one is of the run 7 of github-actions, the other of the run 7 of gitlab-ci",
        ),
        (
            |part| part.run.commit = Some("fedcba9".to_owned()),
            "the one is of the commit 0123456, the other of the commit fedcba9",
        ),
        (
            |part| part.run.repository = Some("shop/api".to_owned()),
            "the one is of the repository shop/web, the other of the repository shop/api",
        ),
        (
            |part| (part.run.pipeline, part.run.commit) = (None, None),
            "the one is of the commit 0123456, the other of a commit that is not known",
        ),
        (
            |part| part.gate.expected_resilience_score = Score::ZERO,
            "the one expects a resilience score of 100, the other of 0",
        ),
        (|part| part.dry_run = true, "only one of them is a dry run"),
    ];
    for (change, told) in changes {
        let [first, mut second] = shards();
        change(&mut second);
        let problems = merged([first, second]).unwrap_err();
        assert_eq!(problems[0], format!("{both} {told}"), "{problems:?}");
    }
}

#[test]
fn a_part_of_another_suite_is_refused() {
    let [first, mut second] = shards();
    second.plan.as_mut().unwrap().digest = "d2".to_owned();
    let problems = merged([first.clone(), second]).unwrap_err();
    assert!(problems[0].starts_with("1.json and 2.json are not of one suite"), "{problems:?}");
    // A part of an older version does not tell its suite, but its experiments.
    let old = |scoring| RunResult { plan: None, scoring, ..part(&["b", "x"], Shard::new(2, 2)) };
    let first = RunResult { scoring: 1, ..first };
    let problems = merged([first, old(1)]).unwrap_err();
    assert_eq!(
        problems,
        [
            "2.json has the experiment x, which is not in the suite of 1.json",
            "the experiment d of the suite is in none of the parts"
        ]
    );
}

#[test]
fn shards_whose_plans_were_taken_away_are_not_the_whole() {
    let planless = |scoring| {
        [(&["a"][..], 1), (&["b"][..], 2)].map(|(names, number)| RunResult {
            plan: None,
            scoring,
            ..part(names, Shard::new(number, 2))
        })
    };
    let problems = merged(planless(SCORING)).unwrap_err();
    assert_eq!(problems.len(), 2, "{problems:?}");
    assert!(problems[0].starts_with("1.json does not say of which suite it is"), "{problems:?}");
    let old = merged(planless(1));
    assert!(old.is_ok(), "before plans there were shards: {old:?}");
}

#[test]
fn what_is_missing_is_named() {
    let [first, second] = shards();
    assert_eq!(
        merged([second.clone()]).unwrap_err(),
        [
            "shard 1/2 missing: all parts make the gate",
            "the experiments a, c, e of the suite are in none of the parts"
        ]
    );
    let mut short = first.clone();
    short.experiments.truncate(2);
    assert_eq!(
        merged([short, second]).unwrap_err(),
        ["the experiment e of the suite is in none of the parts"]
    );
    let mut none = first;
    none.experiments.clear();
    let problems = merged([none.clone()]).unwrap_err();
    assert_eq!(problems[0], "1.json has no experiments, so it is no part of a suite");
    let mut huge = none;
    huge.plan.as_mut().unwrap().experiments = (0..50).map(|number| format!("e{number}")).collect();
    let problems = merged([huge]).unwrap_err();
    assert!(problems.last().unwrap().contains("e19 and 30 more of the suite"), "{problems:?}");
}

#[test]
fn what_says_that_it_is_the_whole_is_no_part() {
    let whole = || part(&["a", "b"], Shard::new(1, 1));
    let [first, second] = shards();
    for parts in [vec![whole(), second], vec![whole(), part(&["c", "d", "e"], None)], vec![first, whole()]] {
        assert!(merged(parts).is_err());
    }
    let mut other = whole();
    other.experiments = vec![experiment("c"), experiment("d"), experiment("e")];
    assert!(merged([whole(), other]).is_err());
    // A single part has to hold the whole suite.
    assert!(merged([whole()]).is_err());
    assert!(merged([part(&SUITE, Shard::new(1, 1))]).is_ok());
}

#[test]
fn parts_that_no_ci_ties_together_have_to_be_of_about_the_same_time() {
    let local = |hours| {
        let [mut first, mut second] = shards();
        for part in [&mut first, &mut second] {
            part.run.ci = "none".to_owned();
            (part.run.pipeline, part.run.commit, part.run.repository) = (None, None, None);
        }
        second.started_at = Timestamp::UNIX_EPOCH + SignedDuration::from_hours(hours);
        merged([first, second])
    };
    assert!(local(23).is_ok());
    assert_eq!(
        local(7 * 24).unwrap_err(),
        ["1.json and 2.json are not of one run: they began 168 hours apart, and no CI says that \
             they are of one run: give them and the merge the same plan-run"]
    );
}

#[test]
fn a_plan_that_is_used_again_needs_another_plan_run() {
    let parts = |hours| {
        let [mut first, mut second] = shards();
        for part in [&mut first, &mut second] {
            part.run.plan_run = Some("plan".to_owned());
            part.run.pipeline = None;
        }
        second.started_at = Timestamp::UNIX_EPOCH + SignedDuration::from_hours(hours);
        [first, second]
    };
    assert!(merged(parts(23)).is_ok());
    let refused = merged(parts(25)).unwrap_err();
    assert!(refused[0].ends_with("give them and the merge the same plan-run"), "{refused:?}");
    let mut merger = Merger::default().of_plan_run();
    for (name, part) in ["1.json", "2.json"].into_iter().zip(parts(25)) {
        merger.add(name, part);
    }
    assert!(merger.finish(None).is_ok());
}
