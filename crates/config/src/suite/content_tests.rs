//! Tests of the structure of a suite, and of the places that its mistakes name.

use faultgate_core::environment::Environment;

use super::*;
use crate::layers::file;
use crate::suite::blocks::fis::{FisBlock, FisSubject};

pub(crate) fn read_with(yaml: &str, pairs: &[(&str, &str)]) -> (Suite, Vec<String>) {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join(".faultgate.yml"), yaml).unwrap();
    let env = Environment::from_pairs(pairs.iter().copied());
    let mut mistakes = Vec::new();
    let document = file::load(None, dir.path(), &env, &mut mistakes).unwrap().unwrap();
    let suite = read(&document, dir.path(), &mut mistakes);
    // The places of mistakes have a test of their own.
    let told = mistakes.into_iter().map(|mistake| mistake.at(None).to_string());
    (suite, told.collect())
}

/// The only mistake of a suite, without its origin.
pub(crate) fn mistake(yaml: &str) -> String {
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
        ListedExperiment {
            path: "experiments[0]".to_owned(),
            name: "az-latency".to_owned(),
            block: Block::Fis(FisBlock {
                subject: FisSubject::Template("EXT1".to_owned()),
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
    let Block::Fis(block) = &entries[1].block else { panic!("{:?}", entries[1]) };
    assert_eq!(block.subject, FisSubject::Template("EXT2".to_owned()));
    assert_eq!(entries[1].weight, 10);
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
            "version: 2\nparallel: 2".to_owned(),
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
            "experiments[0] has no engine; add fis: { template: EXT1a2b3c4d5e6f7 }",
        ),
        (
            "version: 1\nexperiments: [{ name: a, fis: }]".to_owned(),
            "experiments[0].fis is empty; write fis: { template: EXT1a2b3c4d5e6f7 }",
        ),
        (
            "version: 1\nexperiments: [{ name: a, fis: EXT1 }]".to_owned(),
            "experiments[0].fis is not a table of keys; write fis: { template: EXT1a2b3c4d5e6f7 }",
        ),
        (
            "version: 1\nexperiments: [{ name: a, fis: {} }]".to_owned(),
            "experiments[0].fis.template: is missing; write the template's id, for example EXT1a2b3c4d5e6f7, or find \
             templates by templates: { tags: … }",
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
fn what_halts_experiments_is_read() {
    let probe = "{ name: p, tcp: { address: 'a:1' }, when: [during] }";
    let suite = |lines: &str| {
        let text = experiment(&format!("    probes: [{probe}]"))
            .replace("version: 1", &format!("version: 1\n{lines}"));
        read_with(&text, &[])
    };
    let rule = |lines: &str| {
        let (suite, mistakes) = suite(lines);
        assert!(mistakes.is_empty(), "{mistakes:?}");
        suite.halt
    };
    assert_eq!(rule(""), HaltRule::default());
    let all = HaltRule { failing_probes: Some(1), scope: HaltScope::All };
    assert_eq!(rule("abort: all\nabort-when: { failing-probes: 1 }"), all);
    for (lines, want) in [
        ("abort-when: {}", "abort-when.failing-probes: is missing"),
        ("abort-when: 2", "abort-when is not a table of keys"),
        ("abort-when: { failing-probes: 0 }", "abort-when.failing-probes: \"0\""),
        ("abort-when: { failing-probes: 1, failed: 1 }", "abort-when.failed: is not a known key"),
        ("abort-when: { failing-probes: 2 }", "abort-when.failing-probes: is 2, and the suite has 1 probe"),
        ("abort: some", "abort: \"some\""),
    ] {
        let (_, mistakes) = suite(lines);
        assert_eq!(mistakes.len(), 1, "{lines}: {mistakes:?}");
        assert!(mistakes[0].contains(want), "{lines}: {}", mistakes[0]);
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

/// The places of all mistakes in a suite.
fn places(name: &str, text: &str) -> Vec<String> {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join(name), text).unwrap();
    let env = Environment::from_pairs([("FAULTGATE_HARNESS_API_KEY", "x")]);
    let flags = vec![("config".to_owned(), name.into())];
    let mistakes = crate::load(&env, flags, dir.path(), crate::Outside::default(), &[]).unwrap_err();
    let told = mistakes.into_iter().map(|mistake| {
        let (at, message) = (mistake.place.clone(), mistake.message);
        let at = at.map_or_else(|| "?".to_owned(), |at| format!("{}:{}:{}", at.file, at.line, at.column));
        format!("{at} {}", message.split(": ").next().unwrap())
    });
    told.collect()
}

#[test]
fn each_mistake_has_its_place() {
    let text = r#"
version: 1
timeout: 30 parsecs
gate: { each: 101, ech: 5 }
x-anything: { goes: here }
experiments:
  - name: A b
    fis: { regoin: x }
    weight: ten
    timeout: "${NONE}"
  - command:
      run: [sleep, 5]
      env: { A.B: 1 }
    name: two
    probes:
      - name: p
        http:
          url: ftp://x
          headers: { "a b": x, X-Key: [1] }
          status: [200, 999]
          ca-bundle: none.pem
        when: [before, sometimes]
  - name: three
    harness: { experiment: "https://x/", project: p }
"#;
    let mut told = places("s.yml", text);
    told.sort();
    let mut want = [
        "s.yml:3:10 timeout",
        "s.yml:4:15 each-resilience-score",
        "s.yml:4:20 gate.ech",
        "s.yml:7:11 experiments[0].name",
        "s.yml:8:12 experiments[0].fis.regoin",
        "s.yml:8:5 experiments[0].fis.template",
        "s.yml:9:13 experiments[0].weight",
        "s.yml:10:14 experiments[0].timeout",
        "s.yml:12:20 experiments[1].command.run[1]",
        "s.yml:13:19 experiments[1].command.env.A.B",
        "s.yml:18:16 experiments[1].probes[0].http.url",
        "s.yml:19:11 experiments[1].probes[0].http.headers",
        "s.yml:19:39 experiments[1].probes[0].http.headers.X-Key",
        "s.yml:20:25 experiments[1].probes[0].http.status[1]",
        "s.yml:21:22 experiments[1].probes[0].http.ca-bundle",
        "s.yml:22:24 experiments[1].probes[0].when[1]",
        "s.yml:24:28 experiments[2].harness.experiment",
    ];
    want.sort_unstable();
    assert_eq!(told, want);
    assert_eq!(
        places(
            "s.yml",
            "version: 1\nexperiments:\n  - name: three\n    harness: { experiment: \"https://x/\", project: p }\n"
        ),
        ["s.yml:4:28 experiments[0].harness.experiment"]
    );
    let json = "{\"version\": 1,\n  \"experiments\": [\n    {\"name\": \"a\", \"fis\": {\"regoin\": 1, \"template\": \"EXT1\"}}]}";
    assert_eq!(places("s.json", json), ["s.json:3:27 experiments[0].fis.regoin"]);
    assert_eq!(places("s.yml", "version: 1\nx: [1\ny: 2\n"), ["s.yml:3:2 config"]);
}

#[test]
fn holders_at_the_top_are_for_aliases_and_merges_alone() {
    let (suite, mistakes) = read_with(
        r#"
version: 1
x-probes: &probes
  - &healthy
    name: healthy
    http: { url: "https://shop.example/health", headers: { X-Key: "${NOT_SET_AND_NOT_USED}" } }
    when: [during]
x-shop: &shop
  weight: 3
  timeout: 20m
experiments:
  - <<: *shop
    name: one
    fis: { template: EXT1 }
  - <<: [{ weight: 7 }, *shop]
    name: two
    timeout: 5m
    fis: { template: EXT2 }
    probes:
      - <<: *healthy
        http: { url: "https://shop.example/" }
"#,
        &[],
    );
    assert!(mistakes.is_empty(), "{mistakes:#?}");
    let entries = suite.experiments.unwrap();
    let of =
        |entry: &ListedExperiment| (entry.weight, entry.timeout.unwrap().as_secs() / 60, entry.probes.len());
    assert_eq!(entries.iter().map(of).collect::<Vec<_>>(), [(3, 20, 0), (7, 5, 1)]);
    assert_eq!(entries[1].probes[0].name, "healthy");
    let below = "version: 1\nexperiments: [{ name: a, fis: { template: EXT1 }, x-b: 1 }]";
    assert!(mistake(below).starts_with("experiments[0].x-b: is not a known key"));
}
