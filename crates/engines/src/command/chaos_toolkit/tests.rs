use std::fs::{self, File};
use std::path::Path;
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::activity::MAX_TEXT_CHARS;
use super::file::{MAX_BYTES, Span};
use super::journal::ToolkitJournal;
use super::*;
use faultgate_config::Veil;
use faultgate_core::model::{Effect, Score};

pub(in crate::command) fn activity(kind: &str, name: &str, status: &str) -> Value {
    json!({
        "activity": { "type": kind, "name": name, "provider": { "type": "process", "path": "docker" } },
        "status": status,
        "output": { "status": 0, "stdout": "ok", "stderr": "" },
        "start": "2026-10-10T10:57:45.892477+00:00",
        "end": "2026-10-10T10:57:46.892477",
    })
}

fn probe(name: &str, met: bool) -> Value {
    let mut probe = activity("probe", name, "succeeded");
    probe["tolerance_met"] = met.into();
    probe
}

fn round(probes: &[(&str, bool)]) -> Value {
    json!({
        "steady_state_met": probes.iter().all(|(_, met)| *met),
        "probes": probes.iter().map(|(name, met)| probe(name, *met)).collect::<Vec<_>>(),
    })
}

const ALL: [(&str, bool); 4] = [("a", true), ("b", true), ("c", true), ("d", true)];

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// Returns the span of the run that these journals tell of.
fn span() -> Span {
    Span { began: at("2026-10-10T10:57:45Z"), ended: at("2026-10-10T10:57:47Z") }
}

/// Builds the journal of an experiment with a hypothesis of four probes.
fn told() -> Value {
    json!({
        "chaoslib-version": "1.44.0",
        "experiment": {
            "title": "t",
            "steady-state-hypothesis": {
                "title": "h",
                "probes": ALL.map(|(name, _)| json!({ "type": "probe", "name": name })),
            },
            "method": [],
        },
        "start": "2026-10-10T10:57:45.892477",
        "end": "2026-10-10T10:57:46.892477+00:00",
        "status": "completed",
        "deviated": false,
        "steady_states": { "before": round(&ALL), "after": round(&ALL), "during": [] },
        "run": [activity("action", "pause", "succeeded"), activity("probe", "look", "succeeded")],
        "rollbacks": [],
    })
}

pub(in crate::command) fn journal(change: impl FnOnce(&mut Value)) -> ToolkitJournal {
    let mut journal = told();
    change(&mut journal);
    serde_json::from_value(journal).unwrap()
}

/// Writes a journal, and reads it.
fn written(path: &Path, change: impl FnOnce(&mut Value)) -> Result<ToolkitJournal, String> {
    let mut journal = told();
    change(&mut journal);
    fs::write(path, journal.to_string()).unwrap();
    read(path, None, span(), &Veil::default())
}

#[test]
fn the_share_counts_what_was_left_out_as_failed() {
    let whole = journal(|_| {});
    assert_eq!(whole.share(), Some(Score::FULL));
    assert!(whole.deviations().is_empty());
    let half = journal(|j| {
        j["steady_states"]["during"] = json!([round(&ALL), null, round(&[("a", false)])]);
        j["steady_states"]["after"] = round(&[("a", true), ("b", true), ("c", false)]);
    });
    assert_eq!(half.share(), Score::new(50.0));
    assert_eq!(half.deviations(), ["a", "c"]);
    assert_eq!(
        half.losses(),
        ["a was out of its tolerance in 1 of 3 rounds", "c was out of its tolerance in 1 of 3 rounds"]
    );
    assert_eq!(journal(|j| j["steady_states"]["after"] = Value::Null).share(), None);
}

#[test]
fn a_system_that_was_not_steady_before_is_told() {
    let journal = journal(|j| j["steady_states"]["before"] = round(&[("a", true), ("b", false)]));
    assert_eq!(journal.not_steady_before(), Some("b"));
}

