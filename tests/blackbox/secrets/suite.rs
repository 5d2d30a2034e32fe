//! Tests of values that variables of a suite hold: programs print them and servers repeat them, and no report
//! tells them. Runners mask the log alone.

use faultgate_rehearsal::TEMPLATE_ID;
use faultgate_testkit::account::EmbeddedAccount;
use faultgate_testkit::binary::Faultgate;
use faultgate_testkit::forges::{ForgeStandIn, GitHubManners, HEAD, TOKEN};
use faultgate_testkit::lives::QUICK;

use super::{Echo, Manner, Marked};

/// A variable that a program is given, whose name does not tell that it holds a secret.
const LOGIN: &str = "SHOP_LOGIN";

fn suite(target: &str) -> String {
    let says = "echo \"in $PLACE at $CI_COMMIT_SHA: $OF_THE_SHOP $LOGIN\"; exit 3";
    format!(
        r#"
version: 1
parallel: 2
experiments:
  - name: freeze
    command:
      run: ["sh", "-c", {says:?}]
      stop: ["sh", "-c", {says:?}]
      env: &env {{ OF_THE_SHOP: "${{SHOP_PASSWORD}}", LOGIN: "${{{LOGIN}}}", PLACE: "${{PLACE}}" }}
  - name: az-latency
    fis: {{ template: {TEMPLATE_ID} }}
    probes:
      - {{ name: smoke, command: {{ run: ["sh", "-c", {says:?}], env: *env }}, when: [after] }}
      - name: asks
        prometheus: {{ url: "{target}", query: "up{{key='${{SHOP_KEY}}'}}", expect: "> 0" }}
        when: [after]
"#
    )
}

#[tokio::test]
async fn what_variables_of_a_suite_hold_is_in_no_report() {
    for format in ["text", "json"] {
        let account = EmbeddedAccount::living(QUICK).await;
        let forge =
            ForgeStandIn::start(GitHubManners { base: "", scheme: "Bearer ", repository: "shop/web" }).await;
        let target = Echo::by(Manner::Refuse(500)).await;
        let mut marked = Marked::new();
        marked.set("FAULTGATE_GITHUB_TOKEN", TOKEN);
        let login = marked.marks.awkward(LOGIN);
        marked.env.push((LOGIN.to_owned(), login));
        let run = account.run().without("FAULTGATE_EXPERIMENT_TEMPLATE_ID").in_github("1");
        let run: Faultgate = run
            .named_file("GITHUB_STEP_SUMMARY", "step-summary", "")
            .env("GITHUB_API_URL", forge.url(""))
            .env("FAULTGATE_COMMENT", "on")
            .env("FAULTGATE_COMMIT", HEAD)
            .env("FAULTGATE_PULL_REQUEST", "7")
            .env("FAULTGATE_LOG_FORMAT", format)
            .env("CI_COMMIT_SHA", HEAD)
            .env("PLACE", "prod")
            .file(".faultgate.yml", &suite(&target.url()));
        let ended = marked.put(run).finish().await;
        ended.assert_code(1, format);
        marked.assert_hidden(&ended, format);
        forge.look(|kept| {
            for asked in &kept.asked {
                marked
                    .assert_not_in(&format!("{} {} {}", asked.path, asked.query, asked.body), "to the forge");
            }
        });
        // Values that are no secrets stay.
        let result = ended.result().to_string();
        assert!(result.contains(&format!("in prod at {HEAD}: *** ***")), "{result}");
        assert!(ended.summary().contains("in prod at"), "{}", ended.summary());
    }
}

#[tokio::test]
async fn a_suite_may_not_read_what_lets_in_the_job() {
    for name in ["AWS_SECRET_ACCESS_KEY", "ACTIONS_ID_TOKEN_REQUEST_TOKEN", "CI_JOB_TOKEN", "GITHUB_TOKEN"] {
        let suite = format!(
            "version: 1\nexperiments:\n  - name: one\n    fis: {{ template: {TEMPLATE_ID} }}\n    probes:\n      \
             - {{ name: p, http: {{ url: \"http://127.0.0.1:1/${{{name}}}\" }} }}\n  - name: two\n    command: {{ run: \
             [\"true\"], env: {{ X: \"${{{name}:-}}\" }} }}\n"
        );
        let marked = Marked::new();
        let ended = marked.put(Faultgate::new(&["run"]).file(".faultgate.yml", &suite)).finish().await;
        ended.assert_code(2, name);
        for place in ["experiments[0].probes[0].http.url", "experiments[1].command.env.X"] {
            let told =
                format!("{place}: ${{{name}}} lets in faultgate or its job, and a suite may not read it");
            assert!(ended.stderr.contains(&told), "{told}: {}", ended.stderr);
        }
        assert!(ended.stderr.contains("set a variable of another name"), "{}", ended.stderr);
        marked.assert_hidden(&ended, name);
    }
}

/// A program that runs as root can read what its parent was started with.
#[tokio::test]
async fn what_a_program_finds_of_the_job_is_in_no_report() {
    let marks = ["Mark1OfAws", "ghp_Mark2OfGitHub", "Mark3OfOpenId", "Mark4OfDatabase"];
    let suite = serde_json::json!({"version": 1, "experiments": [{"name": "one",
        "command": { "run": ["sh", "-c", "tr '\\0' '\\n' < /proc/$PPID/environ; exit 3"] }}]});
    let ended = Faultgate::new(&["run"])
        .file(".faultgate.yml", &suite.to_string())
        .env("AWS_SECRET_ACCESS_KEY", marks[0])
        .env("GITHUB_TOKEN", marks[1])
        .env("ACTIONS_ID_TOKEN_REQUEST_TOKEN", marks[2])
        .env("SHOP_DB", format!("postgres://shop:{}@db", marks[3]))
        .env("RUST_LOG", "debug")
        .finish()
        .await;
    ended.assert_code(3, "it has failed");
    let files = ended.files().into_iter().filter_map(|file| std::fs::read_to_string(file).ok());
    for text in files.chain([ended.stdout.clone(), ended.stderr.clone()]) {
        for mark in marks {
            assert!(!text.contains(mark), "{text}");
        }
    }
}
