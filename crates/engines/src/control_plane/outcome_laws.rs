//! The laws of a judgement, for whatever an agent tells of a run's faults: a detail that is missing, or that
//! nobody understands, makes no run better.

use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Value, json};

use super::*;
use crate::control_plane::execution;
use crate::control_plane::manager::{FaultCounts, RunDetails};
use crate::control_plane::record::record;

/// The true course of a fault.
#[derive(Debug, Clone, Copy, PartialEq)]
enum LawKind {
    Passed,
    Weak,
    Unsteady,
    NoTarget,
    Stopped,
    Cut,
    Failed,
    Awaited,
    NeverBegun,
}

const KINDS: [LawKind; 9] = [
    LawKind::Passed,
    LawKind::Weak,
    LawKind::Unsteady,
    LawKind::NoTarget,
    LawKind::Stopped,
    LawKind::Cut,
    LawKind::Failed,
    LawKind::Awaited,
    LawKind::NeverBegun,
];

#[derive(Debug, Clone)]
struct LawFault {
    details: RunDetails,
    run: Run,
}

/// Makes the node of a fault: its verdict, status, result, success, failing probe, error, and targets if it
/// came to any.
fn node(name: &str, kind: LawKind, success: u32) -> Option<Value> {
    let error = |code: &str, phase: &str| json!({"errorCode": code, "reason": json!({"errorCode": code, "phase": phase, "reason": "no"}).to_string()});
    let (own, status, result, success, failed, error, touched) = match kind {
        LawKind::Passed => ("Pass", "Completed", "Pass", 100, "", Value::Null, true),
        LawKind::Weak => ("Fail", "Completed_With_Probe_Failure", "Fail", success, "EOT", Value::Null, true),
        LawKind::Unsteady => {
            ("Fail", "Stopped", "Stopped", success, "SOT", error("HTTP_PROBE_FAILURE", "PreChaos"), false)
        }
        LawKind::NoTarget => {
            let error = error("TARGET_SELECTION_ERROR", "ChaosInject");
            ("Fail", "Completed_With_Probe_Failure", "Fail", success, "SOT", error, false)
        }
        LawKind::Stopped => ("Fail", "Stopped", "Stopped", success, "", Value::Null, true),
        LawKind::Cut => ("Fail", "Stopped", "Stopped", success, "Continuous", Value::Null, true),
        LawKind::Failed => {
            ("Error", "Error", "Error", 0, "", error("CHAOS_INJECT_ERROR", "ChaosInject"), true)
        }
        LawKind::Awaited => ("Awaited", "Running", "Awaited", 0, "", Value::Null, true),
        LawKind::NeverBegun => return None,
    };
    let step =
        error["errorCode"].as_str().map(|code| format!("{code} : {}", error["reason"].as_str().unwrap()));
    let probes: Vec<Value> = [("SOT", "a"), ("EOT", "b"), ("Continuous", "c")]
        .into_iter()
        .map(|(mode, name)| {
            let verdict = match kind {
                _ if mode == failed => "Failed",
                LawKind::Passed | LawKind::Weak => "Passed",
                _ => "N/A",
            };
            json!({"name": name, "type": "httpProbe", "mode": mode, "status": {"verdict": verdict}})
        })
        .collect();
    let targets = if touched {
        json!([{"name": "shop", "kind": "deployment", "chaosStatus": "targeted"}])
    } else {
        json!([])
    };
    let percentage = if kind == LawKind::Awaited { "Awaited".to_owned() } else { success.to_string() };
    Some(json!({"type": "ChaosEngine", "name": name, "phase": status, "chaosData": {
        "experimentName": name, "engineName": format!("{name}-x7"), "experimentVerdict": own,
        "experimentStatus": status, "probeSuccessPercentage": percentage, "failStep": step.unwrap_or_default(),
        "chaosResult": {"status": {
            "experimentStatus": {"phase": status, "verdict": result, "probeSuccessPercentage": percentage, "errorOutput": error},
            "probeStatuses": probes, "history": {"targets": targets}}}}}))
}

