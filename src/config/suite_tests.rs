use super::*;
use crate::config::Environment;
use crate::config::file;

pub(super) fn read_with(yaml: &str, pairs: &[(&str, &str)]) -> (Suite, Vec<String>) {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join(".faultgate.yml"), yaml).unwrap();
    let env = Environment::from_pairs(pairs.iter().copied());
    let mut mistakes = Vec::new();
    let document = file::load(None, dir.path(), &env, &mut mistakes).unwrap().unwrap();
    let suite = read(&document, dir.path(), &mut mistakes);
    (suite, mistakes.iter().map(ToString::to_string).collect())
}

/// The one mistake of a suite, without its origin.
pub(super) fn mistake(yaml: &str) -> String {
    let (_, mistakes) = read_with(yaml, &[]);
    assert_eq!(mistakes.len(), 1, "{yaml}\n{mistakes:#?}");
    mistakes[0].replace(" (from .faultgate.yml)", "")
}

fn experiment(body: &str) -> String {
    format!("version: 1\nexperiments:\n  - name: a\n    fis: {{ template: EXT1 }}\n{body}")
}

#[test]
fn a_whole_suite_is_read() {
    let (suite, mistakes) = read_with(
        r#"
version: 1
gate: { expected-resilience-score: 95 }
parallel: 2
experiments:
  - name: az-latency
    fis: { template: EXT1, region: eu-west-1, role-arn: "arn:aws:iam::111122223333:role/chaos" }
    weight: 0
    timeout: 20m
    queue-timeout: 90s
    expected-resilience-score: 90.5
  - { name: bare, fis: { template: "${ID}" } }
"#,
        &[("ID", "EXT2")],
    );
    assert!(mistakes.is_empty(), "{mistakes:#?}");
    let entries = suite.experiments.unwrap();
    assert_eq!(
        entries[0],
        Entry {
            name: "az-latency".to_owned(),
            block: Block::Spec(EngineSpec::Fis {
                template: "EXT1".to_owned(),
                region: Some("eu-west-1".to_owned()),
                role_arn: Some("arn:aws:iam::111122223333:role/chaos".to_owned()),
            }),
            weight: 0,
            timeout: Some(Duration::from_mins(20)),
            queue_timeout: Some(Duration::from_secs(90)),
            expected: Score::new(90.5),
            probes: Vec::new(),
        }
    );
    let Block::Spec(spec) = &entries[1].block else { panic!("{:?}", entries[1]) };
    assert_eq!((spec.source(), entries[1].weight), ("EXT2", 10));
}

#[test]
fn unknown_keys_are_told_at_every_depth() {
    for (yaml, want) in [
        ("version: 1\ntimeot: 5m".to_owned(), "timeot: is not a known key; did you mean timeout?"),
        ("version: 1\nzzzzzz: 5m".to_owned(), "zzzzzz: is not a known key; faultgate inputs lists all"),
        (
            "version: 1\ngate: { score: 1 }".to_owned(),
            "gate.score: is not a known key; known here: expected-resilience-score, each, compare-to, max-score-drop",
        ),
        (experiment("    wieght: 1"), "experiments[0].wieght: is not a known key; did you mean weight?"),
        (
            "version: 1\nexperiments: [{ name: a, fis: { template: E, regoin: x } }]".to_owned(),
            "experiments[0].fis.regoin: is not a known key; did you mean region?",
        ),
    ] {
        assert_eq!(mistake(&yaml), want);
    }
}

#[test]
fn a_wrong_structure_is_told() {
    for (yaml, want) in [
        (
            "version: 2\nnonsense: 1".to_owned(),
            "version: is not one that this faultgate reads; write version: 1",
        ),
        ("parallel: 2".to_owned(), "version: is missing; begin the suite file with version: 1"),
        (String::new(), "version: is missing; begin the suite file with version: 1"),
        ("version: 1\ngate: 95".to_owned(), "gate is not a table of keys; write key: value pairs below it"),
        (
            "version: 1\nexperiments: {}".to_owned(),
            "experiments: is not a list; write each experiment as - name: …",
        ),
        (
            "version: 1\nexperiments: []".to_owned(),
            "experiments: is an empty list; add - name: … with fis: { template: EXT… }",
        ),
        (
            "version: 1\nexperiments: [EXT1]".to_owned(),
            "experiments[0] is not a table of keys; write key: value pairs below it",
        ),
        (
            "version: 1\nexperiments: [{ name: a }]".to_owned(),
            "experiments[0] has no engine; add fis: { template: EXT… }",
        ),
        (
            "version: 1\nexperiments: [{ name: a, fis: }]".to_owned(),
            "experiments[0].fis is empty; write fis: { template: EXT… }",
        ),
        (
            "version: 1\nexperiments: [{ name: a, fis: {} }]".to_owned(),
            "experiments[0].fis.template: is missing; write the template's id, for example EXT1a2b3c4d5e6f7",
        ),
        (
            "version: 1\nexperiments: [{ fis: { template: EXT1 } }]".to_owned(),
            "experiments[0].name: is missing; write lower-case letters, digits and hyphens, at most 64",
        ),
        (
            "version: 1\nexperiments: [{ name: a, fis: { template: EXT1 }, harness: {}, command: {} }]"
                .to_owned(),
            "experiments[0] has 3 engines at once: fis, harness, command; keep one; write an experiment for each",
        ),
        (
            experiment("  - { name: a, fis: { template: EXT2 } }"),
            "experiments[1].name: is the same as that of experiments[0]; give each experiment a name of its own",
        ),
        (
            experiment("    weight: 0"),
            "experiments: all weights are 0, so that there is no score; give one a weight from 1 to 1000",
        ),
        (
            "version: 1\nexpected-resilience-score: 1\ngate: { expected-resilience-score: 2 }".to_owned(),
            "gate.expected-resilience-score: is set at the top of the file as well; keep one of them",
        ),
    ] {
        assert_eq!(mistake(&yaml), want);
    }
}

