//! Tests of all layers together, through the public face of the module.

use crate::suite::doubts::without_unmeasured;
use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use faultgate_core::environment::Environment;
use faultgate_core::model::{EngineSpec, Monitor, Score};
use faultgate_core::secret::Secret;

use super::*;

const SCENARIOS: &[&str] = &["completed", "stop-condition", "failed"];

/// A call to load settings: an environment, flags and a working directory.
#[derive(Default)]
pub(crate) struct Case<'a> {
    pub(crate) env: Vec<(&'a str, &'a str)>,
    pub(crate) flags: Vec<(&'a str, &'a str)>,
    pub(crate) suite: Option<&'a str>,
}

impl Case<'_> {
    pub(crate) fn load(&self) -> Result<Settings, Vec<String>> {
        let dir = tempfile::tempdir().unwrap();
        if let Some(suite) = self.suite {
            fs::write(dir.path().join(".faultgate.yml"), suite).unwrap();
        }
        let flags = self.flags.iter().map(|(n, v)| ((*n).to_owned(), OsString::from(v))).collect();
        let env = Environment::from_pairs(self.env.iter().copied());
        load(&env, flags, dir.path(), Outside { scenarios: SCENARIOS, ..Outside::default() }, &[])
            .map_err(|mistakes| mistakes.iter().map(ToString::to_string).collect())
    }

    pub(crate) fn mistakes(&self) -> Vec<String> {
        self.load().unwrap_err()
    }
}

fn env<'a>(pairs: &[(&'a str, &'a str)]) -> Case<'a> {
    Case { env: [&[("FAULTGATE_EXPERIMENT_TEMPLATE_ID", "EXT1")], pairs].concat(), ..Case::default() }
}

#[test]
fn one_template_is_enough() {
    let settings = without_unmeasured(env(&[]).load().unwrap());
    let plan = &settings.plan;
    assert_eq!(plan.experiments.len(), 1);
    let experiment = &plan.experiments[0];
    assert_eq!((experiment.name.as_str(), experiment.weight), ("ext1", 10));
    assert_eq!(experiment.timeout, Duration::from_mins(30));
    assert_eq!(experiment.queue_timeout, Duration::from_mins(5));
    assert_eq!(
        experiment.spec,
        EngineSpec::Fis { template: "EXT1".to_owned(), region: None, role_arn: None }
    );
    assert_eq!((plan.expected, plan.parallel, plan.monitor), (Score::FULL, 1, Monitor::Events));
    assert_eq!(plan.reconcile_interval, Duration::from_mins(5));
    assert!(!plan.dry_run && !plan.injection.accepts_nothing && !plan.reporting_must_succeed);
    assert_eq!(plan.report_dir, PathBuf::from("faultgate-report"));
    assert_eq!(settings.state_file, PathBuf::from("faultgate-report/state.json"));
    assert!(settings.commit_status == CommitStatusMode::True && settings.warnings.is_empty());
    assert_eq!(settings.status_context, "faultgate");
    assert_eq!((settings.comment, settings.log_format), (CommentMode::Off, LogFormat::Text));
}

#[test]
fn each_layer_stands_over_the_one_before() {
    let mut case = Case { flags: vec![("experiment-template-id", "EXT1")], ..Case::default() };
    let timeout = |case: &Case<'_>| case.load().unwrap().plan.experiments[0].timeout.as_secs();
    assert_eq!(timeout(&case), 1800);
    case.suite = Some("version: 1\ntimeout: 1s");
    assert_eq!(timeout(&case), 1);
    case.env.push(("INPUT_TIMEOUT", "2s"));
    assert_eq!(timeout(&case), 2);
    case.env.push(("FAULTGATE_TIMEOUT", "3s"));
    assert_eq!(timeout(&case), 3);
    case.flags.push(("timeout", "4s"));
    assert_eq!(timeout(&case), 4);
    case.flags.pop();
    case.env = vec![("INPUT_TIMEOUT", " "), ("FAULTGATE_TIMEOUT", "")];
    assert_eq!(timeout(&case), 1, "blank is unset");
    case.suite = Some("version: 1\ntimeout: ''\nqueue-timeout:");
    assert_eq!(timeout(&case), 1800, "blank is unset in the file as well");
}