/// Tells of faults as an agent and its server do; `claimed` replaces the score that they would compute.
fn told(faults: &[(LawKind, u32, u32)], claimed: Option<f64>) -> LawFault {
    let name = |place: usize| format!("fault-{place}");
    let nodes: Vec<Value> = faults
        .iter()
        .enumerate()
        .filter_map(|(at, (kind, _, success))| node(&name(at), *kind, *success))
        .collect();
    let weights: Vec<(String, u32)> =
        faults.iter().enumerate().map(|(at, (_, weight, _))| (name(at), *weight)).collect();
    let count = |verdicts: &[&str]| {
        let of = |node: &&Value| verdicts.contains(&node["chaosData"]["experimentVerdict"].as_str().unwrap());
        Some(nodes.iter().filter(of).count() as u64)
    };
    let all: u32 = weights.iter().map(|(_, weight)| weight).sum();
    let reached: u32 = faults
        .iter()
        .map(|(kind, weight, success)| match kind {
            LawKind::Passed => weight * 100,
            LawKind::Failed | LawKind::Awaited | LawKind::NeverBegun => 0,
            _ => weight * success,
        })
        .sum();
    let score = (reached * 100).checked_div(all).map_or(0.0, |hundredths| f64::from(hundredths) / 100.0);
    let weak = faults.iter().any(|(kind, ..)| matches!(kind, LawKind::Weak | LawKind::NoTarget));
    let run = Run {
        notify_id: Some("n1".to_owned()),
        phase: if weak { "Completed_With_Probe_Failure" } else { "Completed" }.to_owned(),
        score: Some(claimed.unwrap_or(score)),
        counts: FaultCounts {
            total: Some(weights.len() as u64),
            passed: count(&["Pass"]),
            failed: count(&["Fail"]),
            awaited: count(&["Awaited"]),
            stopped: count(&["Stopped"]),
            not_available: count(&["N/A", ""]),
        },
        ..Run::default()
    };
    LawFault {
        details: RunDetails { weights, execution: Some(json!({ "nodes": nodes })), probes: Vec::new() },
        run,
    }
}

impl LawFault {
    fn judge(&self, rule: InjectionRule) -> Judgement {
        let execution = execution::read(&self.details);
        let record = record(&self.run, Some(&execution), None);
        let context = RunContext {
            title: "LitmusChaos",
            dry_run: false,
            injection: rule,
            stop: None,
            run: Some(&self.run),
            execution: Some(&execution),
            unread: None,
        };
        judge(&record, &context)
    }

    /// Returns the highest floor that the run reaches; 0 if it does not pass.
    fn passes_up_to(&self, rule: InjectionRule) -> f64 {
        let judged = self.judge(rule);
        let passed = judged.verdict == Verdict::Passed;
        judged.score.filter(|_| passed).map_or(0.0, Score::get)
    }
}

/// Collects every place of a value but the whole data of a fault, without which the fault counts as not
/// begun.
fn places(value: &Value, at: &str, all: &mut Vec<String>) {
    let inner: Vec<(String, &Value)> = match value {
        Value::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), value)).collect(),
        Value::Array(items) => items.iter().enumerate().map(|(at, item)| (at.to_string(), item)).collect(),
        _ => Vec::new(),
    };
    for (name, value) in inner {
        let place = format!("{at}/{name}");
        let whole =
            name == "chaosData" || name == "nodes" || (at == "/nodes" && name.parse::<usize>().is_ok());
        if !whole && name != "type" {
            all.push(place.clone());
        }
        places(value, &place, all);
    }
}

fn remove(data: &mut Value, place: &str) {
    let Some((parent, name)) = place.rsplit_once('/') else { return };
    match data.pointer_mut(parent) {
        Some(Value::Object(fields)) => {
            fields.remove(name);
        }
        Some(Value::Array(items)) => {
            if let Some(at) = name.parse::<usize>().ok().filter(|at| *at < items.len()) {
                items.remove(at);
            }
        }
        _ => {}
    }
}

