use serde_json::{Value, json};

use super::super::chaos_toolkit::tests::{activity, journal};
use super::super::end::Undone;
use super::super::outcome::tests::{end, judged};
use super::*;
use crate::{FaultTimes, StopCause};
use faultgate_core::model::{Signal, State};

fn by(code: i32, change: impl FnOnce(&mut Value)) -> Judgement {
    judged(&CommandEnd { journal: Some(Ok(journal(change))), ..end(code) }, None)
}

fn unmet() -> Value {
    let probe = |name: &str, met: bool| json!({ "activity": { "name": name, "type": "probe" }, "status": "succeeded", "tolerance_met": met });
    json!({ "steady_state_met": false, "probes": [probe("a", true), probe("b", false)] })
}

fn deviate(j: &mut Value) {
    j["deviated"] = true.into();
    j["steady_states"]["after"] = unmet();
}

pub(in crate::command) fn deviated_journal() -> ToolkitJournal {
    journal(deviate)
}

fn assert_errored(judged: &Judgement, want: &str) {
    assert_eq!((judged.verdict, judged.score), (Verdict::Errored, None), "{}", judged.reason);
    assert!(judged.reason.contains(want), "{want}: {}", judged.reason);
}

#[test]
fn a_deviation_is_a_weakness_with_the_share_that_passed() {
    for status in ["completed", "failed"] {
        let judged = by(1, |j| {
            j["status"] = status.into();
            deviate(j);
        });
        assert_eq!((judged.state, judged.verdict), (State::Completed, Verdict::Failed), "{}", judged.reason);
        assert_eq!((judged.score, judged.score_source), (Score::new(25.0), Some(ScoreSource::Engine)));
        assert!(judged.reason.ends_with("has deviated: b"), "{}", judged.reason);
    }
}

#[test]
fn a_deviation_that_ended_the_method_is_a_weakness_as_well() {
    let judged = by(1, |j| {
        j["status"] = "failed".into();
        j["steady_states"]["during"] = json!([unmet()]);
        j["steady_states"]["after"] = Value::Null;
        j["experiment"]["method"] =
            json!([{ "name": "pause", "type": "action" }, { "name": "later", "type": "action" }]);
    });
    assert_eq!((judged.verdict, judged.score), (Verdict::Failed, Score::new(25.0)), "{}", judged.reason);
}

#[test]
fn a_deviation_counts_only_where_each_action_has_acted() {
    let broken = by(1, |j| {
        deviate(j);
        j["run"][0]["output"]["status"] = 1.into();
    });
    assert_errored(&broken, "nothing was injected: pause ended with exit code 1");
    let never_begun = by(1, |j| {
        deviate(j);
        j["experiment"]["method"] =
            json!([{ "name": "pause", "type": "action" }, { "name": "later", "type": "action" }]);
    });
    assert_errored(&never_begun, "never begun: later");
    assert_errored(
        &by(1, |j| {
            deviate(j);
            j["run"] = json!([]);
        }),
        "nothing was injected",
    );
}

#[test]
fn what_was_not_steady_before_has_no_score() {
    // Chaos Toolkit calls this one completed.
    for code in [0, 1] {
        let judged = by(code, |j| {
            j["steady_states"]["before"] = unmet();
            j["run"] = json!([]);
            j["experiment"]["rollbacks"] = json!([{ "name": "mend", "type": "action" }]);
        });
        assert_eq!((judged.state, judged.verdict, judged.score), (State::Failed, Verdict::Errored, None));
        assert!(
            judged.reason.contains("not steady before") && judged.reason.ends_with(": b"),
            "{}",
            judged.reason
        );
    }
}

#[test]
fn a_completed_journal_passes_only_with_all_that_belongs_to_it() {
    let judged = by(0, |j| {
        j["experiment"] = json!({ "method": [] });
        j["steady_states"] = json!({ "before": null, "after": null, "during": [] });
    });
    assert_eq!((judged.verdict, judged.score_source), (Verdict::Passed, Some(ScoreSource::Completion)));
    assert!(judged.reason.contains("injected: pause"));
    assert_eq!(judged.injected, ["pause"]);
    for (code, what, value, want) in [
        (0, "run", json!([]), "nothing was injected"),
        (0, "rollbacks", json!([activity("action", "mend", "failed")]), "did not succeed: mend failed"),
        (2, "title", json!("t"), "says completed, but chaos run e.json: exit code 2, expected 0"),
        (0, "status", json!("interrupted"), "Chaos Toolkit says interrupted"),
        (0, "status", json!("aborted"), "Chaos Toolkit says aborted"),
        (1, "status", json!("failed"), "Chaos Toolkit says failed"),
        (0, "status", json!("new-word"), "Chaos Toolkit says new-word"),
    ] {
        assert_errored(&by(code, |j| j[what] = value), want);
    }
}

