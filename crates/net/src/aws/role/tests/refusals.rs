//! Tests of refusals: each says why, and what to do.

use super::*;

#[tokio::test]
async fn each_refusal_of_sts_says_what_to_do() {
    let provider = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com";
    let denied = "Not authorized to perform sts:AssumeRoleWithWebIdentity";
    let cases: &[(u16, &str, &str, &[&str])] = &[
        (
            403,
            "AccessDenied",
            denied,
            &[
                provider,
                "\"token.actions.githubusercontent.com:sub\":\"repo:octo/shop:ref:refs/heads/main\"",
                "\"token.actions.githubusercontent.com:aud\":\"sts.amazonaws.com\"",
            ],
        ),
        (400, "InvalidIdentityToken", "Incorrect token audience", &[provider, "\"sts.amazonaws.com\""]),
        (
            400,
            "InvalidIdentityToken",
            "No OpenIDConnect provider found in your account for https://token",
            &["https://token.actions.githubusercontent.com"],
        ),
        (
            400,
            "InvalidIdentityToken",
            "Couldn't retrieve verification key from your identity provider",
            &["https://token.actions.githubusercontent.com/.well-known/openid-configuration"],
        ),
        (
            400,
            "ExpiredTokenException",
            "Token expired: current date/time must be before the expiration",
            &["the token expired at 2027-01-15T07:59:00Z, and here it is 2027-01-15T08:00:00Z", "`timeout:`"],
        ),
        (403, "IDPRejectedClaim", "The token has expired", &["`timeout:`"]),
    ];
    for (status, code, message, remedy) in cases {
        let world = World::refusing(*status, code, message).await;
        let refusal = world.role(vec![], Some(&token())).credentials().await.unwrap_err();
        assert_told(&refusal, code, remedy);
        assert!(refusal.to_string().contains(ROLE), "{refusal}");
    }
}

#[tokio::test]
async fn each_refusal_of_assume_role_says_what_to_do() {
    let world = World::refusing(403, "AccessDenied", "User: x is not authorized").await;
    let refusal = world.role(vec![], None).credentials().await.unwrap_err();
    assert_told(&refusal, "AccessDenied", &["\"sts:AssumeRole\"", ROLE]);

    let nothing = SdkConfig::builder()
        .behavior_version(aws_config::BehaviorVersion::latest())
        .region(aws_config::Region::from_static("us-east-1"))
        .endpoint_url("http://127.0.0.1:9")
        .build();
    for (chain, remedy) in [
        (ChainIn::Github, "id-token: write"),
        (ChainIn::Gitlab, "id_tokens:"),
        (ChainIn::Elsewhere, "aws-id-token"),
        (ChainIn::Desk, "AWS_PROFILE"),
    ] {
        let env = Environment::default();
        let voucher = Voucher::find(&env, None, ROLE, &HttpSettings::default(), chain).unwrap();
        let refusal = Role::new(&nothing, ROLE, voucher, "1").credentials().await.unwrap_err();
        assert_told(&refusal, "default chain", &[remedy]);
    }
}

#[tokio::test]
async fn each_refusal_of_github_says_what_to_do() {
    let cases = [
        (ResponseTemplate::new(401), "HTTP 401", 1),
        (ResponseTemplate::new(503), "HTTP 503", 3),
        (ResponseTemplate::new(302).insert_header("location", "http://127.0.0.1:9/"), "HTTP 302", 1),
        (ResponseTemplate::new(200).set_body_string("<html>s1gnature"), "holds no token", 1),
        (ResponseTemplate::new(200).set_body_string("x".repeat(70_000)), "too long", 1),
    ];
    for (answer, why, times) in cases {
        let world = World::new().await.github_answers(answer).await;
        let refusal = world.role(world.in_github(), None).credentials().await.unwrap_err();
        assert_told(&refusal, why, &["id-token: write"]);
        assert_eq!(world.asked().await.len(), times, "{why}");
    }
}

#[tokio::test]
async fn what_is_no_token_is_not_sent() {
    let world = World::with_sessions(Duration::from_hours(1)).await;
    let refusal = world.role(vec![], Some("s1gnature")).credentials().await.unwrap_err();
    assert_told(&refusal, "not a JSON Web Token", &["id_tokens"]);
    assert!(world.asked().await.is_empty());
}

#[tokio::test]
async fn a_request_of_the_sdk_fails_for_the_refusal() {
    let world = World::refusing(403, "AccessDenied", "Not authorized").await;
    let base = connect_embedded(&world.server.uri(), None).unwrap();
    let role = Arc::new(world.role(vec![], Some(&token())));
    let fis = aws_sdk_fis::Client::new(&role.worn_by(&base));
    let error = fis.get_experiment().id("EXP1").send().await.unwrap_err();
    let refusal = credentials_failure_in(&error).expect("the refusal is in the error");
    assert_told(refusal, "AccessDenied", &["sub"]);
}