#[test]
fn activities_become_actions() {
    let journal = journal(|j| {
        j["rollbacks"] = json!([activity("action", "unpause", "failed")]);
        j["rollbacks"][0]["exception"] = json!(["Traceback\n", "  line\n", "ActivityFailed: gone\n"]);
    });
    let actions = journal.actions();
    let names: Vec<_> =
        actions.iter().map(|a| (a.name.as_str(), a.action_id.as_str(), a.state.as_str())).collect();
    assert_eq!(
        names,
        [("pause", "docker", "succeeded"), ("look", "docker", "succeeded"), ("unpause", "docker", "failed")]
    );
    assert_eq!(actions[2].reason.as_deref(), Some("ActivityFailed: gone"));
    let took = actions[0].ended_at.unwrap().duration_since(actions[0].started_at.unwrap());
    assert_eq!(took.as_secs(), 1, "a time without its offset is UTC");
    assert_eq!(
        (actions[0].effect, actions[1].effect, actions[2].effect),
        (Effect::Injects, Effect::Asserts, Effect::Recovers)
    );
    assert_eq!(journal.injection().done, ["pause"]);
    assert_eq!(journal.find_unrolled().failed, ["unpause failed (ActivityFailed: gone)"]);
}

#[test]
fn unfit_files_are_told() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal.json");
    let refused = |want: &str| {
        let told = read(&path, None, span(), &Veil::default()).unwrap_err();
        assert!(told.contains(want), "{want}: {told}");
    };
    refused("cannot be read");
    fs::write(&path, "{ \"status\": ").unwrap();
    refused("is not one of Chaos Toolkit");
    fs::write(&path, "[1]").unwrap();
    refused("is not one of Chaos Toolkit");
    File::create(&path).unwrap().set_len(MAX_BYTES + 1).unwrap();
    refused("is larger than 16 MiB");
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    refused("is not a file");
}

#[test]
fn a_journal_of_an_earlier_run_is_not_read() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal.json");
    fs::write(&path, told().to_string()).unwrap();
    let stale = Stamp::of(&path);
    assert!(read(&path, stale, span(), &Veil::default()).unwrap_err().contains("from an earlier run"));
    let later = SystemTime::now() + Duration::from_secs(2);
    File::options().write(true).open(&path).unwrap().set_modified(later).unwrap();
    assert_eq!(read(&path, stale, span(), &Veil::default()).unwrap().status, "completed");
}

#[test]
fn outputs_are_bounded() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal.json");
    let mut run = activity("action", "a", "succeeded");
    run["output"] = "x".repeat(1 << 20).into();
    let journal = written(&path, |j| j["run"] = vec![run; 4].into()).unwrap();
    assert!(
        journal.actions().iter().all(|action| action.reason.as_ref().unwrap().len() <= MAX_TEXT_CHARS + 3)
    );
}

#[test]
fn what_must_not_be_told_is_taken_out_before_it_is_cut() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal.json");
    let mut run = activity("action", "a", "failed");
    let long = format!("{}s3cr3t", "x".repeat(MAX_TEXT_CHARS - 3));
    run["output"] = json!({ "status": 1, "stderr": long });
    run["exception"] = json!(["Traceback", "wrong token s3cr3t"]);
    let mut journal = told();
    journal["run"] = json!([run]);
    fs::write(&path, journal.to_string()).unwrap();
    let journal = read(&path, None, span(), &Veil::over(["s3cr3t".to_owned()])).unwrap();
    let told = format!("{journal:?}");
    assert!(told.contains("wrong token ***") && !told.contains("s3"), "{told}");
}

#[test]
fn the_fault_is_in_until_somebody_takes_it_away() {
    let (start, end) = (at("2026-10-10T10:57:45.892477Z"), at("2026-10-10T10:57:46.892477Z"));
    let window = |journal: &ToolkitJournal, undone_at| {
        let window = journal.fault(undone_at).unwrap();
        (window.started_at, window.ended_at)
    };
    let alone = journal(|_| {});
    assert_eq!(window(&alone, None), (start, Some(end)));
    let undone = at("2026-10-10T10:59:00Z");
    assert_eq!(window(&alone, Some(undone)), (start, Some(undone)));
    let rolled_back = journal(|j| {
        j["rollbacks"] = json!([activity("action", "unpause", "succeeded")]);
        j["rollbacks"][0]["start"] = "2026-10-10T10:58:00+00:00".into();
    });
    assert_eq!(window(&rolled_back, Some(undone)), (start, Some(at("2026-10-10T10:58:00Z"))));
    assert_eq!(journal(|j| j["run"] = json!([])).fault(Some(undone)), None);
}

