//! Tests of Bitbucket's Code Insights, with a token and through the proxy of a pipeline.

use std::time::Duration;

use faultgate_core::model::ForgeKind;
use faultgate_core::secret::Secret;
use faultgate_report::forge::Subject;
use faultgate_report::forge::insights::{CodeInsights, Datum, DatumValue, Report};
use faultgate_testkit::forges::scripted::*;
use serde_json::json;

fn report() -> Report {
    let datum = |title: &str, value| Datum { title: title.to_owned(), value };
    Report {
        title: "faultgate".to_owned(),
        details: "az-latency: 83 of\n100".to_owned(),
        passed: Some(false),
        link: Some("https://ci.example/run/1".to_owned()),
        data: vec![
            datum("Score", DatumValue::Percentage(83.5)),
            datum("Experiments", DatumValue::Number(2.0)),
            datum("Verdict", DatumValue::Text("failed".to_owned())),
            datum("Took", DatumValue::Duration(Duration::from_millis(61_500))),
            datum("Steady", DatumValue::Yes(true)),
        ],
    }
}

fn body() -> serde_json::Value {
    json!({
        "title": "faultgate",
        "details": "az-latency: 83 of 100",
        "report_type": "TEST",
        "reporter": "faultgate",
        "result": "FAILED",
        "link": "https://ci.example/run/1",
        "data": [
            { "title": "Score", "type": "PERCENTAGE", "value": 83.5 },
            { "title": "Experiments", "type": "NUMBER", "value": 2.0 },
            { "title": "Verdict", "type": "TEXT", "value": "failed" },
            { "title": "Took", "type": "DURATION", "value": 61500 },
            { "title": "Steady", "type": "BOOLEAN", "value": true },
        ],
    })
}

fn reports() -> String {
    format!("/2.0/repositories/shop/web/commit/{SHA}/reports/faultgate-1%2F2")
}

#[tokio::test]
async fn a_report_is_put_with_the_token() {
    let stand = Stand::new(vec![step("PUT", &reports(), Some(body()), answer(200, body()))]).await;
    let subject = subject(ForgeKind::Bitbucket, &format!("{}/2.0", stand.url()));
    let insights = CodeInsights::with_token(&subject, &Secret::new(TOKEN), client()).unwrap();
    insights.put("faultgate-1/2", &report()).await.unwrap();
    let requests = stand.verify().await;
    assert_eq!(header(&requests[0], "authorization"), [format!("Bearer {TOKEN}")]);
}

#[tokio::test]
async fn inside_a_pipeline_its_proxy_needs_no_token() {
    let stand = Stand::new(vec![step("PUT", &reports(), Some(body()), answer(200, body()))]).await;
    let subject = subject(ForgeKind::Bitbucket, "https://api.bitbucket.org/2.0");
    let insights = CodeInsights::through_proxy(&subject, &stand.url()).unwrap();
    insights.put("faultgate-1/2", &report()).await.unwrap();
    let requests = stand.verify().await;
    assert_eq!(requests[0].url.host_str(), Some("api.bitbucket.org"), "the proxy is told where to");
    assert_eq!(requests[0].url.scheme(), "http");
    assert!(header(&requests[0], "authorization").is_empty());
}

#[tokio::test]
async fn a_report_without_a_result_is_pending_and_takes_ten_fields() {
    let stand = Stand::echoing().await;
    let subject = subject(ForgeKind::Bitbucket, &stand.url());
    let insights = CodeInsights::with_token(&subject, &Secret::new(TOKEN), client()).unwrap();
    let mut many = Report { passed: None, link: Some("ftp://x".to_owned()), ..report() };
    many.data = (0..3).flat_map(|_| report().data).collect();
    insights.put("k", &many).await.unwrap();
    insights.put("k", &Report { passed: Some(true), ..many }).await.unwrap();
    let bodies: Vec<_> = stand
        .requests()
        .await
        .iter()
        .map(|r| faultgate_testkit::forges::scripted::body(r).unwrap())
        .collect();
    assert_eq!((&bodies[0]["result"], &bodies[1]["result"]), (&json!("PENDING"), &json!("PASSED")));
    assert_eq!(bodies[0]["data"].as_array().unwrap().len(), 10);
    assert_eq!(bodies[0].get("link"), None);
}

#[test]
fn a_report_needs_a_commit() {
    let subject = Subject { commit: None, ..subject(ForgeKind::Bitbucket, "https://api.bitbucket.org/2.0") };
    let error = CodeInsights::through_proxy(&subject, "http://localhost:29418").err().unwrap();
    assert_eq!(error.why, "the commit of the report is not known: set `commit`");
}
