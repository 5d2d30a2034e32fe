//! Answers that Prometheus and those who speak its API may give.

use serde_json::json;
use wiremock::matchers::{any, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::answer::MAX_BODY_BYTES;
use super::tests::{PATIENT, answering, fails, passes, see, sending};
use super::*;
use faultgate_core::model::{Comparison, Credentials, Expectation, Hidden};

const QUERY: &str = "up{job=\"a b\"} & 1";

fn check(url: &str) -> PrometheusCheck {
    PrometheusCheck {
        url: Hidden(url.to_owned()),
        query: QUERY.to_owned(),
        expect: Expectation { comparison: Comparison::Less, value: 0.5 },
        access: Access::default(),
        signing: None,
        within: PATIENT,
    }
}

async fn told(status: u16, answer: &str) -> Evaluation {
    let server = MockServer::start().await;
    Mock::given(path("/prefix/api/v1/query"))
        .respond_with(ResponseTemplate::new(status).set_body_string(answer))
        .mount(&server)
        .await;
    see(Check::Prometheus(check(&format!("{}/prefix/", server.uri())))).await
}

fn vector(values: &[&str]) -> String {
    let samples: Vec<_> = values
        .iter()
        .enumerate()
        .map(|(place, value)| json!({ "metric": { "pod": format!("p{place}") }, "value": [1.5, value] }))
        .collect();
    json!({ "status": "success", "data": { "resultType": "vector", "result": samples } }).to_string()
}

/// Builds a good answer, with more in it.
fn with(more: &str) -> String {
    vector(&["0.25"]).replacen('{', &format!("{{{more},"), 1)
}

#[tokio::test]
async fn every_sample_of_a_vector_must_hold() {
    passes(&told(200, &vector(&["0.25"])).await);
    passes(&told(200, &vector(&["0.25", "-7", "1e-3"])).await);
    fails(&told(200, &vector(&["0.25", "0.5"])).await, "0.5, expected < 0.5: {pod=\"p1\"}");
    fails(&told(200, &vector(&["NaN"])).await, "NaN cannot be compared, expected < 0.5");
    for infinite in ["+Inf", "-Inf", "1e999"] {
        fails(&told(200, &vector(&["0.25", infinite])).await, "inf cannot be compared, expected < 0.5");
    }
    fails(&told(200, &vector(&[])).await, "no series matches it");
}

#[tokio::test]
async fn a_scalar_is_compared_and_anything_else_cannot_be() {
    let of = |kind: &str, result: &str| {
        format!(r#"{{"status":"success","data":{{"resultType":"{kind}","result":{result}}}}}"#)
    };
    passes(&told(200, &of("scalar", "[1,\"0.1\"]")).await);
    fails(&told(200, &of("scalar", "[1,\"x\"]")).await, "not a number");
    fails(&told(200, &of("string", "[1,\"x\"]")).await, "the result is a string");
    fails(&told(200, &of("matrix", "[]")).await, "the result is a matrix");
    fails(&told(200, &of("vector", r#"[{"metric":{},"histogram":[1,{}]}]"#)).await, "histogram");
    let refusal = r#"{"status":"error","errorType":"bad_data","error":"parse error"}"#;
    fails(&told(400, refusal).await, "bad_data: parse error");
    fails(&told(200, refusal).await, "bad_data: parse error");
    fails(&told(503, "<html>").await, "status 503, and not an answer of Prometheus");
    fails(&told(403, r#"{"message":"who are you?"}"#).await, "status 403, and not an answer of Prometheus");
}

#[tokio::test]
async fn a_success_with_another_status_is_no_answer() {
    for status in [203, 206, 302, 401, 404, 500, 503] {
        let seen = told(status, &vector(&["0.25"])).await;
        fails(&seen, &format!("status {status}, although the body tells of success"));
    }
}

#[tokio::test]
async fn a_partial_answer_cannot_be_evaluated() {
    for more in [
        r#""isPartial":true"#,
        r#""isPartial":"true""#,
        r#""warnings":["partial response: store unavailable"]"#,
        r#""warnings":["No StoreAPIs matched for this query"]"#,
        r#""warnings":["PromQL info: harmless","receive series from Addr: 10.0.0.1: rpc error: code = Unavailable"]"#,
        r#""warnings":["remote_read: remote server returned HTTP status 503: connection refused"]"#,
        r#""warnings":["returned HTTP status 502 Bad Gateway"]"#,
        r#""warnings":["remote_read: something"]"#,
        r#""warnings":["be careful"]"#,
        r#""warnings":"partial response""#,
        r#""isPartial":true,"warnings":["PromQL warning: quantile value should be between 0 and 1, got 2"]"#,
    ] {
        fails(&told(200, &with(more)).await, "the answer is partial");
    }
}

#[tokio::test]
async fn a_success_with_an_error_or_with_partial_data_is_none() {
    let seen = told(200, &with(r#""errorType":"execution","error":"one of two stores failed""#)).await;
    fails(&seen, "execution: one of two stores failed");
    fails(&told(200, &with(r#""errorType":"timeout""#)).await, "the query failed: timeout");
    let within =
        vector(&["0.25"]).replacen("\"data\":{", "\"isPartial\":false,\"data\":{\"isPartial\":true,", 1);
    assert!(within.contains("isPartial"));
    fails(&told(200, &within).await, "the answer is partial");
}

#[tokio::test]
async fn warnings_of_the_query_are_shown() {
    let warning = "PromQL warning: bucket label \\\"le\\\" is missing or has a malformed value";
    let seen = told(200, &with(&format!(r#""warnings":["{warning}"]"#))).await;
    passes(&seen);
    let reason = seen.reason.unwrap();
    assert!(reason.starts_with("0.25, expected < 0.5; warning: PromQL warning: bucket label"), "{reason}");
    let failing = vector(&["0.7"]).replacen('{', r#"{"warnings":["PromQL info: careful"],"#, 1);
    fails(&told(200, &failing).await, "0.7, expected < 0.5: {pod=\"p0\"}; warning: PromQL info: careful");
    for harmless in [
        r#""infos":["PromQL info: metric might not be a counter"]"#,
        r#""error":"","errorType":null"#,
        r#""isPartial":false"#,
        r#""isPartial":null,"warnings":null"#,
        r#""warnings":[]"#,
    ] {
        let seen = told(200, &with(harmless)).await;
        assert_eq!((seen.passed, seen.reason.as_deref()), (true, Some("0.25, expected < 0.5")), "{harmless}");
    }
}

#[tokio::test]
async fn complete_answers_are_asked_for() {
    for (tail, want) in [
        ("", vec![("query", QUERY), ("partial_response", "false"), ("deny_partial_response", "1")]),
        (
            "/?tenant=a+b&partial_response=true",
            vec![
                ("tenant", "a b"),
                ("partial_response", "true"),
                ("query", QUERY),
                ("deny_partial_response", "1"),
            ],
        ),
    ] {
        let server = answering(ResponseTemplate::new(200).set_body_string(vector(&["0.1"]))).await;
        passes(&see(Check::Prometheus(check(&format!("{}{tail}", server.uri())))).await);
        let asked = server.received_requests().await.unwrap();
        let pairs: Vec<_> = asked[0].url.query_pairs().into_owned().collect();
        assert_eq!(pairs, want.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect::<Vec<_>>());
        let query = asked[0].url.query().unwrap();
        assert!(query.contains("a%20b"), "a plus would be signed as one: {query}");
    }
}

#[tokio::test]
async fn an_answer_larger_than_a_mebibyte_is_none() {
    let server = answering(ResponseTemplate::new(200).set_body_string(" ".repeat(MAX_BODY_BYTES + 1))).await;
    fails(&see(Check::Prometheus(check(&server.uri()))).await, "larger than 1 MiB");
}

#[tokio::test]
async fn headers_and_credentials_are_sent_and_never_shown() {
    const SECRET: &str = "s3cr3t/+t0ken";
    let other = answering(ResponseTemplate::new(200).set_body_string(vector(&["0.1"]))).await;
    let tenant = || sending("X-Scope-OrgID", "shop-s3cr3t-tenant");
    let with = |credentials| Access { credentials: Some(credentials), ..tenant() };
    let basic = Credentials::Basic { username: "chaos".to_owned(), password: Hidden(SECRET.to_owned()) };
    let mut by_header = tenant();
    by_header.headers.extend(sending("authorization", &format!("Token {SECRET}")).headers);
    for (access, sent) in [
        (with(Credentials::Bearer(Hidden(SECRET.to_owned()))), format!("Bearer {SECRET}")),
        (with(basic), "Basic Y2hhb3M6czNjcjN0Lyt0MGtlbg==".to_owned()),
        (by_header, format!("Token {SECRET}")),
    ] {
        // The server repeats all that it was sent, in each form in which it may be shown.
        let server = MockServer::start().await;
        let repeated =
            format!("{sent} {SECRET} {} shop-s3cr3t-tenant", SECRET.replace('/', "%2F").replace('+', "%2B"));
        let label = json!({ "status": "success", "warnings": [repeated], "data": { "resultType": "vector",
            "result": [{ "metric": { "token": SECRET }, "value": [1, "0.7"] }] } });
        let refusal = json!({ "status": "error", "errorType": SECRET, "error": repeated });
        for (status, body) in [(200, label), (400, refusal), (401, json!({ "message": repeated }))] {
            Mock::given(any())
                .respond_with(ResponseTemplate::new(status).set_body_json(body))
                .up_to_n_times(1)
                .mount(&server)
                .await;
        }
        let redirect = ResponseTemplate::new(302).insert_header("location", other.uri());
        Mock::given(any()).respond_with(redirect).mount(&server).await;
        for _ in 0..4 {
            let seen =
                see(Check::Prometheus(PrometheusCheck { access: access.clone(), ..check(&server.uri()) }))
                    .await;
            fails(&seen, "");
            let reason = seen.reason.unwrap();
            assert!(!reason.contains("s3cr3t") && !reason.contains("Y2hhb3M6"), "{reason}");
        }
        let asked = server.received_requests().await.unwrap();
        assert_eq!(asked.len(), 4);
        for request in asked {
            assert_eq!(request.headers["authorization"], sent.as_str());
            assert!(!format!("{access:?}").contains("s3cr3t"));
        }
    }
    assert!(other.received_requests().await.unwrap().is_empty(), "a redirect is not followed");
}