/// Python writes what JSON does not have.
#[test]
fn odd_numbers_and_characters_keep_nothing_from_being_read() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal.json");
    let read_with = |output: &str, met: &str| {
        let mut journal = told();
        journal["steady_states"]["after"]["steady_state_met"] = "MET".into();
        let text = journal
            .to_string()
            .replace("\"MET\"", met)
            .replace("\"status\":0", &format!("\"status\":0,\"more\":{output}"));
        fs::write(&path, text).unwrap();
        read(&path, None, span(), &Veil::default()).unwrap()
    };
    for output in ["NaN", "[Infinity, -Infinity]", "\"\\ud800\"", &"9".repeat(2000)] {
        let journal = read_with(output, "true");
        assert_eq!(journal.injection().done, ["pause"], "{output}");
        assert!(!journal.is_unmeasured_after());
    }
    assert!(read_with("1", "NaN").is_unmeasured_after(), "nobody knows whether it was met");
}

#[test]
fn what_is_declared_and_cannot_be_read_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal.json");
    assert!(written(&path, |_| {}).is_ok());
    let explores = |j: &mut Value| j["experiment"]["steady-state-hypothesis"] = Value::Null;
    assert!(written(&path, explores).is_ok());
    for key in ["experiment", "steady_states", "rollbacks", "deviated", "run", "status"] {
        let told = written(&path, |j| drop(j.as_object_mut().unwrap().remove(key))).unwrap_err();
        assert!(told.contains("not one of Chaos Toolkit") && told.contains(key), "{key}: {told}");
    }
    let hypothesis = "/experiment/steady-state-hypothesis";
    for (place, value, want) in [
        ("/experiment", json!("x.json"), "experiment: invalid type: string"),
        ("/experiment", json!({}), "missing field `method`"),
        ("/experiment/method", json!(null), "experiment.method: invalid type: null"),
        ("/experiment/rollbacks", json!("undo"), "experiment.rollbacks: invalid type: string \"undo\""),
        ("/experiment/rollbacks", json!({ "name": "undo" }), "experiment.rollbacks: invalid type: map"),
        ("/experiment/rollbacks", json!(null), "experiment.rollbacks: invalid type: null"),
        (hypothesis, json!({ "title": "t" }), "missing field `probes`"),
        (hypothesis, json!({ "probes": null }), "probes: invalid type: null"),
        (hypothesis, json!({ "probes": [] }), "probes: invalid length 0, expected at least one probe"),
        (hypothesis, json!({ "probes": {} }), "probes: invalid type: map"),
        ("/steady_states", json!(null), "steady_states: invalid type: null"),
        ("/steady_states/during", json!({}), "steady_states.during: invalid type: map"),
        ("/steady_states/after", json!({ "steady_state_met": true }), "missing field `probes`"),
        ("/deviated", json!("true"), "deviated: invalid type: string"),
    ] {
        let told = written(&path, |j| {
            j["experiment"]["rollbacks"] = json!([]);
            *j.pointer_mut(place).unwrap() = value;
        });
        let told = told.unwrap_err();
        assert!(told.contains("not one of Chaos Toolkit") && told.contains(want), "{want}: {told}");
    }
}

/// A command may touch, move or copy a journal that another run has written.
#[test]
fn a_journal_tells_of_this_run_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal.json");
    for (place, time) in [
        ("/start", json!("2026-10-03T10:57:45.892477")),
        ("/start", json!("2026-10-10T10:56:44+00:00")),
        ("/start", json!("2026-10-10T12:57:45.892477")),
        ("/start", json!("soon")),
        ("/start", json!(null)),
        ("/end", json!("2026-10-10T10:58:48")),
        ("/end", json!(null)),
        ("/run/0/start", json!("2026-10-03T10:57:45.892477")),
        ("/run/0/end", json!("never")),
        ("/rollbacks/0/end", json!("2026-10-03T10:57:45.892477")),
        ("/steady_states/before/probes/0/start", json!("2026-10-03T10:57:45")),
        ("/steady_states/during/0/probes/0/start", json!("2026-10-03T10:57:45")),
        ("/steady_states/after/probes/3/end", json!("2026-10-03T10:57:45")),
    ] {
        let told = written(&path, |j| {
            j["rollbacks"] = json!([activity("action", "undo", "succeeded")]);
            j["steady_states"]["during"] = json!([round(&ALL)]);
            *j.pointer_mut(place).unwrap() = time.clone();
        });
        let told = told.map(|_| ()).expect_err(&format!("{place}: {time}"));
        assert!(told.contains("cannot be told to be of this run"), "{told}");
    }
    for near in ["2026-10-10T10:56:46", "2026-10-10T12:58:46+02:00"] {
        assert!(written(&path, |j| j["start"] = near.into()).is_ok(), "clocks may differ: {near}");
    }
}
