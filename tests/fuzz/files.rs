//! Fuzz targets of files: those of the user, of the CI, and of earlier runs.

use std::path::Path;
use std::time::Duration;

use faultgate::lifecycle::Merger;
use faultgate::state_file;
use faultgate_config as config;
use faultgate_core::environment::Environment;
use faultgate_core::model::{EngineKind, TemplateFacts};
use faultgate_lint::Lint;
use faultgate_policy::{ExperimentFacts, Fact, LaunchFacts, Policy, inquiries, judge};
use faultgate_report::ci::{Surroundings, read_event};

use crate::runner::fuzz;

fn written(folder: &Path, name: &str, bytes: &[u8]) -> std::path::PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

#[test]
fn suite() {
    let folder = tempfile::tempdir().unwrap();
    let env = Environment::from_pairs([
        ("A", "one"),
        ("KEY", "s3cr3t"),
        ("FAULTGATE_HARNESS_API_KEY", "sat.ACC.x.y"),
        ("FAULTGATE_LITMUS_TOKEN", "t"),
    ]);
    fuzz("suite", 600, |case| {
        let name = format!("suite.{}", case.kind);
        let path = written(folder.path(), &name, &case.bytes);
        let flags = vec![("config".to_owned(), path.into_os_string())];
        match config::load(&env, flags, folder.path(), config::Outside::default(), &[]) {
            Ok(settings) => {
                assert!(!settings.plan.experiments.is_empty());
                format!("{} experiments", settings.plan.experiments.len())
            }
            Err(mistakes) => {
                assert!(!mistakes.is_empty());
                let told: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
                assert!(told.iter().all(|told| !told.contains(['\n', '\x1b'])), "{told:?}");
                assert!(told.iter().all(|told| !told.contains("s3cr3t")), "{told:?}");
                told.join("; ")
            }
        }
    });
}

/// A policy that is read says the same of a run each time, and its mistakes fit on a line.
#[test]
fn policy() {
    let launch = LaunchFacts {
        experiments: Fact::Known(30),
        parallel: 3,
        moment: Fact::Known("2026-11-27T15:00:00Z".parse().unwrap()),
    };
    let unknown = || Fact::Unknown("nobody was asked\n\u{1b}[31m".to_owned());
    let experiment = ExperimentFacts {
        name: "one".to_owned(),
        engine: EngineKind::Fis,
        account: unknown(),
        region: Fact::Known("eu-west-1".to_owned()),
        template_id: Fact::Known("EXT1\u{1b}".to_owned()),
        target_accounts: Fact::Known(Vec::new()),
        timeout: Duration::from_hours(2),
        probes: 0,
        template: Fact::Known(TemplateFacts::default()),
        targets: Fact::Unknown("not previewed".to_owned()),
    };
    fuzz("policy", 600, |case| {
        let text = String::from_utf8_lossy(&case.bytes);
        match Policy::parse(&format!("policy.{}", case.kind), &text) {
            Ok(policy) => {
                let policies = [policy];
                let _ = inquiries(&policies, EngineKind::Fis);
                let ruling = judge(&policies, &launch, std::slice::from_ref(&experiment));
                let told: Vec<String> = ruling.broken.iter().map(ToString::to_string).collect();
                assert!(told.iter().all(|told| !told.contains(['\n', '\x1b'])), "{told:?}");
                ruling.broken.iter().map(|rule| rule.rule.as_str()).collect::<Vec<_>>().join(" ")
            }
            Err(mistakes) => {
                assert!(!mistakes.is_empty());
                let told: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
                assert!(told.iter().all(|told| !told.contains(['\n', '\x1b'])), "{told:?}");
                told.join("; ")
            }
        }
    });
}

#[test]
fn lint() {
    fuzz("lint", 600, |case| {
        let mut lint = Lint::new(Some(Duration::from_secs(60)), Vec::new());
        match lint.take_file("template", &case.bytes) {
            Ok(()) => {
                let judgement = lint.judge();
                let told = faultgate_lint::text(&judgement);
                assert!(!told.contains('\x1b') && !told.lines().any(|line| line.starts_with("::")), "{told}");
                judgement.findings.iter().map(|finding| finding.rule.id).collect::<Vec<_>>().join(" ")
            }
            Err(mistakes) => {
                assert!(!mistakes.is_empty());
                mistakes.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
            }
        }
    });
}

