//! Tests of the environment as CIs leave it: values with blanks around them, values of which nothing is left,
//! and values that cannot be.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use faultgate_testkit::account::EmbeddedAccount;
use faultgate_testkit::binary::{Faultgate, Finished, at_once, in_time, lives};
use faultgate_testkit::lives::{ENDLESS, QUICK};
use serde_json::json;
use wiremock::matchers::{header, method, path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

/// A suite of a fault that is undone by its own command, with a probe of an alarm in the fault window.
const FAULT: &str = "\
version: 1
experiments:
  - name: freeze
    command: { run: [\"touch\", \"fault-in\"], stop: [\"rm\", \"fault-in\"], duration: 300ms }
    probes:
      - { name: alarm, cloudwatch-alarm: { name: ALARM }, when: [during], every: 100ms }
";

fn fault() -> String {
    FAULT.replace("ALARM", faultgate_rehearsal::ALARM_NAME)
}

fn frozen(account: &EmbeddedAccount) -> Faultgate {
    account.faultgate(&["run"]).file(".faultgate.yml", &fault())
}

#[track_caller]
fn assert_refused(ended: &Finished, words: &[&str]) {
    ended.assert_code(2, "it cannot work");
    for word in words {
        assert!(ended.stderr.contains(word), "{word} is missing: {}", ended.stderr);
    }
    assert!(!ended.stderr.contains("s3cr3t"), "{}", ended.stderr);
    assert!(!ended.path("fault-in").exists(), "the fault was put in");
}

#[tokio::test]
async fn blanks_around_a_value_are_no_part_of_it_and_a_blank_value_is_none() {
    let account = EmbeddedAccount::living(QUICK).await;
    let around = |value: &str| format!(" {value}\r\n");
    let cases = [
        ("AWS_ACCESS_KEY_ID", around("AKIDTEST")),
        ("AWS_SECRET_ACCESS_KEY", around("not-a-secret")),
        ("AWS_SESSION_TOKEN", around("t0ken")),
        ("AWS_REGION", around("us-east-1")),
        ("AWS_ENDPOINT_URL", around(account.url())),
        ("AWS_ENDPOINT_URL_CLOUDWATCH", String::new()),
        ("AWS_ENDPOINT_URL_CLOUDWATCH", " \n".to_owned()),
        ("AWS_SESSION_TOKEN", String::new()),
        ("AWS_PROFILE", "\n".to_owned()),
        ("AWS_EXECUTION_ENV", around("CodeBuild")),
        ("AWS_CA_BUNDLE", String::new()),
        ("SSL_CERT_FILE", String::new()),
        ("SSL_CERT_DIR", " ".to_owned()),
        ("HTTPS_PROXY", "\n".to_owned()),
        ("SMITHY_CLIENT_SDK_CUSTOM_PARTITION", String::new()),
    ];
    at_once(cases, |(name, value)| {
        let faultgate = frozen(&account).env(name, &value);
        async move {
            let ended = faultgate.finish().await;
            ended.assert_code(0, &format!("{name}={value:?}"));
            assert!(!ended.path("fault-in").exists(), "{name}: the fault is in");
        }
    })
    .await;
}

#[tokio::test]
async fn what_cannot_be_a_value_is_refused_before_the_fault_is_in() {
    let account = EmbeddedAccount::living(QUICK).await;
    let cases: [(&str, &str, &[&str]); 13] = [
        ("AWS_ACCESS_KEY_ID", "s3cr3t\ns3cr3t", &["AWS_ACCESS_KEY_ID", "control character"]),
        ("AWS_ACCESS_KEY_ID", "\"s3cr3t\"", &["AWS_ACCESS_KEY_ID", "quotes"]),
        ("AWS_SESSION_TOKEN", "s3cr3t\u{1}x", &["AWS_SESSION_TOKEN", "control character"]),
        ("AWS_SECRET_ACCESS_KEY", "${s3cr3t}", &["AWS_SECRET_ACCESS_KEY", "was not replaced"]),
        ("AWS_REGION", "us-east-1\ns3cr3t", &["AWS_REGION", "control character"]),
        ("AWS_REGION", "eu-west-1a", &["AWS_REGION", "Availability Zone", "write eu-west-1"]),
        ("AWS_ENDPOINT_URL_CLOUDWATCH", "s3cr3t://x", &["AWS_ENDPOINT_URL_CLOUDWATCH", "http or https URL"]),
        ("AWS_ENDPOINT_URL", "s3cr3t", &["AWS_ENDPOINT_URL", "http or https URL"]),
        ("AWS_PROFILE", "prod", &["AWS_PROFILE", "no profile \"prod\""]),
        (
            "SMITHY_CLIENT_SDK_CUSTOM_PARTITION",
            "/s3cr3t",
            &["SMITHY_CLIENT_SDK_CUSTOM_PARTITION", "unset it"],
        ),
        ("AWS_CA_BUNDLE", "not-there.pem", &["AWS_CA_BUNDLE", "is not there"]),
        ("SSL_CERT_DIR", "not-there", &["SSL_CERT_DIR", "not-there"]),
        ("NO_PROXY", "s3cr3t\nx", &["NO_PROXY", "control character"]),
    ];
    at_once(cases, |(name, value, words)| {
        let faultgate = frozen(&account).env(name, value).env("HOME", "/nowhere");
        async move { assert_refused(&faultgate.finish().await, words) }
    })
    .await;
}

#[tokio::test]
async fn what_a_file_says_is_judged_as_well() {
    let account = EmbeddedAccount::living(QUICK).await;
    let keys = "aws_access_key_id = AKIDTEST\naws_secret_access_key = not-a-secret\n";
    let cases: [(String, &[&str]); 6] = [
        (format!("[default]\n{keys}region = eu-west-1a\n"), &["Availability Zone", "write eu-west-1"]),
        (format!("[default]\n{keys}endpoint_url = s3cr3t\nregion = us-east-1\n"), &["endpoint", "URL"]),
        (
            format!(
                "[default]\n{keys}services = x\nregion = us-east-1\n[services x]\ncloudwatch =\n  endpoint_url = nope\n"
            ),
            &["the endpoint of CloudWatch"],
        ),
        (
            "[default]\naws_access_key_id = s3cr3t\u{1}x\naws_secret_access_key = x\nregion = us-east-1\n"
                .to_owned(),
            &["aws_access_key_id", "default"],
        ),
        ("[default]\nsso_region = Ireland\nregion = us-east-1\n".to_owned(), &["Ireland", "default"]),
        (format!("[default]\n{keys}region = \u{e9}\n"), &["is not an AWS Region"]),
    ];
    at_once(cases, |(config, words)| {
        let faultgate = frozen(&account)
            .named_file("AWS_CONFIG_FILE", "config", &config)
            .without("AWS_ACCESS_KEY_ID")
            .without("AWS_SECRET_ACCESS_KEY")
            .without("AWS_ENDPOINT_URL")
            .without("AWS_REGION");
        async move { assert_refused(&faultgate.finish().await, words) }
    })
    .await;
}

/// The script of a helper that prints credentials, as AWS's signing helper does, and writes down what it was
/// given.
const HELPER: &str = "#!/bin/sh\nenv > \"$1/helper.env\"\nset >> \"$1/helper.env\"\n\
    echo '{\"Version\":1,\"AccessKeyId\":\"AKIDPROCESS\",\"SecretAccessKey\":\"x\",\"SessionToken\":\"t\",\"Expiration\":\"2099-01-01T00:00:00Z\"}'\n";

fn by_helper(account: &EmbeddedAccount, script: &str) -> Faultgate {
    let faultgate = account
        .run()
        .without("AWS_ACCESS_KEY_ID")
        .without("AWS_SECRET_ACCESS_KEY")
        .file("helper.sh", script)
        .env("AWS_PROFILE", "ra");
    let home = faultgate.home().to_owned();
    std::fs::set_permissions(home.join("helper.sh"), std::fs::Permissions::from_mode(0o755)).unwrap();
    let config = format!(
        "[profile ra]\nregion = us-east-1\ncredential_process = '{0}/helper.sh' '{0}'\n",
        home.display()
    );
    faultgate.named_file("AWS_CONFIG_FILE", "config", &config)
}

#[tokio::test]
async fn a_program_that_gives_credentials_is_asked_and_sees_no_secret_of_ours() {
    let account = EmbeddedAccount::living(QUICK).await;
    let ended = by_helper(&account, HELPER)
        .env("FAULTGATE_HARNESS_API_KEY", "s3cr3t-of-ours")
        .env("INPUT_GITHUB-TOKEN", "s3cr3t-of-ours")
        .env("FAULTGATE_COMMIT_STATUS", "false")
        .env("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "s3cr3t-of-ours")
        .env("CI_JOB_TOKEN", "s3cr3t-of-ours")
        .env("OF_THE_JOB", "is inherited")
        .finish()
        .await;
    ended.assert_code(0, "by a program");
    let seen = ended.read("helper.env");
    assert!(seen.contains("OF_THE_JOB=is inherited") && !seen.contains("s3cr3t-of-ours"), "{seen}");
    account.assert_nothing_left("by a program");
}

#[tokio::test]
async fn a_program_that_gives_nothing_is_told_and_one_that_hangs_holds_up_no_signal() {
    let account = EmbeddedAccount::living(ENDLESS).await;
    let broken = by_helper(&account, "#!/bin/sh\necho s3cr3t\necho 'no certificate here' >&2\nexit 9\n");
    let ended = broken.finish().await;
    ended.assert_code(3, "a program that fails");
    let told = ended.summary();
    assert!(told.contains("no certificate here") && !told.contains("s3cr3t"), "{told}");

    let hanging = by_helper(&account, "#!/bin/sh\necho $$ > \"$1/helper.pid\"\nsleep 1000\n").spawn();
    let pid = hanging.path("helper.pid");
    in_time(Duration::from_mins(1), "the program runs", async {
        while !std::fs::read_to_string(&pid).is_ok_and(|text| text.ends_with('\n')) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    hanging.signal("TERM").await;
    let ended = hanging.ended_within(Duration::from_secs(15)).await;
    ended.assert_code(143, "a signal while the program hangs");
    let pid = ended.read("helper.pid");
    assert!(!lives(pid.trim()), "it lives on");
}

#[tokio::test]
async fn a_profile_of_the_identity_center_uses_its_token() {
    const START: &str = "https://shop.awsapps.invalid/start";
    let (account, portal) = (EmbeddedAccount::living(QUICK).await, MockServer::start().await);
    let credentials = json!({"roleCredentials": {
        "accessKeyId": "AKIDSSO", "secretAccessKey": "x", "sessionToken": "t", "expiration": 4_070_908_800_000_u64,
    }});
    Mock::given(method("GET"))
        .and(path("/federation/credentials"))
        .and(query_param("role_name", "chaos"))
        .and(query_param("account_id", "111122223333"))
        .and(header("x-amz-sso_bearer_token", "cached-t0ken"))
        .respond_with(ResponseTemplate::new(200).set_body_json(credentials))
        .expect(1..)
        .mount(&portal)
        .await;
    let config = format!(
        "[profile center]\nregion = us-east-1\nsso_start_url = {START}\nsso_region = us-east-1\n\
         sso_account_id = 111122223333\nsso_role_name = chaos\n"
    );
    let token = json!({"accessToken": "cached-t0ken", "expiresAt": "2099-01-01T00:00:00Z", "region": "us-east-1", "startUrl": START});
    let faultgate = account
        .run()
        .without("AWS_ACCESS_KEY_ID")
        .without("AWS_SECRET_ACCESS_KEY")
        .named_file("AWS_CONFIG_FILE", "config", &config)
        .env("AWS_PROFILE", "center")
        .env("AWS_ENDPOINT_URL_SSO", portal.uri());
    let home = faultgate.home().to_owned();
    let cache = home.join(".aws/sso/cache");
    std::fs::create_dir_all(&cache).unwrap();
    // The SDK names the file by the SHA-1 of the start address.
    std::fs::write(cache.join("26cde3519308b19988d7845196e74df9f9e20901.json"), token.to_string()).unwrap();
    let ended = faultgate.env("HOME", &home).finish().await;
    ended.assert_code(0, "IAM Identity Center");
    assert!(!ended.stderr.contains("cached-t0ken"));
}

#[tokio::test]
async fn what_a_ci_did_not_replace_is_refused() {
    let account = EmbeddedAccount::living(QUICK).await;
    let values = ["$S3CR3T_KEY", "${S3CR3T_KEY}", "$(S3CR3T_KEY)", "${{ secrets.S3CR3T_KEY }}"];
    let names =
        ["FAULTGATE_GITHUB_TOKEN", "INPUT_HARNESS-API-KEY", "FAULTGATE_TIMEOUT", "FAULTGATE_REPORT_DIR"];
    let cases = names.iter().flat_map(|name| values.map(|value| (*name, value)));
    at_once(cases, |(name, value)| {
        let faultgate = account.run().env(name, value);
        async move {
            let ended = faultgate.finish().await;
            ended.assert_code(2, &format!("{name}={value}"));
            let told = &ended.stderr;
            assert!(
                told.contains(name) && told.contains("was not replaced") && told.contains("protected"),
                "{told}"
            );
            assert!(!told.contains("S3CR3T"), "{told}");
        }
    })
    .await;
    // `stop` must not fall back to another file because it was told of this one badly.
    let ended = account.faultgate(&["stop"]).env("FAULTGATE_STATE_FILE", "$STATE").finish().await;
    ended.assert_code(2, "a state file that was not replaced");
    assert!(ended.stderr.contains("FAULTGATE_STATE_FILE"), "{}", ended.stderr);
}
