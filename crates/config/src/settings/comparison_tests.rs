//! Tests of the earlier result that a run is compared with.

use std::ffi::OsString;

use faultgate_core::environment::Environment;
use faultgate_core::model::Score;
use serde_json::{Value, json};

use super::*;
use crate as config;
use crate::Settings;
use crate::suite::doubts::without_unmeasured;

/// The file of a real run that scored 95, with a change to it.
fn result(change: impl Fn(&mut Value)) -> String {
    let mut result = json!({
        "schema_version": 1,
        "faultgate": { "version": "0.1.0" },
        "rehearsal": null,
        "run": { "id": "earlier", "ci": "none" },
        "started_at": "2026-11-21T10:00:00Z",
        "ended_at": "2026-11-21T10:01:00Z",
        "gate": {
            "verdict": "errored", "exit_code": 3, "resilience_score": 95.0, "expected_resilience_score": 90.0,
            "reasons": ["it did"],
        },
        "experiments": [], "findings": [], "subscriptions": [], "reporting": [], "api_calls": {},
    });
    change(&mut result);
    result.to_string()
}

/// The settings in a folder with this file, if there is one.
fn load(file: Option<&str>, pairs: &[(&str, &str)]) -> Result<Settings, Vec<String>> {
    let dir = tempfile::tempdir().unwrap();
    if let Some(content) = file {
        std::fs::write(dir.path().join("old.json"), content).unwrap();
    }
    let flags = pairs.iter().map(|(name, value)| ((*name).to_owned(), OsString::from(value)));
    let flags = flags.chain([("experiment-template-id".to_owned(), "EXT1,EXT2".into())]).collect();
    config::load(
        &Environment::default(),
        flags,
        dir.path(),
        crate::Outside { scenarios: &["completed"], ..crate::Outside::default() },
        &[],
    )
    .map(without_unmeasured)
    .map_err(|mistakes| mistakes.iter().map(ToString::to_string).collect())
}

const COMPARED: (&str, &str) = (COMPARE, "old.json");
const GATED: [(&str, &str); 2] = [COMPARED, (DROP, "5")];

#[test]
fn an_earlier_result_is_read_with_the_settings() {
    let settings = load(Some(&result(|_| {})), &GATED).unwrap();
    assert_eq!(settings.plan.compare_to.unwrap().max_score_drop, Score::new(5.0));
    assert_eq!(settings.warnings, [""; 0]);
    let settings = load(Some(&result(|_| {})), &[COMPARED]).unwrap();
    assert_eq!(settings.plan.compare_to.unwrap().max_score_drop, None);
}

#[test]
fn what_cannot_be_compared_is_a_mistake_with_a_gate_and_a_warning_without() {
    let set = |path: &'static str, value: Value| {
        result(move |result| *result.pointer_mut(path).unwrap() = value.clone())
    };
    let dry = result(|result| result["dry_run"] = true.into());
    let part = result(|result| result["run"]["shard"] = "2/5".into());
    let rehearsed = set("/rehearsal", json!({ "scenario": "completed", "note": "a note" }));
    for (file, why) in [
        (None, "is not there"),
        (Some("{".to_owned()), "is no result of faultgate: EOF"),
        (Some("[1]".to_owned()), "is no result of faultgate: it has no schema_version"),
        (Some(set("/schema_version", 2.into())), "has schema_version 2; this faultgate reads 1"),
        (Some(set("/gate/resilience_score", Value::Null)), "has no resilience score"),
        (Some(dry), "is of a dry run"),
        (Some(part), "is of a part of a suite"),
        (Some(rehearsed), "is of a rehearsal, and this is a real run"),
    ] {
        let mistakes = load(file.as_deref(), &GATED).unwrap_err();
        let [mistake] = &mistakes[..] else { panic!("one mistake: {mistakes:?}") };
        assert!(mistake.starts_with(&format!("compare-to: \"old.json\" {why}")), "{mistake}");
        assert!(mistake.contains(", and max-score-drop needs it (from --compare-to); "), "{mistake}");
        assert!(mistake.ends_with("on the first run set neither compare-to nor max-score-drop"), "{mistake}");
        let settings = load(file.as_deref(), &[COMPARED]).unwrap();
        assert_eq!(settings.plan.compare_to, None, "{why}");
        let [warning] = &settings.warnings[..] else { panic!("one warning: {:?}", settings.warnings) };
        assert!(warning.starts_with(&format!("compare-to: \"old.json\" {why}")), "{warning}");
        assert!(warning.contains("; nothing is compared (from --compare-to)"), "{warning}");
    }
}