#[test]
fn github_event() {
    let folder = tempfile::tempdir().unwrap();
    fuzz("github-event", 600, |case| {
        let path = written(folder.path(), "event.json", &case.bytes);
        let event = read_event(&path);
        for name in ["push", "pull_request", "workflow_run", "issue_comment", "merge_group"] {
            let env = Environment::from_pairs([
                ("GITHUB_ACTIONS", "true"),
                ("GITHUB_SERVER_URL", "https://github.com"),
                ("GITHUB_REPOSITORY", "shop/web"),
                ("GITHUB_RUN_ID", "7"),
                ("GITHUB_EVENT_NAME", name),
                ("GITHUB_REF", "refs/pull/7/merge"),
                ("GITHUB_SHA", "0123456789abcdef0123456789abcdef01234567"),
            ]);
            let surroundings = Surroundings::detect(&env, event.as_ref(), None);
            let _ = (surroundings.identity("0a0a0a0a"), surroundings.subject());
        }
        format!("{}", event.is_some())
    });
}

#[test]
fn state() {
    let folder = tempfile::tempdir().unwrap();
    fuzz("state", 1_500, |case| match state_file::read(&written(folder.path(), "state.json", &case.bytes)) {
        Ok(state) => {
            let state = state.expect("the file is there");
            let again = written(folder.path(), "again.json", &serde_json::to_vec(&state).unwrap());
            assert_eq!(state_file::read(&again), Ok(Some(state.clone())), "it is not what was written");
            let _ = state_file::find_left_subscriptions(&again);
            format!("settled: {}", state.is_settled())
        }
        Err(why) => why.what,
    });
}

#[test]
fn result() {
    let folder = tempfile::tempdir().unwrap();
    fuzz("result", 800, |case| {
        match config::read_result(&written(folder.path(), "result.json", &case.bytes)) {
            Ok(result) => {
                let again = written(folder.path(), "again.json", &serde_json::to_vec(&result).unwrap());
                let read = config::read_result(&again).expect("what was read and written is read again");
                assert_eq!(serde_json::to_value(&read).unwrap(), serde_json::to_value(&result).unwrap());
                let mut merger = Merger::default();
                merger.add("a", result.clone());
                match merger.finish(None) {
                    Ok(whole) => {
                        assert!(
                            whole.gate.verdict != faultgate_core::model::Verdict::Passed
                                || whole.gate.resilience_score.is_some(),
                            "passed without a score"
                        );
                        format!("{:?}", whole.gate.verdict)
                    }
                    Err(why) => why.join("; "),
                }
            }
            Err(mistake) => mistake.to_string(),
        }
    });
}

/// The files are as large as a file may be, and shaped to make a parser slow that goes back over its text.
#[test]
fn a_large_file_is_read_in_its_time() {
    let folder = tempfile::tempdir().unwrap();
    let fill = |piece: &str| piece.repeat(((1 << 20) - 64) / piece.len());
    for piece in ["[", "{a: ", "? ", "\"", "#", "&a ", "${", "é", "|\n", "%"] {
        for head in ["version: 1\nharness-org-id: \"", ""] {
            for kind in ["yml", "toml", "json"] {
                let path = written(
                    folder.path(),
                    &format!("suite.{kind}"),
                    format!("{head}{}", fill(piece)).as_bytes(),
                );
                let began = std::time::Instant::now();
                let flags = vec![("config".to_owned(), path.into_os_string())];
                let read = config::load(
                    &Environment::default(),
                    flags,
                    folder.path(),
                    config::Outside::default(),
                    &[],
                );
                assert!(read.is_err(), "{piece:?}");
                assert!(
                    began.elapsed().as_secs() < 30,
                    "{kind} of {piece:?} behind {head:?}: {:?}",
                    began.elapsed()
                );
            }
        }
    }
}
