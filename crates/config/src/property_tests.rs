//! Properties of the whole module: any environment, flags and suite file give settings or mistakes, and never
//! a panic.

use std::fs;
use std::path::Path;

use faultgate_core::environment::Environment;
use proptest::prelude::*;

use super::*;

const SCENARIOS: &[&str] = &["completed", "failed"];

fn word() -> impl Strategy<Value = String> {
    prop_oneof![
        ".{0,12}",
        "[0-9.]{1,4}[hms]{0,2}",
        Just("true".to_owned()),
        Just("EXT1".to_owned()),
        Just("${A:-x}".to_owned()),
        "[\\[\\]{}:,\"'&*$-]{0,6}",
    ]
}

fn variable() -> impl Strategy<Value = String> {
    let names: Vec<_> =
        INPUTS.iter().flat_map(|i| [vec![i.variable()], i.ci_variables().to_vec()].concat()).collect();
    prop_oneof![4 => proptest::sample::select(names), 1 => "FAULTGATE_[A-Z\u{e9}_-]{0,9}", 1 => "[A-Z]{1,2}"]
}

/// One line of a suite: known and unknown keys at any depth, with any words.
fn line() -> impl Strategy<Value = String> {
    let keys: Vec<_> = INPUTS
        .iter()
        .map(|i| i.name)
        .chain(["version", "gate", "experiments", "name", "fis", "template", "weight", "probes", "x[9]"])
        .collect();
    (0_usize..3, any::<bool>(), proptest::sample::select(keys), word()).prop_map(
        |(depth, item, key, word)| {
            format!("{}{}{key}: {word}\n", "  ".repeat(depth), if item { "- " } else { "" })
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn load_never_panics_and_never_keeps_silent(
        pairs in proptest::collection::vec((variable(), word()), 0..6),
        flags in proptest::collection::vec((proptest::sample::select(INPUTS), word()), 0..3),
        lines in proptest::collection::vec(line(), 0..6),
        extension in proptest::sample::select(&["yml", "toml", "json"][..]),
        raw in proptest::option::of(".{0,80}"),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let text = raw.unwrap_or_else(|| format!("version: 1\n{}", lines.concat()));
        fs::write(dir.path().join(format!(".faultgate.{extension}")), text).unwrap();
        let env = Environment::from_pairs(pairs);
        let flags = flags.into_iter().map(|(i, v)| (i.name.to_owned(), v.into())).collect();
        match load(&env, flags, dir.path(), Outside { scenarios: SCENARIOS, ..Outside::default() }, &[]) {
            Ok(settings) => prop_assert!(!settings.plan.experiments.is_empty()),
            Err(mistakes) => {
                prop_assert!(!mistakes.is_empty());
                for mistake in mistakes {
                    prop_assert!(!mistake.origin.is_empty());
                    prop_assert!(!mistake.to_string().contains(['\n', '\r', '\x1b']), "{mistake}");
                }
            }
        }
    }
}

#[test]
fn every_input_may_stand_in_the_suite_in_its_own_form() {
    let mut yaml = "version: 1\n".to_owned();
    for input in INPUTS.iter().filter(|i| i.in_suite()) {
        // The modes exclude each other, a second engine is a mistake, the bundle does not exist, and one
        // experiment cannot be split.
        let skipped = ["monitor", "harness-experiment-id", "litmus-experiment-id", "ca-bundle", "shard"];
        if let Some(example) = input.example.filter(|_| !skipped.contains(&input.name)) {
            yaml = format!("{yaml}{}: \"{example}\"\n", input.name);
        }
    }
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join(".faultgate.yml"), yaml).unwrap();
    let settings = load(
        &Environment::default(),
        Vec::new(),
        dir.path(),
        Outside { scenarios: SCENARIOS, ..Outside::default() },
        &[],
    )
    .unwrap();
    assert_eq!(settings.comment, CommentMode::OnFailure);
    assert_eq!(settings.log_format, LogFormat::Json);
    assert_eq!(settings.pull_request, Some(42));
    assert_eq!(settings.state_file, Path::new("out/state.json"));
    assert_eq!(settings.commit_status, CommitStatusMode::Run);
    assert!(settings.plan.dry_run && settings.plan.reporting_must_succeed);
}
