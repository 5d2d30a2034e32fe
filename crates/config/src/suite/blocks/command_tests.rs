//! Tests of the block of a local command.

use super::*;
use crate::suite::blocks::Block;
use crate::suite::content::tests::{mistake, read_with};

fn suite(block: &str) -> String {
    format!("version: 1\nexperiments: [{{ name: a, command: {{ {block} }} }}]")
}

fn spec(block: &str, pairs: &[(&str, &str)]) -> CommandSpec {
    let (suite, mistakes) = read_with(&suite(block), pairs);
    assert!(mistakes.is_empty(), "{mistakes:#?}");
    match suite.experiments.unwrap().remove(0).block {
        Block::Command(spec) => spec,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_whole_block_is_read() {
    let spec = spec(
        "run: [sh, -c, \"echo 'x'\\n\"], stop: [docker, unpause, cache], dir: chaos, env: { Who_Me: ' x ' }, \
         journal: out/journal.json, expect-exit-code: 3, duration: 30s",
        &[],
    );
    assert_eq!(spec.run.args, ["sh", "-c", "echo 'x'\n"]);
    assert_eq!(spec.run.shown, "sh -c 'echo '\\''x'\\''\n'");
    let stop = spec.stop.unwrap();
    assert_eq!((stop.program(), stop.shown.as_str()), ("docker", "docker unpause cache"));
    assert_eq!((spec.dir, spec.journal), (Some("chaos".into()), Some("out/journal.json".into())));
    assert_eq!(spec.env["Who_Me"], " x ");
    assert_eq!((spec.expected_exit_code, spec.duration), (3, Duration::from_secs(30)));
}

#[test]
fn a_bare_block_has_defaults() {
    let spec = spec("run: [true-enough]", &[]);
    assert_eq!((spec.stop, spec.dir, spec.journal), (None, None, None));
    assert_eq!((spec.expected_exit_code, spec.duration), (0, Duration::ZERO));
    assert_eq!((spec.stop_within, spec.proof), (Duration::from_secs(30), None));
}

#[test]
fn a_proof_is_read() {
    let proof =
        spec("run: [x], injected: { output: paused, no-output: nothing, within: 5s }", &[]).proof.unwrap();
    assert_eq!((proof.output.as_deref(), proof.no_output.as_deref()), (Some("paused"), Some("nothing")));
    assert_eq!((proof.check, proof.within), (None, Duration::from_secs(5)));
    let spec = spec("run: [x], stop-within: 2m, injected: { tcp: { address: 'db:5432' } }", &[]);
    let proof = spec.proof.unwrap();
    assert!(matches!(proof.check, Some(faultgate_core::model::Check::Tcp { .. })));
    assert_eq!((proof.within, spec.stop_within), (Duration::from_secs(30), Duration::from_secs(120)));
}

#[test]
fn what_variables_hold_is_run_and_not_shown() {
    let spec = spec("run: [curl, 'x${T}', ''], env: { T: '${T}' }", &[("T", "s3cr3t")]);
    assert_eq!(spec.run.args, ["curl", "xs3cr3t", ""]);
    assert_eq!(spec.run.shown, "curl \"x${T}\" ''");
    assert_eq!(spec.env["T"], "s3cr3t");
    assert!(!format!("{spec:?}").contains("s3cr3t"));
}

#[test]
fn mistakes_are_told_with_their_path() {
    for (block, want) in [
        ("runn: [x]", None),
        ("run: docker pause cache", Some("run: is not a list of a program and its arguments; write [\"pro")),
        ("run: []", Some("run: is an empty list; write [\"program\", \"argument\"]; no shell reads it")),
        ("run: ['']", Some("run[0]: is empty; write the program's name or path")),
        ("run: [sleep, 5]", Some("run[1]: \"5\" must be text; put the value in quotes")),
        ("run: [echo, ~]", Some("run[1]: is empty; write \"\" for an empty text")),
        ("run: [echo, [x]]", Some("run[1]: the value is a table or a list")),
        ("run: [echo, '${NONE}']", Some("run[1]: ${NONE} is not set")),
        ("run: [x], stop: x", Some("stop: is not a list of a program and its arguments")),
        ("run: [x], env: [A]", Some("env is not a table of keys")),
        ("run: [x], env: { A: 1 }", Some("env.A: \"1\" must be text; put the value in quotes")),
        ("run: [x], env: { 'A=B': x }", Some("env.A=B: is not a variable's name")),
        (
            "run: [x], expect-exit-code: 256",
            Some("expect-exit-code: \"256\" is not a whole number from 0 to"),
        ),
        ("run: [x], duration: 30", Some("duration: \"30\" is a duration without a unit")),
        ("run: [x], injected: {}", Some("injected proves nothing; add one of output")),
        ("run: [x], injected: { prometheus: {} }", None),
        ("run: [x], stop-within: 2h", Some("stop-within: \"2h\" is out of range")),
        ("run: [x], duratoin: 30s", Some("duratoin: is not a known key; did you mean duration?")),
    ] {
        let Some(want) = want else {
            let (_, mistakes) = read_with(&suite(block), &[]);
            assert_eq!(mistakes.len(), 2, "{mistakes:#?}");
            continue;
        };
        let told = mistake(&suite(block));
        assert!(told.starts_with(&format!("experiments[0].command.{want}")), "{told}");
    }
    assert_eq!(
        mistake("version: 1\nexperiments: [{ name: a, command: }]"),
        "experiments[0].command is empty; write command: { run: [\"program\", \"argument\"] }"
    );
}
