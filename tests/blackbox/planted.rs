//! Tests of files that somebody else has put where faultgate reads and writes: links, pipes, and a state file
//! that names what is not ours. A pull request can bring any of it along.

use std::os::unix::fs::symlink;
use std::path::Path;

use faultgate_testkit::account::EmbeddedAccount;
use faultgate_testkit::binary::{Faultgate, Finished, Running, at_once};
use faultgate_testkit::lives::{ENDLESS, QUICK};
use serde_json::{Value, json};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::stop::{STATE, killed, state};

const REPORTS: [&str; 6] =
    ["result.json", "summary.md", "report.html", "junit.xml", "faultgate.env", "annotations.json"];
const VICTIM: &str = "victim";

/// Puts a path into a command's settings.
type Put = Box<dyn Fn(Faultgate) -> Faultgate>;

fn make_pipe(path: &Path) {
    assert!(std::process::Command::new("mkfifo").arg(path).status().unwrap().success());
}

/// Makes links of all names that files of ours have, or had. They lead to a file of somebody else.
fn plant_links(home: &Path) {
    std::fs::write(home.join(VICTIM), "theirs").unwrap();
    std::fs::create_dir_all(home.join("reports")).unwrap();
    for name in REPORTS.iter().chain(&["state.json"]) {
        for name in [format!("{name}.draft"), (*name).to_owned()] {
            let link = home.join("reports").join(name);
            // A run that goes on may write the file again in between.
            loop {
                let _ = std::fs::remove_file(&link);
                match symlink(home.join(VICTIM), &link) {
                    Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                    planted => break planted.unwrap(),
                }
            }
        }
    }
}

fn assert_links_followed_by_nobody(ended: &Finished, context: &str) {
    assert_eq!(ended.read(VICTIM), "theirs", "{context}");
    for name in REPORTS {
        let path = ended.path(&format!("reports/{name}"));
        assert!(std::fs::symlink_metadata(path).unwrap().is_file(), "{context}: {name}");
    }
}

#[tokio::test]
async fn no_link_is_followed_to_what_it_names() {
    let account = EmbeddedAccount::living(QUICK).await;
    // The links are in the way before a run, which would read a state by one of them.
    let run = account.run();
    plant_links(run.home());
    std::fs::remove_file(run.home().join(STATE)).unwrap();
    let ended = run.finish().await;
    ended.assert_code(0, "links before the run");
    assert_links_followed_by_nobody(&ended, "run");

    // Somebody puts the links there while the run goes on.
    let account = EmbeddedAccount::living(ENDLESS).await;
    let running = account.run().spawn();
    account.until_running().await;
    plant_links(&running.path(""));
    running.signal("TERM").await;
    let ended = running.ended().await;
    ended.assert_code(143, "links while it runs");
    assert_links_followed_by_nobody(&ended, "cancelled");
    assert!(std::fs::symlink_metadata(ended.path(STATE)).unwrap().is_file());
    assert_eq!(state(&ended.path(STATE))["experiments"][0]["phase"], "over");

    // A report is rendered again.
    std::fs::copy(ended.path("reports/result.json"), ended.path("old.json")).unwrap();
    plant_links(&ended.path(""));
    let report = Faultgate::new(&["report", "old.json"]).after(ended).finish().await;
    report.assert_code(143, "rendered");
    assert_eq!(report.read(VICTIM), "theirs");
    assert!(std::fs::symlink_metadata(report.path("reports/summary.md")).unwrap().is_file());
}

#[tokio::test]
async fn a_draft_that_a_killed_run_has_left_goes() {
    let account = EmbeddedAccount::living(QUICK).await;
    let drafts = ["reports/.result.json.0123456789ab.draft", "reports/.state.json.0123456789ab.draft"];
    let run = account.run().folder("reports");
    let ended = drafts.iter().fold(run, |run, draft| run.file(draft, "half")).finish().await;
    ended.assert_code(0, "a plain run");
    assert_eq!(drafts.iter().filter(|draft| ended.path(draft).exists()).count(), 0);
}