#[test]
fn wrong_values_are_told_with_their_path() {
    for (body, want) in [
        ("    timeout: 30 parsecs", "experiments[0].timeout: \"30 parsecs\" is not a duration"),
        ("    timeout: 30", "experiments[0].timeout: \"30\" is a duration without a unit"),
        ("    queue-timeout: 13h", "experiments[0].queue-timeout: \"13h\" is out of range"),
        ("    weight: 1001", "experiments[0].weight: \"1001\" is not a whole number from 0 to 1000"),
        ("    weight: 1.5", "experiments[0].weight: \"1.5\" is not a whole number"),
        (
            "    expected-resilience-score: 101",
            "experiments[0].expected-resilience-score: \"101\" is not a score",
        ),
        (
            "    expected-resilience-score: [1]",
            "experiments[0].expected-resilience-score: the value is a table or a list",
        ),
        ("    timeout: ${NOT_SET}", "experiments[0].timeout: ${NOT_SET} is not set"),
        (
            "  - { name: B, fis: { template: E } }",
            "experiments[1].name: \"B\" is not a name for an experiment",
        ),
        ("  - { name: 12, fis: { template: E } }", "experiments[1].name: \"12\" must be text"),
        ("  - { name: b, fis: { template: 12e4 } }", "experiments[1].fis.template: \"120000\" must be text"),
        ("  - { name: b, fis: { template: a/b } }", "experiments[1].fis.template: \"a/b\" is not an FIS"),
        (
            "  - { name: b, fis: { template: E, region: Mars } }",
            "experiments[1].fis.region: \"Mars\" is not an AWS Region",
        ),
        (
            "  - { name: b, fis: { template: E, role-arn: x } }",
            "experiments[1].fis.role-arn: \"x\" is not the ARN",
        ),
    ] {
        let told = mistake(&experiment(body));
        assert!(told.starts_with(want), "{told}");
    }
}

#[test]
fn whether_a_suite_stops_on_failure_is_read() {
    let stops = |line: &str| {
        let (suite, mistakes) =
            read_with(&experiment("").replace("version: 1", &format!("version: 1\n{line}")), &[]);
        assert!(mistakes.is_empty(), "{mistakes:?}");
        suite.stop_on_failure
    };
    assert!(stops("stop-on-failure: true"));
    assert!(!stops("stop-on-failure: false") && !stops(""));
    assert_eq!(
        mistake(&experiment("").replace("version: 1", "version: 1\nstop-on-failur: true")),
        "stop-on-failur: is not a known key; did you mean stop-on-failure?"
    );
}

#[test]
fn secrets_and_the_files_own_path_have_no_place_in_it() {
    assert_eq!(
        mistake("version: 1\ngithub-token: s3cr3t"),
        "github-token: a secret may not stand in the suite file; set the variable FAULTGATE_GITHUB_TOKEN instead"
    );
    assert_eq!(
        mistake("version: 1\nconfig: other.yml"),
        "config: cannot be set in the suite file itself; use --config or FAULTGATE_CONFIG"
    );
}

#[test]
fn all_mistakes_are_told_at_once() {
    let (_, mistakes) = read_with(
        "gate: { x: 1 }\nexperiments:\n  - { name: A, fis: { template: '${T}', y: 1 }, weight: -1 }\n  - {}",
        &[],
    );
    assert_eq!(mistakes.len(), 8, "{mistakes:#?}");
    assert!(mistakes.iter().all(|m| m.contains("(from .faultgate.yml)")));
}

#[test]
fn a_template_made_of_a_variable_is_not_shown() {
    let (_, mistakes) = read_with(
        "version: 1\nexperiments: [{ name: '${N}', fis: { template: '${T}' } }]",
        &[("T", "s3cr3t/x"), ("N", "S3CR3T")],
    );
    assert_eq!(mistakes.len(), 2);
    assert!(!mistakes.concat().to_lowercase().contains("s3cr3t"), "{mistakes:#?}");
}
