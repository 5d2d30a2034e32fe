//! Tests of the client: what it makes of answers.

use aws_config::{BehaviorVersion, Region};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use wiremock::matchers::{header, header_exists, header_regex, method, path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;

fn sdk(url: &str) -> SdkConfig {
    let credentials = Credentials::new("AKID", "secret", Some("token".to_owned()), None, "test");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static("us-east-1"))
        .endpoint_url(url)
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .build()
}

fn bucket(server: &MockServer) -> S3Bucket {
    S3Bucket::connect("results", &sdk(&server.uri()), &HttpSettings::default()).unwrap()
}

fn error(status: u16, code: &str) -> ResponseTemplate {
    let xml = format!("<Error><Code>{code}</Code><Message>not &lt;so&gt;</Message></Error>");
    ResponseTemplate::new(status).set_body_raw(xml, "application/xml")
}

#[tokio::test]
async fn a_request_is_signed_and_conditional() {
    let server = MockServer::start().await;
    Mock::given(method("PUT"))
        .and(path("/results/a%20b/7.json"))
        .and(header("if-none-match", "*"))
        .and(header("x-amz-security-token", "token"))
        .and(header_regex("authorization", "/us-east-1/s3/aws4_request, SignedHeaders=.*if-none-match"))
        .and(header_exists("x-amz-content-sha256"))
        .respond_with(ResponseTemplate::new(200))
        .expect(1)
        .mount(&server)
        .await;
    bucket(&server).put("a b/7.json", Bytes::from_static(b"{}"), true).await.unwrap();
}

#[tokio::test]
async fn the_region_of_the_bucket_is_asked_once_more() {
    let server = MockServer::start().await;
    let moved = error(301, "PermanentRedirect").insert_header("x-amz-bucket-region", "eu-west-1");
    Mock::given(header_regex("authorization", "/us-east-1/s3/"))
        .respond_with(moved)
        .expect(1)
        .mount(&server)
        .await;
    Mock::given(header_regex("authorization", "/eu-west-1/s3/"))
        .respond_with(ResponseTemplate::new(200).set_body_string("{}"))
        .expect(2)
        .mount(&server)
        .await;
    let bucket = bucket(&server);
    assert_eq!(bucket.get("a.json", 10).await.unwrap(), b"{}");
    assert_eq!(bucket.get("b.json", 10).await.unwrap(), b"{}", "it is not forgotten");
}

#[tokio::test]
async fn what_is_refused_is_told_with_its_remedy() {
    let server = MockServer::start().await;
    Mock::given(path("/results/denied"))
        .respond_with(error(403, "AccessDenied"))
        .expect(1)
        .mount(&server)
        .await;
    Mock::given(path("/results/there"))
        .respond_with(error(412, "PreconditionFailed"))
        .expect(1)
        .mount(&server)
        .await;
    Mock::given(path("/results/large"))
        .respond_with(ResponseTemplate::new(200).set_body_string("12345"))
        .mount(&server)
        .await;
    let bucket = bucket(&server);
    let denied = bucket.put("denied", Bytes::new(), false).await.unwrap_err();
    assert_eq!(denied.to_string(), "could not put s3://results/denied: HTTP 403: AccessDenied: not <so>");
    let remedy = denied.remedy.unwrap();
    assert!(remedy.contains("\"s3:PutObject\"") && remedy.contains("arn:aws:s3:::results/*"), "{remedy}");
    assert_eq!(bucket.put("there", Bytes::new(), true).await.unwrap_err().kind, S3Refusal::Exists);
    assert_eq!(bucket.get("large", 5).await.unwrap(), b"12345");
    assert_eq!(bucket.get("large", 4).await.unwrap_err().kind, S3Refusal::TooLarge);
}

#[tokio::test]
async fn an_answer_that_may_change_is_asked_for_again() {
    let server = MockServer::start().await;
    Mock::given(path("/results/a"))
        .respond_with(error(503, "SlowDown"))
        .up_to_n_times(2)
        .mount(&server)
        .await;
    Mock::given(path("/results/a")).respond_with(ResponseTemplate::new(200)).expect(1).mount(&server).await;
    bucket(&server).put("a", Bytes::new(), true).await.unwrap();
}

#[test]
fn what_is_out_of_order_is_told_from_what_is_wrong() {
    let kind = |refused: S3Refused| refused.explain("GetObject", "results", "a", "eu-west-1").kind;
    let answered =
        |status| kind(S3Refused::Answered { status, error: xml::S3Error::default(), region: None });
    assert_eq!([500, 503, 429].map(answered), [S3Refusal::Unavailable; 3]);
    assert_eq!([400, 403].map(answered), [S3Refusal::Other; 2]);
    assert_eq!(kind(S3Refused::Silent("no answer within 45s".to_owned())), S3Refusal::Unavailable);
}

#[tokio::test]
async fn a_list_has_pages() {
    let server = MockServer::start().await;
    let page = |rest: &str| {
        let xml = format!(
            "<ListBucketResult><Contents><Key>x/1%2B2.json</Key><Size>3</Size></Contents>{rest}</ListBucketResult>"
        );
        ResponseTemplate::new(200).set_body_string(xml)
    };
    let first = page("<IsTruncated>true</IsTruncated><NextContinuationToken>a+b/=</NextContinuationToken>");
    let last = page("<IsTruncated>false</IsTruncated>");
    Mock::given(query_param("continuation-token", "a+b/=")).respond_with(last).expect(1).mount(&server).await;
    Mock::given(query_param("prefix", "x/")).respond_with(first).expect(1).mount(&server).await;
    let bucket = bucket(&server);
    let first = bucket.list("x/", None).await.unwrap();
    assert_eq!(first.objects, [("x/1+2.json".to_owned(), 3)]);
    assert_eq!(bucket.list("x/", first.next.as_deref()).await.unwrap().next, None);
    Mock::given(query_param("prefix", "page/")).respond_with(ResponseTemplate::new(200)).mount(&server).await;
    let none = bucket.list("page/", None).await.unwrap_err();
    assert_eq!(none.to_string(), "could not list s3://results/page/: the answer is no list of objects");
}