#[test]
fn a_dry_run_is_no_experiment() {
    for (dry, want) in [
        (json!("actions"), Some("nothing was injected")),
        (json!("activities"), Some("nothing was injected")),
        (json!("probes"), Some("was not looked at")),
        (json!("pause"), Some("pauses were left out")),
        (json!("a word of tomorrow"), Some("nothing was injected")),
        (json!(true), Some("nothing was injected")),
        (json!(null), None),
        (json!(false), None),
        (json!(""), None),
    ] {
        let judged = by(0, |j| j["experiment"]["dry"] = dry.clone());
        match want {
            Some(want) => assert_errored(&judged, want),
            None => assert_eq!(judged.verdict, Verdict::Passed, "{dry}: {}", judged.reason),
        }
    }
    let dry = journal(|j| j["experiment"]["dry"] = "activities".into());
    let record = super::super::outcome::record(
        &CommandEnd { journal: Some(Ok(dry)), ..end(0) },
        &super::super::outcome::tests::spec(),
        "chaos",
    );
    assert_eq!(record.fault, FaultTimes::Never);
    assert_eq!(record.actions[0].state, "left out (dry)");
}

#[test]
fn one_action_that_did_not_act_is_enough() {
    let refused = json!(["Traceback\n", "chaoslib.exceptions.ActivityFailed: 403 Forbidden\n"]);
    for (change, want) in [
        (
            json!({ "status": "failed", "output": null, "exception": refused }),
            "kill failed (chaoslib.exceptions.ActivityFailed: 403 Forbidden); only pause acted",
        ),
        (
            json!({ "output": { "status": 3, "stderr": "a\nno such pod\n" } }),
            "kill ended with exit code 3 (no such pod); only pause acted",
        ),
        (json!({ "output": { "status": -9 } }), "kill was killed by signal 9"),
        (json!({ "output": null }), "kill has no exit code"),
        (json!({ "status": null }), "kill was begun and is not known to have ended"),
        (json!({ "status": "aborted" }), "kill is aborted"),
        (
            json!({ "exception": refused }),
            "kill has an exception, though it is said to have succeeded (chaoslib",
        ),
    ] {
        let judged = by(0, |j| {
            let mut kill = activity("action", "kill", "succeeded");
            kill.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
            j["run"].as_array_mut().unwrap().push(kill);
        });
        assert_errored(&judged, want);
        assert_eq!(judged.injected, ["pause"]);
    }
}

#[test]
fn an_answer_is_read_by_who_gave_it() {
    let by_provider = |provider: Value, output: Value| {
        by(0, |j| {
            j["run"][0]["activity"]["provider"] = provider;
            j["run"][0]["output"] = output;
        })
    };
    let http = json!({ "type": "http", "url": "http://x" });
    assert_eq!(by_provider(http.clone(), json!({ "status": 202, "body": "" })).verdict, Verdict::Passed);
    assert_errored(&by_provider(http.clone(), json!({ "status": 503 })), "was answered with status 503");
    assert_errored(&by_provider(http, Value::Null), "has no exit code or status");
    let python = json!({ "type": "python", "module": "m", "func": "f" });
    for theirs in [json!({ "status": 1 }), Value::Null, json!([]), json!(false)] {
        assert_eq!(by_provider(python.clone(), theirs).verdict, Verdict::Passed, "its output is its own");
    }
    let left_out = by(0, |j| {
        j["run"][0]["activity"]["provider"] = python;
        j["run"][0]["activity"]["dry"] = "actions".into();
        j["run"][0]["output"] = Value::Null;
    });
    assert_errored(&left_out, "left out (dry)");
}

