//! Tests of every rendered artefact: it reads as its snapshot does, and text from outside does nothing in it.

use std::fmt::Write as _;
use std::path::Path;

use faultgate_testkit::results;
use proptest::prelude::*;

use faultgate_core::mistake::{FilePlace, Mistake};
use faultgate_core::model::{Outcome, RunEvent, RunResult};
use faultgate_core::text;

use super::*;
use crate::ci::LogStyle;
use crate::files::{annotations, dotenv};
use crate::summary::{PageLimits, render};

mod heads;

const DIR: &str = "faultgate-report";

async fn commands(result: &RunResult, style: LogStyle) -> String {
    let mut out = Vec::new();
    let mut sink = LogCommands::new(&mut out, style, Path::new("/build/faultgate-report")).unwrap();
    for leftover in result.subscriptions.iter().flat_map(|subscription| &subscription.leftovers) {
        sink.on(&RunEvent::Warning(&format!("not removed: {leftover}")));
    }
    assert_eq!(sink.finish(result).await.unwrap().outcome, Outcome::Written);
    drop(sink);
    String::from_utf8(out).unwrap()
}

/// Returns the file that a sink writes to a new report folder.
async fn file(name: &str, result: &RunResult) -> String {
    let folder = tempfile::tempdir().unwrap();
    let of_stage = |stage| report_file_sinks(folder.path(), stage);
    let mut sinks: Vec<_> = [Stage::Files, Stage::Record].into_iter().flat_map(of_stage).collect();
    let sink = sinks.iter_mut().find(|sink| sink.name() == name).unwrap();
    let mut result = result.clone();
    sink.prepare(&mut result);
    assert_eq!(sink.finish(&result).await, Some(report_written(name)));
    std::fs::read_to_string(folder.path().join(name)).unwrap()
}

/// Returns the small artefacts, one after the other.
async fn small(result: &RunResult) -> String {
    let mut all = String::new();
    let annotations: serde_json::Value =
        serde_json::from_str(&file("annotations.json", result).await).unwrap();
    for (title, text) in [
        ("log commands of GitHub", commands(result, LogStyle::GitHub).await),
        ("log commands of Azure Pipelines", commands(result, LogStyle::Azure).await),
        ("faultgate.env", dotenv::render(result)),
        ("annotations.json", serde_json::to_string_pretty(&annotations).unwrap() + "\n"),
        ("closing", closing(result, DIR, Medium::default())),
    ] {
        let _ = write!(all, "--- {title}\n{text}");
    }
    all
}

async fn snapshots(name: &str, result: &RunResult) {
    insta::assert_snapshot!(format!("{name}_summary"), file("summary.md", result).await);
    insta::assert_snapshot!(format!("{name}_junit"), file("junit.xml", result).await);
    insta::assert_snapshot!(format!("{name}_small"), small(result).await);
}

#[tokio::test]
async fn a_run_that_passed_reads_well() {
    snapshots("passed", &results::passed()).await;
}

#[tokio::test]
async fn a_run_of_many_verdicts_reads_well() {
    snapshots("mixed", &results::mixed()).await;
}

#[tokio::test]
async fn a_run_that_was_cancelled_reads_well() {
    snapshots("cancelled", &results::cancelled()).await;
}

#[tokio::test]
async fn a_run_that_was_stopped_reads_well() {
    snapshots("stopped", &results::stopped()).await;
}

#[tokio::test]
async fn a_run_that_is_compared_reads_well() {
    snapshots("compared", &results::measured()).await;
}

#[tokio::test]
async fn a_run_of_judged_faults_reads_well() {
    snapshots("faulted", &results::faulted()).await;
}

#[tokio::test]
async fn hostile_text_reads_as_text() {
    snapshots("hostile", &results::saying(results::HOSTILE)).await;
}