/// The pipes have nobody who writes into them or reads from them.
#[tokio::test]
async fn no_pipe_is_waited_for() {
    let named = |variable: &'static str| move |run: Faultgate| run.env(variable, "pipe");
    let cases: [(&str, &[&str], &str, Put, u8); 9] = [
        ("the suite", &["run"], "pipe.yml", Box::new(|run| run.env("FAULTGATE_CONFIG", "pipe.yml")), 2),
        ("the state", &["run"], "pipe", Box::new(named("FAULTGATE_STATE_FILE")), 2),
        ("the state of a stop", &["stop"], "pipe", Box::new(named("FAULTGATE_STATE_FILE")), 2),
        ("the state of a step", &["monitor"], "pipe", Box::new(named("FAULTGATE_STATE_FILE")), 2),
        (
            "an earlier result",
            &["run", "--max-score-drop", "5"],
            "pipe",
            Box::new(named("FAULTGATE_COMPARE_TO")),
            2,
        ),
        ("a result", &["report", "pipe"], "pipe", Box::new(|run| run), 2),
        ("a bundle", &["run"], "pipe", Box::new(named("FAULTGATE_CA_BUNDLE")), 2),
        ("the lock", &["run"], "mine.lock", Box::new(|run| run.env("FAULTGATE_STATE_FILE", "mine")), 0),
        (
            "the event",
            &["run"],
            "pipe",
            Box::new(|run| run.in_github("1").env("GITHUB_EVENT_PATH", "pipe")),
            0,
        ),
    ];
    let account = &EmbeddedAccount::living(QUICK).await;
    at_once(cases, |(what, args, pipe, put, code)| async move {
        let command = account.faultgate(args);
        let command = if args[0] == "run" {
            command.env("FAULTGATE_EXPERIMENT_TEMPLATE_ID", faultgate_rehearsal::TEMPLATE_ID)
        } else {
            command
        };
        make_pipe(&command.home().join(pipe));
        let ended = put(command).finish().await;
        ended.assert_code(code, what);
        if code == 2 {
            assert!(
                ended.stderr.contains("not a file") && ended.stderr.contains(pipe),
                "{what}: {}",
                ended.stderr
            );
        }
    })
    .await;
}

#[tokio::test]
async fn pipes_where_reports_go_are_replaced_or_told_of() {
    let account = EmbeddedAccount::living(QUICK).await;
    let run = account.run().in_github("1").folder("reports");
    for pipe in REPORTS.map(|name| format!("reports/{name}")).iter().map(String::as_str).chain(["pipe"]) {
        make_pipe(&run.home().join(pipe));
    }
    let ended = run.env("GITHUB_OUTPUT", "pipe").env("GITHUB_STEP_SUMMARY", "pipe").finish().await;
    ended.assert_code(0, "pipes change no verdict");
    let told = "warning: job summary and step outputs were not written: pipe: it is a pipe, not a file";
    assert!(ended.stdout.contains(told), "{told}\n{}", ended.stdout);
    for name in REPORTS {
        assert!(std::fs::metadata(ended.path(&format!("reports/{name}"))).unwrap().is_file(), "{name}");
    }
    let mistaken = Faultgate::new(&["run"]).in_github("1").env("GITHUB_OUTPUT", "pipe");
    make_pipe(&mistaken.home().join("pipe"));
    let mistaken = mistaken.finish().await;
    mistaken.assert_code(2, "no experiment");
    assert!(mistaken.stderr.contains("pipe: it is a pipe, not a file"), "{}", mistaken.stderr);
}

/// Changes the state file of a run that was killed.
fn changed(ended: &Finished, change: impl FnOnce(&mut Value)) {
    let mut file = state(&ended.path(STATE));
    change(&mut file);
    std::fs::write(ended.path(STATE), file.to_string()).unwrap();
}

async fn killed_while_it_ran(account: &EmbeddedAccount, running: Running) -> Finished {
    account.until_running().await;
    killed(running).await
}

