//! Requests for roles without a key: to the OpenID endpoint, and to STS.

use aws_smithy_types::base64;
use faultgate_rehearsal::FaultRule;
use faultgate_testkit::account::EmbeddedAccount;
use faultgate_testkit::invariants::{self, There};
use faultgate_testkit::lives::QUICK;
use serde_json::{Value, json};
use wiremock::matchers::method;
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::between::Between;
use crate::matrix::{LONGEST, Matrix, result, state};

const ROLE: &str = "arn:aws:iam::123456789012:role/ci/chaos";

fn token() -> String {
    let part = |claims: &Value| {
        let text = base64::encode(claims.to_string());
        text.trim_end_matches('=').replace('+', "-").replace('/', "_")
    };
    let claims = json!({
        "iss": "https://token.actions.githubusercontent.com",
        "sub": "repo:shop/web:ref:refs/heads/main",
        "aud": "sts.amazonaws.com",
        "exp": 4_000_000_000_u64,
    });
    format!("{}.{}.c2lnbmF0dXJl", part(&json!({ "alg": "RS256" })), part(&claims))
}

/// Starts a server that is the OpenID endpoint for GET, and STS for POST.
async fn vouchers() -> MockServer {
    let server = MockServer::start().await;
    let token = ResponseTemplate::new(200).set_body_json(json!({ "value": token() }));
    Mock::given(method("GET")).respond_with(token).mount(&server).await;
    let session = ResponseTemplate::new(200).set_body_string(
        "<AssumeRoleWithWebIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\
         <AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>AKIDROLE</AccessKeyId>\
         <SecretAccessKey>k3y</SecretAccessKey><SessionToken>s3ssion</SessionToken>\
         <Expiration>2090-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleWithWebIdentityResult>\
         </AssumeRoleWithWebIdentityResponse>",
    );
    Mock::given(method("POST")).respond_with(session).mount(&server).await;
    server
}

async fn play(fault: Option<FaultRule>) -> Vec<String> {
    let (account, vouchers) = (EmbeddedAccount::living(QUICK).await, vouchers().await);
    let between = Between::before(&vouchers.uri(), fault).await;
    let run = account
        .run()
        .in_github("1")
        .without("AWS_ACCESS_KEY_ID")
        .without("AWS_SECRET_ACCESS_KEY")
        .env("AWS_ENDPOINT_URL_STS", &between.url)
        .env("ACTIONS_ID_TOKEN_REQUEST_URL", format!("{}/token", between.url))
        .env("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "mark9bearer")
        .env("FAULTGATE_AWS_ROLE_ARN", ROLE)
        .env("FAULTGATE_COMMIT_STATUS", "false");
    let ended = run.spawn().ended_within(LONGEST).await;
    let there = There::in_account(&account.world.snapshot(), true);
    let result = result(&ended);
    assert_eq!(ended.code, Some(i32::from(result.gate.exit_code)), "{}", ended.stdout);
    invariants::hold(&result, &there);
    invariants::written_down_if_at_all(state(&ended).as_ref(), &there);
    assert_eq!(there.left(), [""; 0]);
    if result.gate.exit_code != 0 {
        assert!(there.experiments.is_empty(), "begun without a role: {there:#?}");
        assert!(result.gate.reasons.iter().any(|reason| reason.contains(ROLE)), "{:?}", result.gate.reasons);
    }
    between.asked()
}

#[tokio::test]
async fn a_role_that_is_assumed() {
    Matrix::usual().run("a role", play).await;
}
