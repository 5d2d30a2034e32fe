use std::fs::{self, File};
use std::time::{Duration, SystemTime};

use serde_json::json;

use super::file::MAX_BYTES;
use super::*;

pub(in crate::engine::command) fn activity(kind: &str, name: &str, status: &str) -> Value {
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

/// A journal of an experiment with a hypothesis of four probes.
pub(in crate::engine::command) fn journal(change: impl FnOnce(&mut Value)) -> Journal {
    let mut journal = json!({
        "chaoslib-version": "1.44.0",
        "experiment": { "title": "t", "steady-state-hypothesis": { "title": "h", "probes": [{}, {}, {}, {}] } },
        "status": "completed",
        "deviated": false,
        "steady_states": { "before": round(&ALL), "after": round(&ALL), "during": [] },
        "run": [activity("action", "pause", "succeeded"), activity("probe", "look", "succeeded")],
        "rollbacks": [],
    });
    change(&mut journal);
    serde_json::from_value(journal).unwrap()
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
    assert_eq!(journal.unrolled().failed, ["unpause failed (ActivityFailed: gone)"]);
}

#[test]
fn unfit_files_are_told() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal.json");
    let refused = |want: &str| {
        let told = read(&path, None, &Veil::default()).unwrap_err();
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
    fs::write(&path, r#"{"status":"completed"}"#).unwrap();
    let stale = Stamp::of(&path);
    assert!(read(&path, stale, &Veil::default()).unwrap_err().contains("from an earlier run"));
    let later = SystemTime::now() + Duration::from_secs(2);
    File::options().write(true).open(&path).unwrap().set_modified(later).unwrap();
    assert_eq!(read(&path, stale, &Veil::default()).unwrap().status, "completed");
}

#[test]
fn outputs_are_bounded() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal.json");
    let mut run = activity("action", "a", "succeeded");
    run["output"] = "x".repeat(1 << 20).into();
    let text = json!({ "status": "completed", "run": vec![run; 4] }).to_string();
    fs::write(&path, text).unwrap();
    let journal = read(&path, None, &Veil::default()).unwrap();
    assert!(journal.actions().iter().all(|action| action.reason.as_ref().unwrap().len() <= LONGEST + 3));
}

#[test]
fn what_must_not_be_told_is_taken_out_before_it_is_cut() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal.json");
    let mut run = activity("action", "a", "failed");
    let long = format!("{}s3cr3t", "x".repeat(LONGEST - 3));
    run["output"] = json!({ "status": 1, "stderr": long });
    run["exception"] = json!(["Traceback", "wrong token s3cr3t"]);
    fs::write(&path, json!({ "status": "failed", "run": [run] }).to_string()).unwrap();
    let journal = read(&path, None, &Veil::over(["s3cr3t".to_owned()])).unwrap();
    let told = format!("{journal:?}");
    assert!(told.contains("wrong token ***") && !told.contains("s3"), "{told}");
}

#[test]
fn the_fault_is_in_until_somebody_takes_it_away() {
    let at = |text: &str| text.parse::<Timestamp>().unwrap();
    let (start, end) = (at("2026-10-10T10:57:45.892477Z"), at("2026-10-10T10:57:46.892477Z"));
    let window = |journal: &Journal, undone_at| {
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
        let mut text = serde_json::to_string(&json!({
            "status": "completed",
            "experiment": { "steady-state-hypothesis": { "probes": [{}] } },
            "steady_states": { "after": { "steady_state_met": "MET", "probes": [] } },
            "run": [activity("action", "pause", "succeeded"), activity("probe", "rate", "succeeded")],
        }))
        .unwrap();
        text =
            text.replace("\"MET\"", met).replace("\"status\":0", &format!("\"status\":0,\"more\":{output}"));
        fs::write(&path, text).unwrap();
        read(&path, None, &Veil::default()).unwrap()
    };
    for output in ["NaN", "[Infinity, -Infinity]", "\"\\ud800\"", &"9".repeat(2000)] {
        let journal = read_with(output, "true");
        assert_eq!(journal.injection().done, ["pause"], "{output}");
        assert!(!journal.is_unmeasured_after());
    }
    assert!(read_with("1", "NaN").is_unmeasured_after(), "nobody knows whether it was met");
}
