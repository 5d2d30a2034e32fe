//! The test cases of a run, and their fates.
//!
//! Only the case `gate` of a suite can be a failure or an error. Actions and probes that had a part in it are
//! skipped, so that one cause is one failure.

use std::collections::HashSet;

use jiff::{SignedDuration, Timestamp};

use super::faults;
use super::suite::{Fate, Rank, TestCase, TestSuite};
use super::text::{MAX_NAME_CHARS, MAX_TEXT_CHARS, legal, line};
use crate::words::culprits::culprits;
use crate::words::{arithmetic, change, describe_trial, own_reasons, write_state};
use faultgate_core::model::{Action, ExperimentResult, Probe, RunResult, Score, Verdict};
use faultgate_core::text;

/// Maximum number of lines of evidence, of warnings, of faults, and of reasons of the gate.
const MAX_LINES: usize = 50;

/// Returns the suite of an experiment.
pub(super) fn of_experiment(result: &RunResult, experiment: &ExperimentResult) -> TestSuite {
    let time = between(experiment.started_at, experiment.ended_at);
    let mut cases: Vec<TestCase> = experiment.actions.iter().map(of_action).collect();
    cases.extend(experiment.probes.iter().map(|probe| of_probe(probe, experiment)));
    cases.extend(faults::probes(experiment));
    cases.push(of_verdict(experiment));
    TestSuite {
        name: format!("faultgate.{}", text::plain(&experiment.name, MAX_NAME_CHARS)),
        started_at: experiment.started_at,
        time,
        properties: present([
            ("engine", Some(experiment.engine.clone())),
            ("source", Some(experiment.source.clone())),
            ("region", experiment.region.clone()),
            ("experiment-id", experiment.id.clone()),
            ("url", experiment.url.clone()),
            ("previewed-resources", experiment.preview.as_ref().map(|preview| preview.total.to_string())),
            ("state", Some(write_state(result, experiment))),
            ("resilience-score", experiment.score.map(|score| score.to_string())),
            (
                "expected-resilience-score",
                experiment.expected_resilience_score.map(|score| score.to_string()),
            ),
        ]),
        cases,
    }
}

/// Returns the case of an action. It is never a failure: one cause is one failure, that of the case `gate`,
/// which tells what an action has to do with it.
fn of_action(action: &Action) -> TestCase {
    let reason = action.reason.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default();
    let message = text::plain(&format!("{}{reason}", action.state), MAX_TEXT_CHARS);
    let (rank, fate) = match action.state.as_str() {
        "completed" => (Rank::ActionThatPassed, Fate::Passed),
        _ if action.started_at.is_none() => (Rank::ActionThatNeverRan, Fate::Skipped { message }),
        _ => (Rank::Action, Fate::Skipped { message }),
    };
    let targets = match action.targets.as_slice() {
        [] => Vec::new(),
        some => vec![line(&format!("targets: {}", some.join(", ")))],
    };
    TestCase {
        rank,
        name: text::plain(&format!("action {} ({})", action.name, action.action_id), MAX_NAME_CHARS),
        time: between(action.started_at, action.ended_at),
        fate,
        out: targets,
    }
}

fn of_probe(probe: &Probe, experiment: &ExperimentResult) -> TestCase {
    let sum = arithmetic::of_probe(probe, experiment);
    let why = probe.last_failure_in_words().map(|why| format!(": {why}")).unwrap_or_default();
    let message = line(&format!("{sum}{why}"));
    let (rank, fate) = if probe.total == 0 && experiment.id.is_none() {
        (Rank::ProbeThatPassed, Fate::Skipped { message: "the experiment was not launched".to_owned() })
    } else if probe.score == Score::FULL || experiment.verdict == Verdict::Passed {
        (Rank::ProbeThatPassed, Fate::Passed)
    } else {
        (Rank::Probe, Fate::Skipped { message: message.clone() })
    };
    TestCase {
        rank,
        name: text::plain(&format!("probe {} ({})", probe.name, probe.kind), MAX_NAME_CHARS),
        // The probe ran beside the actions, whose times are counted already.
        time: SignedDuration::ZERO,
        fate,
        out: [message]
            .into_iter()
            .chain(arithmetic::of_intervals(probe).iter().map(|told| line(told)))
            .collect(),
    }
}

