//! Tests of the sources of credentials: files, the endpoint of a container, and tokens that are exchanged for
//! a role.

use aws_smithy_types::base64;
use faultgate_testkit::account::EmbeddedAccount;
use faultgate_testkit::binary::{Faultgate, at_once};
use faultgate_testkit::lives::QUICK;
use serde_json::json;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::marks::Marks;
use super::{Echo, Manner, Marked};

const ROLE: &str = "arn:aws:iam::111122223333:role/chaos";

/// Returns a token that says who it is for. Its signature is the part that nobody may see.
fn jwt(marks: &mut Marks, place: &str) -> String {
    let claims = json!({
        "iss": "https://issuer.invalid", "sub": "repo:shop/web", "aud": "sts.amazonaws.com", "exp": 4_000_000_000_u64,
    });
    let part = |value: &serde_json::Value| base64::encode(value.to_string()).trim_end_matches('=').to_owned();
    format!("{}.{}.{}", part(&json!({ "alg": "RS256" })), part(&claims), marks.plain(place))
}

/// Returns a server with one answer.
async fn answering(answer: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(answer).mount(&server).await;
    server
}

fn without_keys(marked: &mut Marked) {
    marked.env.retain(|(name, _)| {
        !["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"].contains(&name.as_str())
    });
}

fn run(account: &EmbeddedAccount, aws: &str) -> Faultgate {
    account
        .run()
        .without("AWS_ACCESS_KEY_ID")
        .without("AWS_SECRET_ACCESS_KEY")
        .env("AWS_ENDPOINT_URL", aws)
        .in_github("1")
        .env("FAULTGATE_COMMIT_STATUS", "false")
}

#[tokio::test]
async fn credentials_of_a_file_or_a_container_are_not_shown() {
    let sources = ["file", "endpoint", "endpoint, token in a file"];
    let cases = sources.into_iter().flat_map(|source| [(source, true), (source, false)]);
    let broken = ["endpoint that refuses", "endpoint that babbles"].map(|source| (source, true));
    at_once(cases.chain(broken), |(source, grants)| async move {
        {
            let account = EmbeddedAccount::living(QUICK).await;
            let echo = Echo::by(Manner::Refuse(403)).await;
            let aws = if grants { account.url().to_owned() } else { echo.url() };
            let mut marked = Marked::new();
            without_keys(&mut marked);
            let (key, token) = (marked.marks.awkward("the key"), marked.marks.awkward("the token"));
            let credentials = json!({
                "AccessKeyId": "AKIDTEST", "SecretAccessKey": key, "Token": token, "Expiration": "2099-01-01T00:00:00Z",
            });
            let endpoint = answering(ResponseTemplate::new(200).set_body_json(credentials)).await;
            let refusing = Echo::by(Manner::Refuse(400)).await;
            let babbling = Echo::by(Manner::Grant).await;
            let mut faultgate = run(&account, &aws);
            faultgate = match source {
                "file" => {
                    let (key, token) = (marked.marks.plain("the key"), marked.marks.plain("the token"));
                    let file = format!(
                        "[default]\naws_access_key_id = AKIDTEST\naws_secret_access_key = {key}\naws_session_token = {token}\n"
                    );
                    faultgate.named_file("AWS_SHARED_CREDENTIALS_FILE", "credentials", &file)
                }
                "endpoint, token in a file" => {
                    let token = marked.value("AWS_CONTAINER_AUTHORIZATION_TOKEN").to_owned();
                    marked.env.retain(|(name, _)| name != "AWS_CONTAINER_AUTHORIZATION_TOKEN");
                    faultgate
                        .env("AWS_CONTAINER_CREDENTIALS_FULL_URI", endpoint.uri())
                        .named_file("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "token", &token)
                }
                "endpoint that refuses" => faultgate.env("AWS_CONTAINER_CREDENTIALS_FULL_URI", refusing.url()),
                "endpoint that babbles" => faultgate.env("AWS_CONTAINER_CREDENTIALS_FULL_URI", babbling.url()),
                _ => faultgate.env("AWS_CONTAINER_CREDENTIALS_FULL_URI", endpoint.uri()),
            };
            let ended = marked.put(faultgate).finish().await;
            ended.assert_code(if grants && !source.contains("that") { 0 } else { 3 }, source);
            marked.assert_hidden(&ended, source);
        }
    })
    .await;
}

#[tokio::test]
async fn tokens_for_a_role_are_not_shown() {
    let sources = ["GitHub", "GitHub that refuses", "GitHub that babbles", "GitLab", "a file"];
    let cases =
        sources.into_iter().flat_map(|source| ["grants", "refuses", "repeats"].map(|sts| (source, sts)));
    at_once(cases, |(source, sts)| async move {
        let context = format!("{source}, STS {sts}");
        let account = EmbeddedAccount::living(QUICK).await;
        let mut marked = Marked::new();
        without_keys(&mut marked);
        marked.env.retain(|(name, _)| !name.contains("ID_TOKEN") && !name.contains("ID-TOKEN"));
        let bearer = marked.marks.awkward("ACTIONS_ID_TOKEN_REQUEST_TOKEN");
        let token = jwt(&mut marked.marks, "the token");
        let (key, session) = (marked.marks.plain("the key"), marked.marks.plain("the session"));
        let granted = format!(
            "<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>AKIDROLE</AccessKeyId>\
             <SecretAccessKey>{key}</SecretAccessKey><SessionToken>{session}</SessionToken>\
             <Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleWithWebIdentityResult>\
             </AssumeRoleWithWebIdentityResponse>"
        );
        let granting = answering(ResponseTemplate::new(200).set_body_raw(granted, "text/xml")).await;
        let refusing = Echo::by(Manner::RefuseInXml).await;
        let repeating = Echo::by(Manner::Refuse(403)).await;
        let github = answering(ResponseTemplate::new(200).set_body_json(json!({ "value": token }))).await;
        let (sts_url, aws) = match sts {
            "grants" => (granting.uri(), account.url().to_owned()),
            "refuses" => (refusing.url(), account.url().to_owned()),
            _ => (granting.uri(), repeating.url()),
        };
        let mut faultgate = run(&account, &aws).env("AWS_ENDPOINT_URL_STS", sts_url).env("FAULTGATE_AWS_ROLE_ARN", ROLE);
        let query = marked.marks.plain("the query");
        let at_github = |url: String| format!("{url}/token?secret={query}");
        faultgate = match source {
            "GitLab" => faultgate.env("FAULTGATE_AWS_ID_TOKEN", &token),
            "a file" => faultgate.named_file("AWS_WEB_IDENTITY_TOKEN_FILE", "token", &token),
            "GitHub that refuses" => {
                faultgate.env("ACTIONS_ID_TOKEN_REQUEST_URL", at_github(repeating.url()))
            }
            "GitHub that babbles" => {
                let babbling = Echo::by(Manner::Grant).await;
                let faultgate = faultgate.env("ACTIONS_ID_TOKEN_REQUEST_URL", at_github(babbling.url()));
                std::mem::forget(babbling);
                faultgate
            }
            _ => faultgate.env("ACTIONS_ID_TOKEN_REQUEST_URL", at_github(github.uri())),
        };
        let ended = marked.put(faultgate).env("ACTIONS_ID_TOKEN_REQUEST_TOKEN", &bearer).finish().await;
        let passes = sts == "grants" && !source.contains("that");
        ended.assert_code(if passes { 0 } else { 3 }, &context);
        marked.assert_hidden(&ended, &context);
    })
    .await;
}
