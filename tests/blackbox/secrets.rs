//! Secrets are in no output and no file, at any level of the log.

use faultgate::rehearsal::{Effect, FaultRule};

use crate::lives::{FAILING, QUICK};
use crate::support::{Account, Ended, Faultgate, at_once};

const MARKS: [(&str, &str); 8] = [
    ("AWS_SECRET_ACCESS_KEY", "mark0secretkey"),
    ("AWS_SESSION_TOKEN", "mark1sessiontoken"),
    ("GITHUB_TOKEN", "mark2githubtoken"),
    ("FAULTGATE_GITHUB_TOKEN", "mark3githubtoken"),
    ("INPUT_GITHUB-TOKEN", "mark4githubtoken"),
    ("FAULTGATE_HARNESS_API_KEY", "mark5harnesskey"),
    ("FAULTGATE_LITMUS_TOKEN", "mark6litmustoken"),
    ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "mark7oidctoken"),
];

fn marked(mut faultgate: Faultgate) -> Faultgate {
    for (name, mark) in MARKS {
        faultgate = faultgate.env(name, mark);
    }
    faultgate.env("RUST_LOG", "trace")
}

fn assert_no_marks(ended: &Ended, context: &str) {
    let mut places =
        vec![("stdout".to_owned(), ended.stdout.clone()), ("stderr".to_owned(), ended.stderr.clone())];
    for path in ended.files() {
        let bytes = std::fs::read(&path).unwrap();
        places.push((path.display().to_string(), String::from_utf8_lossy(&bytes).into_owned()));
    }
    for (place, text) in places {
        for (name, mark) in MARKS {
            assert!(!text.contains(mark), "{context}: {name} is in {place}");
        }
    }
}

#[tokio::test]
async fn no_secret_is_shown_at_any_level() {
    let cases = [
        ("passes", QUICK, "text", 0),
        ("passes, JSON", QUICK, "json", 0),
        ("fails", FAILING, "json", 3),
        ("is troubled", QUICK, "text", 0),
        ("is denied", QUICK, "text", 3),
    ];
    at_once(cases, |(case, beats, format, code)| async move {
        let account = Account::living(beats).await;
        match case {
            "is troubled" => {
                let fault = FaultRule::on("PutTargets", Effect::LoseAnswer);
                account.world.inject(fault.times(2));
            }
            "is denied" => account.deny("StartExperiment", "fis:StartExperiment"),
            _ => {}
        }
        let faultgate = account
            .run()
            .in_github("1")
            .named_file("GITHUB_STEP_SUMMARY", "step-summary", "")
            .env("FAULTGATE_LOG_FORMAT", format);
        let ended = marked(faultgate).finish().await;
        assert_no_marks(&ended, case);
        ended.assert_code(code, case);
        if format == "json" {
            assert_json_lines(&ended, case);
        }
    })
    .await;
}

/// Every line is JSON, and libraries, which tell of whole requests, tell of nothing below a warning.
fn assert_json_lines(ended: &Ended, case: &str) {
    for line in ended.stderr.lines() {
        let parsed: Result<serde_json::Value, _> = serde_json::from_str(line);
        let parsed = parsed.unwrap_or_else(|error| panic!("{case}: {error}: {line}"));
        assert!(parsed["level"].is_string() && parsed["fields"].is_object(), "{line}");
        let ours = parsed["target"].as_str().unwrap().starts_with("faultgate");
        assert!(ours || ["WARN", "ERROR"].iter().any(|level| parsed["level"] == *level), "{line}");
    }
}

#[tokio::test]
async fn the_json_log_says_something() {
    let account = Account::living(QUICK).await;
    account.world.inject(FaultRule::on("ReceiveMessage", Effect::Garbage).times(1));
    let ended = account.run().env("RUST_LOG", "trace").env("FAULTGATE_LOG_FORMAT", "json").finish().await;
    ended.assert_code(0, "one hiccup");
    assert!(!ended.stderr.is_empty(), "the hiccup is worth a line");
    assert_json_lines(&ended, "one hiccup");
}

#[tokio::test]
async fn a_mistake_about_a_secret_does_not_repeat_it() {
    let ended = marked(Faultgate::new(&["run"]))
        .env("FAULTGATE_GITHUB_TOKEN", "mark3githubtoken with a space")
        .env("FAULTGATE_LITMUS_TOKEN", "mark6litmustoken\nwith a line")
        .env("FAULTGATE_TIMEOUT", "soon")
        .finish()
        .await;
    ended.assert_code(2, "mistakes");
    assert!(ended.stderr.contains("FAULTGATE_GITHUB_TOKEN"), "{}", ended.stderr);
    assert_no_marks(&ended, "mistakes");
}

#[tokio::test]
async fn a_secret_in_a_suite_file_or_a_flag_is_refused() {
    let suite = "version: 1\ngithub-token: mark3githubtoken\n";
    let ended = Faultgate::new(&["run"])
        .env("FAULTGATE_EXPERIMENT_TEMPLATE_ID", "EXT1")
        .file(".faultgate.yml", suite)
        .finish()
        .await;
    ended.assert_code(2, "a secret in the suite");
    assert!(!ended.stderr.contains("mark3"), "{}", ended.stderr);
    let ended = Faultgate::new(&["run", "--github-token", "mark3githubtoken"]).finish().await;
    ended.assert_code(2, "a secret in a flag");
}