#[test]
fn a_page_without_html_and_one_that_is_short_read_well() {
    let result = results::mixed();
    let plain = PageLimits { budget: 60_000, html: false, mermaid: false, hides_accounts: false };
    insta::assert_snapshot!("mixed_summary_plain", render(&result, &plain));
    let short = PageLimits { budget: 3_500, html: true, mermaid: true, hides_accounts: false };
    insta::assert_snapshot!("mixed_summary_short", render(&result, &short));
}

#[tokio::test]
async fn at_most_ten_errors_and_the_last_counts_the_rest() {
    let mut result = results::mixed();
    let one = result.experiments[1].clone();
    result.experiments.extend(std::iter::repeat_n(one, 20).enumerate().map(|(number, mut experiment)| {
        experiment.name = format!("e{number}");
        experiment
    }));
    for (style, start) in
        [(LogStyle::GitHub, "::error "), (LogStyle::Azure, "##vso[task.logissue type=error]")]
    {
        let text = commands(&result, style).await;
        let errors: Vec<&str> = text.lines().filter(|line| line.starts_with(start)).collect();
        assert_eq!(errors.len(), 10);
        // There are 24 errors, of the gate and of 23 experiments that did not pass.
        assert!(errors[9].contains("and 15 more"), "{}", errors[9]);
    }
}

#[tokio::test]
async fn a_command_is_printed_once() {
    let mut out = Vec::new();
    let mut sink = LogCommands::new(&mut out, LogStyle::GitHub, Path::new(DIR)).unwrap();
    let mut result = results::mixed();
    let _ = sink.finish(&result).await;
    result.gate.reasons.push("something else".to_owned());
    let _ = sink.finish(&result).await;
    drop(sink);
    let text = String::from_utf8(out).unwrap();
    assert_eq!(text.matches("::error title=pod-delete").count(), 1, "{text}");
    assert_eq!(text.matches("something else").count(), 1, "{text}");
}

#[test]
fn mistakes_are_commands_where_the_log_takes_them() {
    let mistake = Mistake::new("--timeout", "timeout: \"30, parsecs\" is no duration\nreally: 100%");
    let place = FilePlace { file: "a, b:1%/s.yml".to_owned(), line: 3, column: 14 };
    let placed = Mistake { place: Some(place), ..Mistake::new("a, b:1%/s.yml", "weight: is odd") };
    let mistakes = [mistake, placed];
    assert_eq!(
        mistake_commands(LogStyle::GitHub, &mistakes),
        [
            "::error title=faultgate settings::timeout: \"30, parsecs\" is no duration really: 100%25 (from --timeout)",
            "::error file=a%2C b%3A1%25/s.yml,line=3,col=14,title=faultgate settings::weight: is odd \
             (from a, b:1%25/s.yml:3:14)"
        ]
    );
    assert_eq!(
        mistake_commands(LogStyle::Azure, &mistakes),
        [
            "##vso[task.logissue type=error]faultgate settings: timeout: \"30, parsecs\" is no duration really: \
             100%AZP25 (from --timeout)",
            "##vso[task.logissue type=error;sourcepath=a, b:1%AZP25/s.yml;linenumber=3;columnnumber=14]faultgate \
             settings: weight: is odd (from a, b:1%AZP25/s.yml:3:14)"
        ]
    );
    for style in [LogStyle::Plain, LogStyle::GitLab, LogStyle::Buildkite] {
        assert!(mistake_commands(style, &mistakes).is_empty());
        assert!(LogCommands::new(Vec::new(), style, Path::new(DIR)).is_none());
    }
}

#[tokio::test]
async fn a_new_run_leaves_nothing_of_an_earlier_one() {
    let folder = tempfile::tempdir().unwrap();
    let names =
        ["result.json", "summary.md", "junit.xml", "faultgate.env", "annotations.json", "report.html"];
    for name in names {
        std::fs::write(folder.path().join(name), "").unwrap();
        std::fs::write(folder.path().join(format!(".{name}.0123456789ab.draft")), "").unwrap();
    }
    std::fs::write(folder.path().join("theirs.txt"), "").unwrap();
    assert_eq!(clear(folder.path(), &[]), [""; 0]);
    let left: Vec<_> =
        std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["theirs.txt"]);
    assert_eq!(clear(&folder.path().join("not-there"), &[]), [""; 0]);
    assert!(!folder.path().join("not-there").exists());
    assert_eq!(clear(&folder.path().join("theirs.txt"), &[]), [""; 0], "no folder, no file in it");
}