#[test]
fn a_mistake_names_the_layer_it_came_from() {
    let place = |case: &Case<'_>| {
        let mistakes = case.mistakes();
        assert_eq!(mistakes.len(), 1, "{mistakes:#?}");
        mistakes[0].clone()
    };
    let told = |origin: &str| {
        format!(
            "timeout: \"30 parsecs\" is not a duration (from {origin}); write for example 30s, 5m or 1h30m"
        )
    };
    assert_eq!(place(&env(&[("FAULTGATE_TIMEOUT", "30 parsecs")])), told("FAULTGATE_TIMEOUT"));
    assert_eq!(place(&env(&[("INPUT_TIMEOUT", "30 parsecs")])), told("INPUT_TIMEOUT"));
    let mut case = env(&[]);
    case.flags = vec![("timeout", "30 parsecs")];
    assert_eq!(place(&case), told("--timeout"));
    let mut case = env(&[]);
    case.suite = Some("version: 1\ntimeout: 30 parsecs");
    assert_eq!(place(&case), told(".faultgate.yml:2:10"));
}

#[test]
fn everything_wrong_is_told_at_once() {
    let case = Case {
        env: vec![
            ("FAULTGATE_TIMEOUT", "30 parsecs"),
            ("FAULTGATE_TIMEOT", "5m"),
            ("FAULTGATE_EXPECTED_RESILIENCE_SCORE", "101"),
            ("INPUT_PARALLEL", "0"),
            ("INPUT_EVENT-QUEUE-URL", "nowhere"),
            ("INPUT_DRY-RUN", "true"),
            ("INPUT_DRY_RUN", "false"),
        ],
        flags: vec![("config", "missing.yml"), ("monitor", "event"), ("nonsense", "x")],
        suite: None,
    };
    let mistakes = case.mistakes().join("\n");
    for want in [
        "timeout: \"30 parsecs\"",
        "FAULTGATE_TIMEOT: no such input",
        "expected-resilience-score: \"101\" is not a score",
        "parallel: \"0\" is not a whole number from 1 to 2000 (from INPUT_PARALLEL)",
        "event-queue-url: \"nowhere\"",
        "dry-run: the two forms of its variable differ",
        "config: suite file \"missing.yml\" is not there (from --config)",
        "did you mean events?",
        "nonsense: no such input (from --nonsense)",
    ] {
        assert!(mistakes.contains(want), "{want}\n{mistakes}");
    }
    assert_eq!(mistakes.lines().count(), 9, "{mistakes}");
}

/// The key of the gate need not have the name of the input that it sets.
#[test]
fn a_mistake_in_the_gate_shows_the_variable_and_not_its_content() {
    for (key, input) in inputs::table::GATE {
        let suite = format!("version: 1\nexperiment-template-id: EXT1\ngate: {{ {key}: '${{X}}' }}\n");
        let case = Case { env: vec![("X", "s3cr3t\u{1}")], suite: Some(&suite), ..Case::default() };
        let told = case.mistakes();
        assert!(told[0].starts_with(&format!("{}: \"${{X}}\" ", input.name)), "{told:?}");
        assert!(!told.concat().contains("s3cr3t"), "{told:?}");
    }
}

#[test]
fn nothing_to_run_says_what_to_set() {
    let mistakes = Case::default().mistakes();
    assert_eq!(mistakes.len(), 1);
    assert!(mistakes[0].starts_with("nothing to run"), "{}", mistakes[0]);
    assert!(mistakes[0].contains("FAULTGATE_EXPERIMENT_TEMPLATE_ID"));
    let case = Case { suite: Some("version: 1"), ..Case::default() };
    assert!(case.mistakes()[0].contains(".faultgate.yml"));
}

#[test]
fn experiments_come_from_one_place() {
    let mistakes = env(&[("INPUT_HARNESS-EXPERIMENT-ID", "h")]).mistakes();
    assert_eq!(mistakes.len(), 1, "{mistakes:#?}");
    assert!(
        mistakes[0].contains("FAULTGATE_EXPERIMENT_TEMPLATE_ID and INPUT_HARNESS-EXPERIMENT-ID"),
        "{mistakes:#?}"
    );
    let mut case = env(&[]);
    case.suite = Some("version: 1\nexperiments: [{ name: a, fis: { template: EXT2 } }]");
    let mistakes = case.mistakes();
    assert_eq!(mistakes.len(), 1, "{mistakes:#?}");
    assert!(mistakes[0].contains("FAULTGATE_EXPERIMENT_TEMPLATE_ID and .faultgate.yml"));
}