/// Returns the case `gate` of an experiment. It takes no time, since readers add up the times of all cases.
fn of_verdict(experiment: &ExperimentResult) -> TestCase {
    let passed = experiment.verdict == Verdict::Passed;
    let mut out = vec![scores(experiment.score, experiment.expected_resilience_score)];
    if passed {
        // The message of every other fate has the reason; a case that passed has no message.
        out.push(line(&experiment.reason));
    }
    out.extend(
        experiment.warnings.iter().take(MAX_LINES).map(|warning| line(&format!("warning: {warning}"))),
    );
    out.extend(faults::lines(experiment).take(MAX_LINES));
    let evidence = experiment.evidence.iter().take(MAX_LINES);
    out.extend(evidence.map(|evidence| line(&format!("{}: {}", evidence.source, evidence.fact))));
    TestCase {
        rank: if passed { Rank::ExperimentThatPassed } else { Rank::Experiment },
        name: "gate".to_owned(),
        time: SignedDuration::ZERO,
        fate: judge(experiment.verdict, &experiment.reason),
        out,
    }
}

/// Returns the suite of the gate. Its case is skipped if the suites of experiments tell why the gate did not
/// pass.
pub(super) fn of_gate(result: &RunResult) -> TestSuite {
    let gate = &result.gate;
    let time = between(Some(result.started_at), Some(result.ended_at));
    let mut out = vec![scores(gate.resilience_score, Some(gate.expected_resilience_score))];
    out.extend(describe_trial(result).map(line));
    let reasons: Vec<&String> = own_reasons(result).collect();
    out.extend(reasons.iter().take(MAX_LINES).map(|reason| line(reason)));
    let because = reasons.first().map(|reason| reason.as_str()).unwrap_or_default();
    let message = match reasons.len() {
        0 | 1 => because.to_owned(),
        // The number of the others must not be cut off.
        count => format!("{} (and {} more)", text::plain(because, MAX_TEXT_CHARS - 50), count - 1),
    };
    let earlier = result.comparison.as_ref().and_then(|comparison| comparison.score);
    let culprits = experiments_not_passed(result);
    let fate = if culprits.is_empty() {
        judge(gate.verdict, &message)
    } else {
        let left = result.left_in().map(|left| format!("{left}; ")).unwrap_or_default();
        Fate::Skipped { message: line(&format!("{}: {left}see the suite of {culprits}", gate.verdict)) }
    };
    let case = TestCase { rank: Rank::Gate, name: "gate".to_owned(), time, fate, out };
    TestSuite {
        name: "faultgate".to_owned(),
        started_at: Some(result.started_at),
        time,
        properties: present([
            ("faultgate", Some(result.faultgate.version.clone())),
            ("run-id", Some(result.run.id.clone())),
            ("ci", Some(result.run.ci.clone())),
            ("url", result.run.url.clone()),
            ("repository", result.run.repository.clone()),
            ("commit", result.run.commit.clone()),
            ("earlier-resilience-score", earlier.and_then(|score| Some(score.earlier()?.to_string()))),
            ("resilience-score-change", earlier.and_then(change::write_change)),
            ("dry-run", describe_trial(result).map(str::to_owned)),
            ("rehearsal", result.rehearsal.as_ref().map(|rehearsal| rehearsal.scenario.clone())),
        ]),
        cases: vec![case],
    }
}

/// Returns the names of the experiments whose own suites tell why the gate did not pass.
fn experiments_not_passed(result: &RunResult) -> String {
    let culprits = culprits(result).into_iter();
    culprits.map(|(_, experiment)| experiment.name.as_str()).collect::<Vec<_>>().join(", ")
}

fn judge(verdict: Verdict, reason: &str) -> Fate {
    let (kind, message) = (verdict.to_string(), line(reason));
    match verdict {
        Verdict::Passed => Fate::Passed,
        Verdict::Failed => Fate::Failure { kind, message },
        Verdict::Errored | Verdict::TimedOut | Verdict::Cancelled => Fate::Error { kind, message },
    }
}

fn scores(score: Option<Score>, expected: Option<Score>) -> String {
    let score = score.map_or_else(|| "unknown".to_owned(), |score| score.to_string());
    let expected = expected.map(|expected| format!(", expected at least {expected}")).unwrap_or_default();
    format!("resilience score {score}{expected}")
}

fn between(start: Option<Timestamp>, end: Option<Timestamp>) -> SignedDuration {
    match (start, end) {
        (Some(start), Some(end)) => end.duration_since(start).max(SignedDuration::ZERO),
        _ => SignedDuration::ZERO,
    }
}

fn present<const N: usize>(properties: [(&'static str, Option<String>); N]) -> Vec<(&'static str, String)> {
    properties.into_iter().filter_map(|(name, value)| Some((name, line(&value?)))).collect()
}

/// Numbers cases of the same class and name, since GitLab drops all but one of them.
pub(super) fn make_names_unique(suites: &mut [TestSuite]) {
    let mut taken = HashSet::new();
    for suite in suites {
        suite.name = legal(&suite.name);
        for case in &mut suite.cases {
            let name = legal(&case.name);
            case.name.clone_from(&name);
            let mut number = 1;
            while !taken.insert((suite.name.clone(), case.name.clone())) {
                number += 1;
                case.name = format!("{name} ({number})");
            }
        }
    }
}
