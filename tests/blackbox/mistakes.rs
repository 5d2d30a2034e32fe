//! Tests of bad input: all mistakes are told at once, nothing is asked, and nothing is written.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use aws_sdk_sqs::types::QueueAttributeName;
use faultgate_net::aws::connect_embedded;
use faultgate_rehearsal::TEMPLATE_ID;
use faultgate_testkit::account::EmbeddedAccount;
use faultgate_testkit::binary::{Faultgate, Finished, at_once};
use faultgate_testkit::contract::file_commands;
use faultgate_testkit::lives::QUICK;

/// Returns the mistakes that were told, one a line.
fn told(ended: &Finished) -> Vec<&str> {
    let lines = ended.stderr.lines();
    lines.filter_map(|line| line.strip_prefix("  - ")).collect()
}

async fn refused(account: &EmbeddedAccount, faultgate: Faultgate) -> Finished {
    let ended = faultgate.finish().await;
    ended.assert_code(2, "bad input");
    assert!(account.world.requests().is_empty(), "a request was sent");
    assert!(!ended.path(Faultgate::REPORTS).exists(), "reports were written");
    assert!(ended.stderr.contains("nothing was launched"), "{}", ended.stderr);
    ended
}

#[tokio::test]
async fn each_mistake_is_told_with_its_place() {
    let account = EmbeddedAccount::living(QUICK).await;
    let suite =
        "version: 1\ntimeot: 5m\nexperiments:\n  - name: az\n    fis: { template: EXT1, regoin: x }\n";
    let bare = || account.run().without("FAULTGATE_EXPERIMENT_TEMPLATE_ID");
    let scheme = "version: 1\nexperiments:\n  - name: db\n    command: { run: [\"sleep\", \"1\"] }\n    probes: \
                  [{ name: port, tcp: { address: \"tcp://127.0.0.1:5432\" }, when: [during] }]\n";
    let cases = [
        (bare().file(".faultgate.yml", scheme), vec!["tcp.address", "is a URL", "write 127.0.0.1:5432"]),
        (bare().file(".faultgate.yml", suite), vec!["timeot", "timeout", ".faultgate.yml", "regoin"]),
        (account.run().env("FAULTGATE_TIMEOOT", "5m"), vec!["FAULTGATE_TIMEOOT", "FAULTGATE_TIMEOUT"]),
        (account.run().env("FAULTGATE_TIMEOUT", "30 parsecs"), vec!["FAULTGATE_TIMEOUT", "30 parsecs"]),
        (
            account.run().env("INPUT_EXPECTED-RESILIENCE-SCORE", "101"),
            vec!["INPUT_EXPECTED-RESILIENCE-SCORE", "101"],
        ),
        (account.run().env("FAULTGATE_REPOSITORY", "a b"), vec!["repository", "\"a b\"", "octo/shop"]),
        (bare(), vec!["experiment-template-id"]),
        (account.run().env("FAULTGATE_CONFIG", "not-there.yml"), vec!["not-there.yml", "FAULTGATE_CONFIG"]),
        (
            account.run().env("FAULTGATE_HARNESS_EXPERIMENT_ID", "pod"),
            vec!["FAULTGATE_EXPERIMENT_TEMPLATE_ID", "FAULTGATE_HARNESS_EXPERIMENT_ID"],
        ),
        (
            account.run().env("FAULTGATE_AWS_REGION", OsStr::from_bytes(b"eu-\xff\xfe")),
            vec!["FAULTGATE_AWS_REGION", "UTF-8"],
        ),
        (account.run().env("FAULTGATE_REHEARSAL", "complted"), vec!["complted", "completed"]),
    ];
    at_once(cases, |(faultgate, words)| {
        let account = &account;
        async move {
            let ended = refused(account, faultgate).await;
            let told = told(&ended).join("\n");
            for word in words {
                assert!(told.contains(word), "{word} is missing: {told}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn all_mistakes_are_told_at_once_and_left_as_outputs() {
    let account = EmbeddedAccount::living(QUICK).await;
    let suite = "version: 1\ntimeot: 5m\nexperiments:\n  - name: az\n    fis: { template: EXT1 }\n";
    let faultgate = account
        .run()
        .in_github("1")
        .file(".faultgate.yml", suite)
        .env("FAULTGATE_TIMEOUT", "30 parsecs")
        .env("FAULTGATE_TIMEOOT", "1m")
        .env("FAULTGATE_EXPECTED_RESILIENCE_SCORE", "101")
        .env("FAULTGATE_PARALLEL", OsStr::from_bytes(b"\xff"))
        .env("FAULTGATE_LITMUS_EXPERIMENT_ID", "pod");
    let ended = refused(&account, faultgate).await;
    let told = told(&ended);
    for word in [
        "timeot",
        "30 parsecs",
        "FAULTGATE_TIMEOOT",
        "101",
        "FAULTGATE_PARALLEL",
        "FAULTGATE_LITMUS_EXPERIMENT_ID",
    ] {
        let mistakes = told.iter().filter(|line| line.contains(word)).count();
        assert!(mistakes >= 1, "{word}: {told:#?}");
    }
    assert!(told.len() >= 6, "{told:#?}");
    let outputs = ended.outputs();
    assert_eq!(outputs["verdict"], "errored");
    for word in ["timeot", "101", "FAULTGATE_PARALLEL"] {
        assert!(outputs["reason"].contains(word), "{outputs:?}");
    }
}

/// A suite with mistakes that only a view of several keys shows, and with others.
const TANGLED: &str = "version: 2
timeot: 5m
monitor: queue
event-queue-url: ${UNSET_QUEUE}
experiments:
  - name: az
    wieght: 3
    command: { run: [sleep, \"1\"], duration: 5m }
  - name: az
    timeout: 10s
    command: { run: [sleep, \"${UNSET_TIME}\"], duration: 10s }
  - name: pod
    harness: { experiment: \"${UNSET_PAGE}\" }
  - name: query
    fis: { templates: { tags: { chaos: \"${UNSET_TAG}\" } }, accounts: \"${UNSET_ACCOUNTS}\" }
";

#[tokio::test]
async fn mistakes_of_several_keys_are_told_with_all_others() {
    let account = EmbeddedAccount::living(QUICK).await;
    let suite = account.faultgate(&["check", "--only", "az"]).file(".faultgate.yml", TANGLED);
    let timeout = suite.env("FAULTGATE_TIMEOUT", "4m").env("FAULTGATE_PARALLEL", "none");
    let ended = refused(&account, timeout).await;
    let told = told(&ended);
    let each = [
        "version: is not one",
        "timeot:",
        "${UNSET_QUEUE} is not set",
        "experiments[0].wieght:",
        "experiments[0].command.duration: \"5m\" is not shorter than the timeout, 4m",
        "experiments[1].name: is the same",
        "experiments[1].command.duration: \"10s\" is not shorter than the timeout, 10s",
        "${UNSET_TIME} is not set",
        "${UNSET_PAGE} is not set",
        "harness-api-key: is missing",
        "${UNSET_TAG} is not set",
        "${UNSET_ACCOUNTS} is not set",
        "parallel: \"none\"",
    ];
    for word in each {
        assert_eq!(told.iter().filter(|line| line.contains(word)).count(), 1, "{word}: {told:#?}");
    }
    assert_eq!(told.len(), each.len(), "{told:#?}");
}

#[tokio::test]
async fn a_suite_file_that_is_broken_is_told_with_its_line() {
    let account = EmbeddedAccount::living(QUICK).await;
    at_once(["version: [1\n", "version: 1\nexperiments: {\n", "\u{0}"], |suite| {
        let account = &account;
        async move {
            let faultgate =
                account.faultgate(&["run"]).file(".faultgate.yml", suite).env("FAULTGATE_TIMEOUT", "never");
            let ended = refused(account, faultgate).await;
            let told = told(&ended).join("\n");
            assert!(told.contains(".faultgate.yml") && told.contains("FAULTGATE_TIMEOUT"), "{told}");
        }
    })
    .await;
}

#[tokio::test]
async fn flags_are_checked_too() {
    let account = EmbeddedAccount::living(QUICK).await;
    let faultgate = account.faultgate(&["run", "--timeout", "x", "--experiment-template-id", "EXT1"]);
    let ended = refused(&account, faultgate).await;
    assert!(told(&ended)[0].contains("--timeout"), "{}", ended.stderr);

    let ended = account.faultgate(&["run", "--timeoot", "5m"]).finish().await;
    ended.assert_code(2, "an unknown flag");
    assert!(ended.stderr.contains("--timeout"), "{}", ended.stderr);
    let ended = account.faultgate(&["rehearse", "--scenario", "complted"]).finish().await;
    ended.assert_code(2, "an unknown scenario");
    assert!(ended.stderr.contains("completed"), "{}", ended.stderr);
    assert!(account.world.requests().is_empty());
}

/// A command line that is not understood ends before there are settings, and leaves the same outputs.
#[tokio::test]
async fn flags_that_are_refused_leave_step_outputs() {
    for words in
        [&["run", "--no-such-flag"][..], &["--timeout"], &["score", "--expected-resilience-scor", "1"]]
    {
        let ended = Faultgate::new(words).in_github("1").finish().await;
        ended.assert_code(2, &format!("{words:?}"));
        let outputs = file_commands(&ended.read("github-output")).unwrap();
        assert_eq!(outputs["verdict"], "errored", "{words:?}");
        let word = words.iter().find(|word| word.starts_with("--")).unwrap();
        assert!(outputs["reason"].contains(word), "{outputs:?}");
        assert!(ended.stdout.contains("::error"), "{}", ended.stdout);
    }
    let asked = Faultgate::new(&["run", "--help"]).in_github("1").finish().await;
    asked.assert_code(0, "help");
    assert_eq!(asked.read("github-output"), "");
}

#[tokio::test]
async fn a_shared_queue_that_gives_up_early_is_told_before_the_launch() {
    let account = EmbeddedAccount::living(QUICK).await;
    let sqs = aws_sdk_sqs::Client::new(&connect_embedded(account.url(), None).unwrap());
    let with = async |name: &str, redrive: Option<serde_json::Value>| {
        let policy = redrive.map(|policy| [(QueueAttributeName::RedrivePolicy, policy.to_string())].into());
        let made = sqs.create_queue().queue_name(name).set_attributes(policy).send().await.unwrap();
        let queue = made.queue_url.unwrap();
        let check = account.faultgate(&["check"]).env("FAULTGATE_EXPERIMENT_TEMPLATE_ID", TEMPLATE_ID);
        let check =
            check.env("FAULTGATE_MONITOR", "queue").env("FAULTGATE_EVENT_QUEUE_URL", queue).finish().await;
        check.assert_code(0, name);
        check.stdout
    };
    let arn = "arn:aws:sqs:us-east-1:123456789012:dead";
    for (name, most) in [("number", serde_json::json!(3)), ("text", serde_json::json!("3"))] {
        let policy = serde_json::json!({"deadLetterTargetArn": arn, "maxReceiveCount": most});
        let told = with(name, Some(policy)).await;
        assert!(
            told.contains("moves a message away after 3 receives") && told.contains("maxReceiveCount"),
            "{told}"
        );
    }
    let patient = serde_json::json!({"deadLetterTargetArn": arn, "maxReceiveCount": 1000});
    for (name, policy) in [("patient", Some(patient)), ("none", None)] {
        let told = with(name, policy).await;
        assert!(!told.contains("receives"), "{told}");
    }
    account.deny("GetQueueAttributes", "sqs:GetQueueAttributes");
    let told = with("denied", None).await;
    assert!(told.contains("note") && told.contains("sqs:GetQueueAttributes"), "{told}");
}

/// A suite with mistakes in four places, of which one is taken over by a merge of YAML.
const MISPLACED: &str = "version: 1
x-probe: &probe
  every: 5 parsecs
timeot: 5m
experiments:
  - name: az
    fis: { template: EXT1, regoin: x }
    probes:
      - <<: *probe
        name: shop
        http: { url: \"http://127.0.0.1:1\" }
  - name: two
";

#[tokio::test]
async fn mistakes_in_a_suite_are_annotations_on_its_lines() {
    let account = EmbeddedAccount::living(QUICK).await;
    for command in ["run", "check"] {
        let faultgate = || {
            let faultgate = account.faultgate(&[command]).folder("chaos").file("chaos/suite.yml", MISPLACED);
            let root = faultgate.home().display().to_string();
            faultgate.env("FAULTGATE_CONFIG", format!("{root}/chaos/suite.yml"))
        };
        let at =
            [(3, 10, "every"), (4, 1, "timeot"), (7, 28, "regoin"), (12, 5, "experiments[1] has no engine")];
        let github = faultgate().in_github("1");
        let root = github.home().display().to_string();
        let ended = refused(&account, github.env("GITHUB_WORKSPACE", &root)).await;
        for (line, column, about) in at {
            let begins =
                format!("::error file=chaos/suite.yml,line={line},col={column},title=faultgate settings::");
            let found = ended.stdout.lines().any(|told| told.starts_with(&begins) && told.contains(about));
            assert!(found, "{command}: {begins} {about}: {}", ended.stdout);
            let place = format!("(from {root}/chaos/suite.yml:{line}:{column})");
            assert!(
                told(&ended).iter().any(|told| told.contains(about) && told.contains(&place)),
                "{}",
                ended.stderr
            );
        }
        let ended = faultgate().env("GITLAB_CI", "true").finish().await;
        ended.assert_code(2, command);
        // Later jobs of GitLab know by this file that nothing was launched.
        if command == "run" {
            let told = ended.read("reports/faultgate.env");
            assert!(told.starts_with("FAULTGATE_VERDICT=errored\n"), "{told}");
            assert!(told.contains("\nFAULTGATE_REASON=mistakes_in_the_settings:"), "{told}");
            assert!(!ended.path("reports/result.json").exists(), "a result was written");
        } else {
            assert!(!ended.path(Faultgate::REPORTS).exists(), "reports were written");
        }
        assert!(ended.stderr.contains("/chaos/suite.yml:3:10)"), "{}", ended.stderr);
        assert!(!ended.stdout.contains("::error"), "{}", ended.stdout);
        let azure = faultgate().env("TF_BUILD", "True").env("BUILD_SOURCESDIRECTORY", &root);
        let ended = refused(&account, azure).await;
        assert!(ended.stdout.contains("linenumber=3;columnnumber=10]"), "{}", ended.stdout);
    }
    let broken =
        account.faultgate(&["run"]).file(".faultgate.yml", "version: 1\nx: [1\ny: 2\n").in_github("1");
    let root = broken.home().display().to_string();
    let ended = refused(&account, broken.env("GITHUB_WORKSPACE", root)).await;
    assert!(ended.stdout.contains("::error file=.faultgate.yml,line=3,col=2,"), "{}", ended.stdout);
}

#[tokio::test]
async fn no_argument_that_is_repeated_is_a_command_to_a_log() {
    for arg in ["--x\n::error::y", "##vso[task.complete result=Succeeded;]x", "ru\u{1b}[31mn\n::error::y"] {
        let ended = Faultgate::new(&[arg]).finish().await;
        ended.assert_code(2, "no such argument");
        let told = format!("{}{}", ended.stdout, ended.stderr);
        let is_obeyed =
            |line: &str| line.starts_with("::error::y") || line.contains("##vso[") || line.contains('\u{1b}');
        assert!(!told.lines().any(is_obeyed), "{told}");
    }
}

#[tokio::test]
async fn a_result_that_is_not_there_is_told_with_what_to_do() {
    let ended = Faultgate::new(&["report", "x.json"]).finish().await;
    ended.assert_code(2, "no result");
    let says = "the result is not there (from x.json); name the result.json that a run has written";
    assert!(ended.stderr.contains(says), "{}", ended.stderr);
}