#[test]
fn a_suite_takes_from_the_inputs_what_it_leaves_out() {
    let case = Case {
        env: vec![("FAULTGATE_AWS_REGION", "eu-west-1"), ("FAULTGATE_TIMEOUT", "7m")],
        suite: Some(
            "version: 1\ngate: { expected-resilience-score: 95 }\nexperiments:\n\
             - { name: a, fis: { template: EXT1 } }\n\
             - { name: b, fis: { template: EXT2, region: us-east-1 }, timeout: 1m }\n",
        ),
        ..Case::default()
    };
    let plan = case.load().unwrap().plan;
    assert_eq!(plan.expected, Score::new(95.0).unwrap());
    let told: Vec<_> = plan
        .experiments
        .iter()
        .map(|e| match &e.spec {
            EngineSpec::Fis { region, .. } => (region.as_deref(), e.timeout.as_secs()),
            _ => panic!("{e:?}"),
        })
        .collect();
    assert_eq!(told, [(Some("eu-west-1"), 420), (Some("us-east-1"), 60)]);
}

#[test]
fn several_templates_by_line_or_list() {
    let names = |case: &Case<'_>| -> Vec<String> {
        case.load().unwrap().plan.experiments.iter().map(|e| e.name.clone()).collect()
    };
    let mut case =
        Case { env: vec![("INPUT_EXPERIMENT-TEMPLATE-ID", "EXT1\nEXT2, EXT1\n")], ..Case::default() };
    assert_eq!(names(&case), ["ext1", "ext2", "ext1-2"]);
    case.env.clear();
    case.suite = Some("version: 1\nexperiment-template-id: [EXT1, '${X:-EXT3}']");
    assert_eq!(names(&case), ["ext1", "ext3"]);
}

#[test]
fn a_rehearsal_needs_no_template_but_a_known_scenario() {
    let mut case = Case { flags: vec![("rehearsal", "completed")], ..Case::default() };
    let settings = case.load().unwrap();
    assert_eq!(settings.rehearsal.as_deref(), Some("completed"));
    let experiment = &settings.plan.experiments[0];
    assert_eq!(experiment.name, "rehearsal");
    assert!(matches!(&experiment.spec, EngineSpec::Fis { template, .. } if template == "EXTrehearsal"));
    case.flags = vec![("rehearsal", "complete")];
    assert_eq!(
        case.mistakes(),
        ["rehearsal: \"complete\" is not a scenario (from --rehearsal); did you mean completed?"]
    );
}

#[test]
fn a_queue_and_the_mode_that_reads_it_go_together() {
    let url = "http://127.0.0.1:9324/000000000000/q";
    let queue = ("FAULTGATE_EVENT_QUEUE_URL", url);
    assert_eq!(env(&[queue]).load().unwrap().plan.monitor, Monitor::Queue);
    assert_eq!(
        env(&[queue, ("FAULTGATE_MONITOR", "queue")]).load().unwrap().plan.event_queue_url.as_deref(),
        Some(url)
    );
    for pairs in [
        &[("FAULTGATE_MONITOR", "queue")][..],
        &[queue, ("FAULTGATE_MONITOR", "poll")],
        &[queue, ("FAULTGATE_MONITOR", "events")],
    ] {
        let mistakes = env(pairs).mistakes();
        assert_eq!(mistakes.len(), 1, "{mistakes:#?}");
        assert!(mistakes[0].contains("FAULTGATE_MONITOR"), "{mistakes:#?}");
    }
}

#[test]
fn inputs_of_an_engine_that_is_not_chosen_are_a_warning() {
    let settings = without_unmeasured(env(&[("FAULTGATE_HARNESS_PROJECT_ID", "shop")]).load().unwrap());
    assert_eq!(
        settings.warnings,
        [
            "harness-project-id has no effect without harness-experiment-id (from FAULTGATE_HARNESS_PROJECT_ID)"
        ]
    );
}

#[test]
fn secrets_are_read_and_never_shown() {
    let settings = env(&[
        ("FAULTGATE_GITHUB_TOKEN", "s3cr3t-own"),
        ("INPUT_GITHUB-TOKEN", "s3cr3t-ci"),
        ("INPUT_GITLAB_TOKEN", "s3cr3t-lab"),
    ])
    .load()
    .unwrap();
    assert_eq!(settings.tokens.github.as_ref().map(Secret::expose), Some("s3cr3t-own"));
    assert_eq!(settings.tokens.gitlab.as_ref().map(Secret::expose), Some("s3cr3t-lab"));
    assert!(!format!("{settings:?}").contains("s3cr3t"));
    let mut case = env(&[
        ("FAULTGATE_GITHUB_TOKEN", "s3cr3t x"),
        ("INPUT_GITLAB-TOKEN", "s3cr3t-1"),
        ("INPUT_GITLAB_TOKEN", "s3cr3t-2"),
        ("FAULTGATE_GITHUB_TOKN", "s3cr3t"),
        ("PASSWORD", "s3cr3t"),
    ]);
    case.flags = vec![("litmus-token", "s3cr3t")];
    case.suite = Some(
        "version: 1\nharness-api-key: s3cr3t\ntimeout: ${PASSWORD}\nrehearsal: ${PASSWORD}\ncommit: ${FAULTGATE_GITHUB_TOKEN}",
    );
    let mistakes = case.mistakes();
    assert_eq!(mistakes.len(), 8, "{mistakes:#?}");
    assert!(!format!("{mistakes:?}").contains("s3cr3t"), "{mistakes:#?}");
}