#[test]
fn a_rehearsal_is_compared_with_a_rehearsal_alone() {
    let rehearsed = [COMPARED, GATED[1], ("rehearsal", "completed")];
    let mistakes = load(Some(&result(|_| {})), &rehearsed).unwrap_err();
    assert!(mistakes[0].contains("is of a real run, and this is a rehearsal"), "{mistakes:?}");
    let earlier = result(|result| result["rehearsal"] = json!({ "scenario": "slow", "note": "a note" }));
    assert!(load(Some(&earlier), &rehearsed).unwrap().plan.compare_to.is_some());
}

#[test]
fn a_drop_needs_something_to_drop_from_and_all_mistakes_are_told_at_once() {
    let mistakes = load(None, &[(DROP, "5"), ("timeout", "30 parsecs")]).unwrap_err();
    assert_eq!(mistakes.len(), 2, "{mistakes:?}");
    assert!(
        mistakes
            .iter()
            .any(|told| told.starts_with("max-score-drop: needs compare-to (from --max-score-drop); ")),
        "{mistakes:?}"
    );
    let mistakes = load(None, &[COMPARED, (DROP, "101")]).unwrap_err();
    assert_eq!(mistakes.len(), 2, "it is meant to gate, whatever is wrong with its value: {mistakes:?}");
}

#[test]
fn a_dry_run_compares_nothing() {
    let settings = load(None, &[COMPARED, GATED[1], ("dry-run", "true")]).unwrap();
    assert_eq!(settings.plan.compare_to, None);
    assert_eq!(settings.warnings, ["compare-to has no effect in a dry run, which measures nothing"]);
}

#[test]
fn a_part_of_a_suite_says_that_it_does_not_gate_on_the_drop() {
    let part = result(|result| result["run"]["shard"] = "1/2".into());
    for earlier in [part, result(|_| {})] {
        let settings = load(Some(&earlier), &[COMPARED, GATED[1], ("shard", "1/2")]).unwrap();
        assert!(settings.plan.compare_to.is_some());
        let [warning] = &settings.warnings[..] else { panic!("one warning: {:?}", settings.warnings) };
        assert!(warning.starts_with("max-score-drop is not applied to shard 1/2"), "{warning}");
    }
}

#[test]
fn both_may_stand_in_the_suite_at_its_top_or_in_the_gate() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("old.json"), result(|_| {})).unwrap();
    let suite = |gate: &str| {
        let text = format!("version: 1\n{gate}\nexperiments: [{{ name: a, fis: {{ template: EXT1 }} }}]\n");
        std::fs::write(dir.path().join(".faultgate.yml"), text).unwrap();
        config::load(
            &Environment::from_pairs([("OLD", "old.json")]),
            Vec::new(),
            dir.path(),
            crate::Outside::default(),
            &[],
        )
    };
    let in_gate = "gate: { compare-to: \"${OLD}\", max-score-drop: 2.5 }";
    for gate in ["compare-to: old.json\nmax-score-drop: 2.5", in_gate] {
        let settings = suite(gate).unwrap();
        assert_eq!(settings.plan.compare_to.unwrap().max_score_drop, Score::new(2.5), "{gate}");
    }
    let mistakes = suite("compare-to: old.json\ngate: { compare-to: old.json }").unwrap_err();
    assert!(mistakes[0].to_string().contains("is set at the top of the file as well"), "{mistakes:?}");
    // The content of a variable is not repeated.
    std::fs::remove_file(dir.path().join("old.json")).unwrap();
    let mistakes = suite(in_gate).unwrap_err();
    assert!(mistakes[0].to_string().starts_with("compare-to: \"${OLD}\" is not there"), "{mistakes:?}");
}

/// The verdict of an earlier result decides nothing here, but its score would.
#[test]
fn an_earlier_result_that_contradicts_itself_is_not_compared_with() {
    let changed = |change: fn(&mut Value)| result(|result| change(&mut result["gate"]));
    for (file, told) in [
        (changed(|gate| gate["exit_code"] = json!(0)), "and it says 0"),
        (
            changed(|gate| (gate["verdict"], gate["exit_code"]) = (json!("passed"), json!(0))),
            "no experiments",
        ),
    ] {
        let mistakes = load(Some(&file), &GATED).unwrap_err();
        assert!(mistakes[0].contains("contradicts itself") && mistakes[0].contains(told), "{mistakes:?}");
        let settings = load(Some(&file), &[COMPARED]).unwrap();
        assert!(
            settings.plan.compare_to.is_none() && settings.warnings[0].contains(told),
            "{:?}",
            settings.warnings
        );
    }
}