#[test]
fn each_declared_action_must_have_been_begun() {
    let declared = |method: Value| by(0, |j| j["experiment"]["method"] = method);
    let pause = json!({ "name": "pause", "type": "action" });
    assert_eq!(declared(json!([pause])).verdict, Verdict::Passed);
    assert_errored(&declared(json!([pause, pause])), "never begun: pause");
    assert_errored(&declared(json!([pause, { "ref": "pause" }])), "never begun: pause");
    let twice = by(0, |j| {
        j["experiment"]["method"] = json!([pause, { "ref": "pause" }]);
        j["run"].as_array_mut().unwrap().push(activity("action", "pause", "succeeded"));
    });
    assert_eq!(twice.verdict, Verdict::Passed, "{}", twice.reason);
    // A probe of the same name is not the action.
    let look = json!({ "name": "look", "type": "action" });
    assert_errored(&declared(json!([pause, look])), "never begun: look");
    assert_errored(&declared(json!([pause, { "ref": "look" }])), "never begun: look");
    assert_errored(&declared(json!([{ "name": "kill-pod", "type": "action" }])), "never begun: kill-pod");
    assert_errored(&declared(json!([pause, { "ref": "kill" }])), "never begun: kill");
    let probe_left_out = declared(json!([pause, { "name": "look twice", "type": "probe" }]));
    assert_eq!(probe_left_out.verdict, Verdict::Passed);
}

#[test]
fn a_probe_of_the_method_that_could_not_look_is_a_warning() {
    let judged = by(0, |j| j["run"][1] = activity("probe", "look", "failed"));
    assert_eq!(judged.verdict, Verdict::Passed, "{}", judged.reason);
    assert_eq!(judged.warnings, ["a probe of the method could not look: look failed"]);
    let measured = by(0, |j| j["run"][1]["output"]["status"] = 1.into());
    assert!(measured.warnings.is_empty(), "its exit code is what it measures");
}

#[test]
fn rollbacks_that_were_not_played_are_no_pass() {
    let declared = |j: &mut Value| {
        j["experiment"]["rollbacks"] =
            json!([{ "name": "undo", "type": "action" }, { "name": "tidy", "type": "action" }]);
    };
    let not_played = "declared rollbacks were not played: undo, tidy, so the fault may still be in";
    assert_errored(&by(0, declared), not_played);
    let half = by(0, |j| {
        declared(j);
        let mut undo = activity("action", "undo", "succeeded");
        undo["output"] = json!({ "status": 2, "stderr": "locked" });
        j["rollbacks"] = json!([undo]);
    });
    assert_errored(
        &half,
        "rollbacks did not succeed: undo ended with exit code 2 (locked), and declared rollbacks were not played: tidy",
    );
    let all = by(0, |j| {
        declared(j);
        j["rollbacks"] =
            json!([activity("action", "tidy", "succeeded"), activity("action", "undo", "succeeded")]);
    });
    assert_eq!(all.verdict, Verdict::Passed, "{}", all.reason);

    let looked = by(0, |j| {
        declared(j);
        j["rollbacks"] =
            json!([activity("probe", "undo", "succeeded"), activity("action", "tidy", "succeeded")]);
    });
    assert_errored(&looked, "declared rollbacks were not played: undo, so");

    // The other kinds of end tell of the rollbacks as well.
    let weak = by(1, |j| {
        declared(j);
        deviate(j);
    });
    assert_eq!((weak.verdict, weak.score), (Verdict::Errored, None));
    assert!(weak.reason.starts_with(not_played) && weak.reason.contains("has deviated"), "{}", weak.reason);
    let stopped = CommandEnd { journal: Some(Ok(journal(declared))), stopped: true, ..end(0) };
    let cancelled = judged(&stopped, Some(&StopCause::Cancelled(Signal::Terminate)));
    assert_eq!(cancelled.verdict, Verdict::Cancelled);
    assert!(cancelled.reason.ends_with(not_played), "{}", cancelled.reason);
    let at = end(0).started_at;
    let undone = Some(Undone { started_at: at, ended_at: at, failed: None });
    let judged = judged(&CommandEnd { journal: Some(Ok(journal(declared))), undone, ..end(0) }, None);
    assert_errored(&judged, "not played: undo, tidy; its stop command has succeeded");
}