#[test]
fn of_a_link_only_the_link_goes_and_what_is_still_to_be_read_stays() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    for name in ["elsewhere", "result.json", "faultgate.env"] {
        std::fs::write(at(name), name).unwrap();
    }
    for name in ["summary.md", ".junit.xml.0123456789ab.draft"] {
        std::os::unix::fs::symlink(at("elsewhere"), at(name)).unwrap();
    }
    // A file is kept by whatever name it is asked for.
    std::os::unix::fs::symlink(at("result.json"), at("old")).unwrap();
    assert_eq!(clear(folder.path(), &[at("old"), at("not-there")]), [""; 0]);
    let mut left: Vec<_> =
        std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["elsewhere", "old", "result.json"]);
    std::fs::create_dir_all(at("report.html/full")).unwrap();
    let problems = clear(folder.path(), &[]);
    assert!(problems.len() == 1 && problems[0].contains("report.html"), "{problems:?}");
    assert!(!at("result.json").exists() && at("elsewhere").exists());
}

const KEYS: [&str; 5] = [
    "FAULTGATE_VERDICT",
    "FAULTGATE_RESILIENCE_SCORE",
    "FAULTGATE_EXPERIMENT_IDS",
    "FAULTGATE_STATE",
    "FAULTGATE_REASON",
];

fn assert_env(env: &str) {
    assert!(env.len() < 5 * 1024, "{}", env.len());
    let pairs: Vec<(&str, &str)> = env.lines().map(|line| line.split_once('=').expect(line)).collect();
    assert_eq!(pairs.iter().map(|(key, _)| *key).collect::<Vec<_>>(), KEYS);
    for (key, value) in pairs {
        let inert = |c: char| c.is_ascii_alphanumeric() || "_.,:/@%+-".contains(c);
        assert!(value.chars().all(inert), "{key}={value}");
    }
}

#[test]
fn ids_are_whole_or_missing() {
    let mut result = results::passed();
    let one = result.experiments[0].clone();
    result.experiments = std::iter::repeat_n(one, 300).collect();
    let env = dotenv::render(&result);
    assert_env(&env);
    let ids = env.lines().find_map(|line| line.strip_prefix("FAULTGATE_EXPERIMENT_IDS=")).unwrap();
    assert!(ids.split(',').count() > 100 && ids.split(',').all(|id| id == "EXPaz-latency"), "{ids}");
}

/// Asserts that no line of a log is a command which we did not mean.
fn assert_log(text: &str, meant: &[&str]) {
    for line in text.lines() {
        let is_meant = meant.iter().any(|start| line.starts_with(start));
        assert!(is_meant || !line.trim_start().starts_with("::"), "{line:?}");
        let rest = line.strip_prefix("##vso[").filter(|_| is_meant).unwrap_or(line);
        assert!(!rest.contains("##[") && !rest.contains("##vso["), "{line:?}");
        assert!(!line.chars().any(|c| c.is_control() || c == '\u{202e}'), "{line:?}");
        assert!(line.chars().count() <= 4_096, "{}", line.len());
    }
}

const GITHUB: [&str; 3] = ["::error title=", "::warning title=", "::notice title="];
const AZURE: [&str; 4] = [
    "##vso[task.logissue type=error]",
    "##vso[task.logissue type=warning]",
    "##vso[task.uploadsummary]/build/faultgate-report/summary.md",
    "##vso[task.setvariable variable=FAULTGATE_",
];