fn any_faults() -> impl Strategy<Value = Vec<(LawKind, u32, u32)>> {
    proptest::collection::vec(
        (select(KINDS.to_vec()), select(vec![0_u32, 1, 5, 10]), select(vec![0_u32, 33, 50, 66])),
        1..4,
    )
}

fn any_rule() -> impl Strategy<Value = InjectionRule> {
    any::<bool>().prop_map(|requires_all| InjectionRule { requires_all, ..InjectionRule::default() })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

    #[test]
    fn what_an_agent_tells_is_judged_as_it_was(faults in any_faults(), rule in any_rule()) {
        let judged = told(&faults, None).judge(rule);
        let any = |kinds: &[LawKind]| faults.iter().any(|(kind, ..)| kinds.contains(kind));
        let weightless = faults.iter().all(|(_, weight, _)| *weight == 0);
        let acted = any(&[LawKind::Passed, LawKind::Weak]);
        let broken = any(&[LawKind::Unsteady, LawKind::NoTarget, LawKind::Stopped, LawKind::Failed]);
        let idle = any(&[LawKind::Awaited, LawKind::NeverBegun]);
        let expected = if broken || weightless || (idle && rule.requires_all) {
            Verdict::Errored
        } else if any(&[LawKind::Cut]) {
            Verdict::Failed
        } else if acted {
            Verdict::Passed
        } else {
            Verdict::Errored
        };
        prop_assert_eq!(judged.verdict, expected, "{:#?}", judged);
        if judged.verdict == Verdict::Passed {
            let idle = faults.iter().filter(|(kind, ..)| matches!(kind, LawKind::Awaited | LawKind::NeverBegun)).count();
            prop_assert_eq!(judged.warnings.iter().filter(|warning| warning.contains("did not act")).count(), idle);
        }
    }

    #[test]
    fn what_is_taken_from_the_details_makes_no_run_better(
        faults in any_faults(),
        rule in any_rule(),
        claimed in proptest::option::of(select(vec![33.0, 50.0, 90.0, 99.0, 100.0])),
        removed in proptest::collection::vec(any::<Index>(), 1..12),
        weights in proptest::collection::vec(any::<Index>(), 0..3),
        unreadable in prop::bool::weighted(0.05),
    ) {
        // No server claims another score than 0 if all weights are 0.
        prop_assume!(claimed.is_none() || faults.iter().any(|(_, weight, _)| *weight > 0));
        let whole = told(&faults, claimed);
        let mut less = whole.clone();
        for index in removed {
            let data = less.details.execution.as_mut().unwrap();
            let mut all = Vec::new();
            places(data, "", &mut all);
            if !all.is_empty() {
                let place = all[index.index(all.len())].clone();
                remove(data, &place);
            }
        }
        for index in weights {
            if !less.details.weights.is_empty() {
                let place = index.index(less.details.weights.len());
                less.details.weights.remove(place);
            }
        }
        if unreadable {
            less.details.execution = None;
        }
        let (before, after) = (whole.passes_up_to(rule), less.passes_up_to(rule));
        prop_assert!(after <= before, "{before} {after}: {:#?}\n{:#?}", less.details.execution, less.judge(rule));
    }

    #[test]
    fn an_unknown_word_is_never_better_than_a_known_one(faults in any_faults(), place in any::<Index>(), word in "[A-Z][a-z]{3,8}") {
        prop_assume!(!["Pass", "Fail", "Passed", "Failed", "Stopped", "Error", "Awaited", "Skipped"].contains(&word.as_str()));
        let whole = told(&faults, None);
        let mut strange = whole.clone();
        let nodes = strange.details.execution.as_mut().unwrap()["nodes"].as_array_mut().unwrap();
        prop_assume!(!nodes.is_empty());
        let at = place.index(nodes.len());
        nodes[at]["chaosData"]["experimentVerdict"] = json!(word);
        let rule = InjectionRule::default();
        prop_assert!(strange.passes_up_to(rule) <= 0.0);
        strange.run.phase = word;
        prop_assert_ne!(strange.judge(rule).verdict, Verdict::Passed);
    }
}