#[cfg(unix)]
#[test]
fn invalid_utf_8_is_a_mistake_wherever_it_stands() {
    use std::os::unix::ffi::OsStringExt;
    let bad = || OsString::from_vec(vec![b's', b'3', 0xff]);
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join(".faultgate.yml"), b"version: 1\nx: \xff").unwrap();
    let env = Environment::from_pairs([
        (OsString::from("FAULTGATE_TIMEOUT"), bad()),
        (OsString::from("INPUT_PARALLEL"), bad()),
        (OsString::from("FAULTGATE_GITHUB_TOKEN"), bad()),
        (OsString::from_vec(b"FAULTGATE_\xff".to_vec()), OsString::from("x")),
        (OsString::from("INPUT_OTHERS"), bad()),
        (OsString::from("PATH"), bad()),
    ]);
    let flags = vec![("report-dir".to_owned(), bad())];
    let mistakes = load(&env, flags, dir.path(), Outside { scenarios: SCENARIOS, ..Outside::default() }, &[])
        .unwrap_err();
    let origins: Vec<_> = mistakes.iter().map(|m| m.origin.as_str()).collect();
    assert_eq!(
        origins,
        [
            "FAULTGATE_\u{fffd}",
            "INPUT_PARALLEL",
            "FAULTGATE_TIMEOUT",
            "--report-dir",
            "FAULTGATE_GITHUB_TOKEN",
            ".faultgate.yml",
        ]
    );
    assert!(mistakes.iter().all(|m| m.message.contains("UTF-8") || m.message.contains("no such input")));
}

#[test]
fn a_named_suite_of_each_format_is_read() {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in [
        ("s.yaml", "version: 1\nparallel: 3\n"),
        ("s.toml", "version = 1\nparallel = 3\n"),
        ("s.JSON", "{\"version\": 1, \"parallel\": 3}"),
    ] {
        fs::write(dir.path().join(name), text).unwrap();
        let env = Environment::from_pairs([("INPUT_CONFIG", name), ("INPUT_EXPERIMENT_TEMPLATE_ID", "EXT1")]);
        let settings =
            load(&env, Vec::new(), dir.path(), Outside { scenarios: SCENARIOS, ..Outside::default() }, &[])
                .unwrap();
        assert_eq!(settings.plan.parallel, 3, "{name}");
    }
}

#[test]
fn a_shard_is_the_same_part_wherever_it_is_taken() {
    let suite = |shard| Case {
        env: vec![("FAULTGATE_EXPERIMENT_TEMPLATE_ID", "EXTa,EXTb,EXTa,EXTc,EXTd")],
        flags: vec![("shard", shard)],
        ..Case::default()
    };
    let names = |shard| {
        let plan = suite(shard).load().unwrap().plan;
        assert_eq!(plan.shard.unwrap().to_string(), shard);
        plan.experiments.into_iter().map(|experiment| experiment.name).collect::<Vec<_>>()
    };
    assert_eq!(names("1/2"), ["exta", "exta-2", "extd"], "a name does not depend on the shard");
    assert_eq!(names("2/2"), ["extb", "extc"]);
    assert_eq!(names("5/5"), ["extd"]);
    assert_eq!(names("1/1").len(), 5);
    assert_eq!(
        suite("2/6").mistakes(),
        [
            "shard: \"2/6\" has more parts than experiments: there are only 5 experiments (from --shard); write at most \
             n/5"
        ]
    );
    assert_eq!(
        suite("6/5").mistakes(),
        [
            "shard: \"6/5\" is not a part of a suite (from --shard); write n/m, where n is from 1 to m and m is at most \
             10000, for example 2/5; or auto, or auto/m"
        ]
    );
    assert!(env(&[("FAULTGATE_SHARD", "1/2")]).mistakes()[0].contains("there is 1 experiment "));
}