async fn assert_harmless(result: &RunResult) {
    let github = commands(result, LogStyle::GitHub).await;
    assert_log(&github, &GITHUB);
    for line in github.lines() {
        assert!(GITHUB.iter().any(|start| line.starts_with(start)), "{line:?}");
        // The runner reads properties up to the second `::`. There must be one of them only.
        let (properties, _) = line[2..].split_once("::").expect(line);
        assert!(!properties.contains(','), "{line:?}");
    }
    let azure = commands(result, LogStyle::Azure).await;
    assert_log(&azure, &AZURE);
    assert!(azure.lines().all(|line| AZURE.iter().any(|start| line.starts_with(start))), "{azure:?}");
    assert_log(&closing(result, DIR, Medium::default()), &[]);
    assert_env(&dotenv::render(result));
    junit::assert_sound(result);
    let annotations: serde_json::Value = serde_json::from_str(&annotations::render(result)).unwrap();
    for link in annotations["faultgate"].as_array().unwrap() {
        let (label, url) = (&link["external_link"]["label"], &link["external_link"]["url"]);
        assert!(label.as_str().unwrap().chars().count() <= 100, "{link}");
        assert!(url.as_str().unwrap().starts_with("http"), "{link}");
    }
    for budget in [500, 5_000, 60_000] {
        let page = render(result, &PageLimits { budget, html: true, mermaid: true, hides_accounts: false });
        assert!(page.len() <= budget);
        assert!(!page.chars().any(|c| (c.is_control() && c != '\n') || c == '\u{202e}'), "{page:?}");
        let ours = ["<br>", "<sub>", "</sub>", "<details>", "<summary>", "</summary>", "</details>"];
        let rest = ours.iter().fold(without_code(&page), |page, tag| page.replace(tag, ""));
        assert!(!rest.contains('<'), "{rest}");
    }
}

/// Returns a page without what stands between backticks, where nothing is markup.
fn without_code(page: &str) -> String {
    let mut literal = String::new();
    for mut line in page.split_inclusive('\n') {
        while let Some(place) = line.find('`') {
            let is_escaped = (place - line[..place].trim_end_matches('\\').len()) % 2 == 1;
            let code = text::split_at_code(&line[place..]).filter(|_| !is_escaped);
            literal.push_str(&line[..place]);
            line = code.map_or(&line[place + 1..], |(_, _, after)| after);
        }
        literal.push_str(line);
    }
    literal
}

#[tokio::test]
async fn a_megabyte_of_anything_does_nothing_and_takes_no_time() {
    for text in ["x", "\u{90}", "\u{1b}]", "[", "##[", "\u{202e}", "\n", "$a", "🦀"] {
        let long = text.repeat(1_000_000 / text.len());
        let mut result = results::mixed();
        result.experiments[1].reason.clone_from(&long);
        result.experiments[1].name.clone_from(&long);
        result.experiments[1].evidence[0].fact.clone_from(&long);
        result.gate.reasons = vec![long.clone()];
        result.reporting.push(report_failed("commit status", long));
        assert_harmless(&result).await;
    }
}

#[tokio::test]
async fn a_run_of_everything_is_harmless() {
    assert_harmless(&results::saying(results::HOSTILE)).await;
    assert_harmless(&results::large(results::HOSTILE)).await;
    assert_harmless(&results::saying_faults(results::HOSTILE)).await;
}

fn hostile() -> impl Strategy<Value = String> {
    prop_oneof![
        ".{0,60}",
        "[\\x00-\\x9f\u{fffe}\u{ffff}]{0,60}",
        "(::set-output name=verdict::passed|##\\[group\\]|##vso\\[task\\.complete\\]|::error::|\n|\r|\\]\\]>|%0A|;|,|:| |\
         </testcase>|\\[\\[ATTACHMENT\\|x\\]\\]|<b>|\\||@a|\u{202e}|\x1b\\[31m|\x1b\\]0;|https://|\\$\\(id\\)|'|\"|=){0,20}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn text_from_outside_does_nothing_anywhere(text in hostile()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(assert_harmless(&results::saying(&text)));
    }
}