#[test]
fn all_activities_are_judged_and_some_are_shown() {
    let judged = by(0, |j| {
        let mut rollbacks = vec![activity("action", "undo", "succeeded"); 1000];
        rollbacks.push(activity("action", "the last", "failed"));
        j["rollbacks"] = rollbacks.into();
    });
    assert_errored(&judged, "did not succeed: the last failed");
    let facts: Vec<_> = judged.evidence.iter().map(|evidence| evidence.fact.as_str()).collect();
    assert!(facts.contains(&"803 more activities were judged and are not shown"), "{facts:?}");
    let many = by(0, |j| j["run"] = vec![activity("action", "kill", "failed"); 5000].into());
    assert_errored(&many, "nothing was injected: kill failed, kill failed");
    assert!(many.reason.len() < 2_000, "{}", many.reason.len());
}

#[test]
fn a_hypothesis_that_nobody_measured_after_the_method_is_no_pass() {
    for after in [Value::Null, json!({ "steady_state_met": null, "probes": [] })] {
        let judged = by(0, |j| j["steady_states"]["after"] = after);
        assert_errored(&judged, "the steady state was not measured after the method");
    }
    let meanwhile_only = by(0, |j| {
        j["steady_states"]["during"] = json!([j["steady_states"]["after"]]);
        j["steady_states"]["after"] = Value::Null;
    });
    assert_errored(&meanwhile_only, "not measured after the method");
    let weak = by(0, |j| {
        j["steady_states"]["during"] = json!([unmet()]);
        j["steady_states"]["after"] = Value::Null;
    });
    assert_eq!((weak.verdict, weak.score), (Verdict::Failed, Score::new(25.0)), "a weakness was seen");
}

#[test]
fn what_was_measured_meanwhile_is_in_the_score() {
    let judged = by(0, |j| j["steady_states"]["during"] = json!([unmet()]));
    assert_eq!((judged.verdict, judged.score), (Verdict::Passed, Score::new(62.5)), "the floor decides");
    assert_eq!(judged.losses, ["b was out of its tolerance in 1 of 2 rounds"]);
}

#[test]
fn a_journal_that_contradicts_itself_is_no_pass() {
    let after = |name: &str| format!("/steady_states/after/{name}");
    let (met, probes) = (after("steady_state_met"), after("probes"));
    let [status, tolerance] = ["status", "tolerance_met"].map(|name| after(&format!("probes/1/{name}")));
    let during = |met: Value, probes: Value| json!([{ "steady_state_met": met, "probes": probes }]);
    let looks = ["a", "b", "c", "d"].map(|name| {
        let mut look = activity("probe", name, "succeeded");
        look["tolerance_met"] = true.into();
        look
    });
    for (changes, want) in [
        (
            json!({ &met: false }),
            "the steady state after the method is said not to be met, though none of its",
        ),
        (
            json!({ &met: false, "/deviated": true }),
            "after the method is said not to be met, though none of its",
        ),
        (
            json!({ "/steady_states/during": during(json!(false), json!(looks)) }),
            "during the method is said not to",
        ),
        (
            json!({ "/steady_states/during": during(json!(false), json!([])) }),
            "during the method is said not to",
        ),
        (
            json!({ "/steady_states/during": during(Value::Null, json!([])) }),
            "does not say whether it was met",
        ),
        (
            json!({ "/steady_states/before/probes/2/tolerance_met": false }),
            "before the method is said to be met, though c is not said to be in its tolerance",
        ),
        (json!({ &tolerance: false }), "though b is not said to be in its tolerance"),
        (json!({ &tolerance: null }), "though b is not said to be in its tolerance"),
        (json!({ &status: "failed" }), "b was in its tolerance, though b failed"),
        (json!({ &status: "aborted" }), "b was in its tolerance, though b is aborted"),
        (json!({ &probes: [] }), "though its probe a was not measured"),
        (json!({ &probes: looks[..3] }), "though its probe d was not measured"),
        (json!({ &probes: looks[1..] }), "tells of b, which is not the next probe"),
        (
            json!({ "/deviated": true }),
            "it says deviated, though each probe after the method was in its tolerance",
        ),
        (
            json!({ "/steady_states/after": unmet() }),
            "it does not say deviated, though b was out of its tolerance",
        ),
    ] {
        for status in ["completed", "failed"] {
            let judged = by(0, |j| {
                j["status"] = status.into();
                for (place, value) in changes.as_object().unwrap() {
                    *j.pointer_mut(place).unwrap() = value.clone();
                }
            });
            assert_errored(&judged, want);
            assert!(judged.reason.starts_with("the journal contradicts itself: "), "{}", judged.reason);
        }
    }
}