#[tokio::test]
async fn queues_and_rules_that_are_not_ours_are_left_alone_and_told() {
    let account = EmbeddedAccount::living(ENDLESS).await;
    let ended = killed_while_it_ran(&account, account.run().spawn()).await;
    let own = state(&ended.path(STATE))["subscriptions"][0].clone();
    let other = |name: &str, rule: &str, queue: &str| {
        let mut other = own.clone();
        other["name"] = name.into();
        other["rules"] = json!([rule]);
        other["queue_url"] = format!("https://sqs.us-east-1.amazonaws.com/111122223333/{queue}").into();
        other
    };
    changed(&ended, |file| {
        let all = file["subscriptions"].as_array_mut().unwrap();
        all.push(other("orders", "orders", "orders"));
        all.push(other("faultgate-1", "nightly-backup", "faultgate-1"));
        all.push(other("faultgate-2", "faultgate-2", "payments"));
    });
    let stop = account.faultgate(&["stop"]).after(ended).finish().await;
    stop.assert_code(3, "others are named");
    for name in ["orders", "nightly-backup", "payments"] {
        assert!(stop.stdout.contains(name), "{name}: {}", stop.stdout);
    }
    account.assert_nothing_left("its own are ended all the same");
    let removed: Vec<String> = ["RemoveTargets", "DeleteRule", "DeleteQueue"]
        .iter()
        .flat_map(|operation| account.requests_of(operation))
        .map(|request| request.input.to_string())
        .collect();
    assert!(!removed.is_empty());
    for name in ["orders", "nightly", "payments", "faultgate-1\"", "faultgate-2\""] {
        assert!(!removed.iter().any(|asked| asked.contains(name)), "{name}: {removed:?}");
    }
    // No queue of others is read either.
    let asked = account.world.requests().len();
    changed(&stop, |file| file["handover"] = json!({ "inputs": {}, "findings": [], "api_calls": {} }));
    let monitor = account.faultgate(&["monitor"]).env("FAULTGATE_EXPERIMENT_TEMPLATE_ID", "EXT1").after(stop);
    let monitor = monitor.finish().await;
    monitor.assert_code(2, "others are named");
    assert!(monitor.stderr.contains("names orders"), "{}", monitor.stderr);
    assert_eq!(account.world.requests().len(), asked);
}

/// Returns a server that takes whatever is sent to it.
async fn thief() -> MockServer {
    let thief = MockServer::start().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(200).set_body_json(json!({}))).mount(&thief).await;
    thief
}

fn planted(engine: &str, url: &str) -> String {
    json!({
        "schema_version": 1,
        "faultgate": { "version": "0.1.0" },
        "run": { "id": "1a2b3c4d", "ci": "none" },
        "started_at": "2026-01-01T00:00:00Z",
        "experiments": [{
            "name": "e", "engine": engine, "url": url,
            "account": "A", "org": "default", "project": "P", "experiment": "E", "origin": null,
            "phase": "launched",
            "launch": { "id": "1", "at": "2026-01-01T00:00:00Z" },
        }],
        "subscriptions": [],
        "handover": {
            "inputs": {
                "harness-url": url, "litmus-url": url, "forge-api-url": url,
                "harness-account-id": "A", "harness-project-id": "P", "litmus-project-id": "P",
                format!("{engine}-experiment-id"): "E",
            },
            "findings": [], "api_calls": {},
        },
    })
    .to_string()
}

#[tokio::test]
async fn no_secret_goes_to_a_host_that_only_a_state_file_names() {
    let cases = [
        ("stop", "harness", 3, "set harness-url to it"),
        ("stop", "litmus", 3, "set litmus-url to it"),
        ("monitor", "harness", 2, "set harness-url in this step too"),
        ("monitor", "litmus", 2, "litmus-url"),
        ("score", "harness", 2, "set harness-url in this step too"),
        ("score", "litmus", 2, "litmus-url"),
    ];
    let credentials = [
        &[("FAULTGATE_HARNESS_API_KEY", "pat.A.mark9.key"), ("FAULTGATE_LITMUS_TOKEN", "mark9token")][..],
        &[
            ("FAULTGATE_HARNESS_API_KEY", "pat.A.mark9.key"),
            ("FAULTGATE_LITMUS_USERNAME", "user"),
            ("FAULTGATE_LITMUS_PASSWORD", "mark9password"),
        ],
    ];
    for (command, engine, code, told) in cases {
        for credentials in credentials {
            let thief = thief().await;
            let url = thief.uri();
            let asked = Faultgate::new(&[command]).folder("reports").file(STATE, &planted(engine, &url));
            let asked = credentials.iter().fold(asked, |asked, (name, value)| asked.env(name, value));
            let ended = asked.finish().await;
            let context = format!("{command} {engine}");
            ended.assert_code(code, &context);
            let all = format!("{}{}", ended.stdout, ended.stderr);
            assert!(all.contains(told), "{context}: {all}");
            if engine == "harness" || command == "stop" {
                assert!(all.contains(&url), "it names the host: {context}: {all}");
            }
            assert_eq!(thief.received_requests().await.unwrap().len(), 0, "{context}");
            assert_eq!(state(&ended.path(STATE))["experiments"][0]["phase"], "launched", "{context}");
        }
    }
}
