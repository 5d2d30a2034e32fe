//! Tests of what a terminal shows, by a pseudo-terminal that `script` makes.

use faultgate_testkit::binary::{Faultgate, Finished};

/// Rehearses in a terminal of 60 columns, and returns all that was written to it.
async fn rehearse(variables: &[(&str, &str)], arguments: &str, suite: Option<&str>) -> (Finished, String) {
    let script = format!(
        "script -qec 'stty cols 60 rows 24; faultgate rehearse --scenario degraded --fault 3s {arguments}' /dev/null"
    );
    let run = Faultgate::job(&script).env("TERM", "xterm");
    let run = suite.into_iter().fold(run, |run, suite| run.file(".faultgate.yml", suite));
    let run = variables.iter().fold(run, |run, (name, value)| run.env(name, value));
    let ended = run.finish().await;
    let written = ended.stdout.clone();
    (ended, written)
}

/// Removes the escape sequences of colours and of the cursor. Any other one stays.
fn without_escapes(written: &str) -> String {
    let mut plain = String::new();
    let mut rest = written;
    while let Some((before, after)) = rest.split_once("\u{1b}[") {
        plain.push_str(before);
        let end = after.find(|c: char| !c.is_ascii_digit() && c != ';').unwrap_or(after.len());
        assert!(after[end..].starts_with(['m', 'A', 'B', 'C', 'D', 'K']), "{after:?}");
        rest = &after[end + 1..];
    }
    plain + rest
}

#[tokio::test]
async fn a_terminal_shows_colours_progress_and_a_table_in_its_width() {
    let (ended, written) = rehearse(&[], "", None).await;
    ended.assert_code(1, &written);
    assert!(written.contains("\u{1b}[1;31mfailed") && written.contains("╌"), "{written:?}");
    let plain = without_escapes(&written);
    for part in [" of about ", "latency", "score so far", "checkout answers ", "✗ 503", " p95 "] {
        assert!(plain.contains(part), "{part}: {plain:?}");
    }
    assert!(!plain.contains("[event]"), "{plain:?}");
    let (_, closing) = plain.rsplit_once("experiment  verdict").unwrap();
    let (table, _) = closing.split_once("\r\n\r\n").unwrap();
    assert!(table.lines().all(|line| line.trim_end().chars().count() <= 60), "{closing}");
}

#[tokio::test]
async fn colours_and_symbols_are_left_out_where_nobody_wants_them() {
    let (_, written) = rehearse(&[("NO_COLOR", "1")], "", None).await;
    assert!(!written.contains("[0m") && written.contains("✗ 503"), "{written:?}");
    let (_, written) = rehearse(&[("NO_COLOR", "1"), ("LC_ALL", "C")], "", None).await;
    assert!(written.is_ascii() && written.contains("FAILS 503"), "{written:?}");
    let forced = Faultgate::new(&["rehearse"]).env("CLICOLOR_FORCE", "1").finish().await;
    assert!(forced.stdout.contains("\u{1b}[32mPASSED\u{1b}[0m"), "{}", forced.stdout);
    let piped = Faultgate::new(&["rehearse"]).finish().await;
    assert!(!piped.stdout.contains('\u{1b}'), "{}", piped.stdout);
}

#[tokio::test]
async fn a_text_from_outside_moves_nothing_on_the_screen() {
    let suite = r#"
version: 1
experiments:
  - name: az
    fis: { template: EXT1 }
    probes:
      - name: smoke
        command: { run: [sh, -c, "printf '\\033]0;owned\\007\\033[2J\\r\\n::error::x \\302\\2332J'; exit 1"] }
        when: [during]
        every: 1s
"#;
    let (ended, written) = rehearse(&[], "", Some(suite)).await;
    ended.assert_code(1, &written);
    let plain = without_escapes(&written);
    assert!(plain.contains("smoke") && !plain.contains(['\u{7}', '\u{9b}', '\u{1b}']), "{plain:?}");
    assert!(!plain.lines().any(|line| line.trim_start().starts_with("::")), "{plain:?}");
}

#[tokio::test]
async fn who_types_the_name_alone_gets_the_help_and_loses_no_report() {
    let report = "faultgate-report/report.html";
    let job = |command: &str| {
        let job = format!("mkdir faultgate-report && echo earlier > {report} && {command}");
        Faultgate::job(&job).env("TERM", "xterm").without("FAULTGATE_REPORT_DIR")
    };
    let at_terminal = "script -qec faultgate /dev/null";
    let ended = job(at_terminal).finish().await;
    ended.assert_code(2, &ended.stdout);
    assert!(ended.stdout.contains("Usage:") && ended.stdout.contains("nothing to run"), "{}", ended.stdout);
    assert_eq!(ended.read(report), "earlier\n");
    // A run is begun as ever where something says what is to run, and where there is no terminal.
    for run in [job(at_terminal).file(".faultgate.yml", "version: 1\n"), job("faultgate")] {
        let ended = run.finish().await;
        ended.assert_code(2, &ended.stdout);
        assert!(!ended.stdout.contains("Usage:"), "{}", ended.stdout);
        assert!(!ended.path(report).exists(), "a gate without experiments leaves no earlier report");
    }
}
