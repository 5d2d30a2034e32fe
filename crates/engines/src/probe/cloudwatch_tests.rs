//! Answers of CloudWatch that say nothing about the system.

use std::time::Duration;

use jiff::Timestamp;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use super::tests::{PATIENT, connector, fails, passes};
use super::*;
use faultgate_core::model::{Comparison, Expectation, MetricCheck};
use faultgate_net::aws::connect_embedded;

const NAME: &str = "shop-5xx";

fn answer(operation: &str, inner: &str) -> String {
    format!(
        "<{operation}Response xmlns=\"http://monitoring.amazonaws.com/doc/2010-08-01/\"><{operation}Result>{inner}\
         </{operation}Result></{operation}Response>"
    )
}

async fn evaluate(check: Check, answer: impl Fn(&Request) -> String + Send + Sync + 'static) -> Evaluation {
    let server = MockServer::start().await;
    let respond = move |request: &Request| ResponseTemplate::new(200).set_body_string(answer(request));
    Mock::given(any()).respond_with(respond).mount(&server).await;
    let sdk = connect_embedded(&server.uri(), None).unwrap();
    connector().connect(&check, Some(&sdk)).unwrap().evaluate().await
}

async fn alarm(inner: &str) -> Evaluation {
    let told = answer("DescribeAlarms", inner);
    evaluate(Check::CloudwatchAlarm { name: NAME.to_owned(), within: PATIENT }, move |_| told.clone()).await
}

fn told_of(name: &str) -> String {
    format!("<member><AlarmName>{name}</AlarmName><StateValue>OK</StateValue></member>")
}

#[tokio::test]
async fn an_alarm_is_the_very_one_that_was_asked_for() {
    let ok = told_of(NAME);
    passes(&alarm(&format!("<MetricAlarms>{ok}</MetricAlarms>")).await);
    passes(&alarm(&format!("<CompositeAlarms>{ok}</CompositeAlarms>")).await);
    let other = told_of("shop-5xx-2");
    let nameless = "<member><StateValue>OK</StateValue></member>";
    for (inner, why) in [
        (String::new(), "there is no alarm of that name"),
        (format!("<MetricAlarms>{other}</MetricAlarms>"), "an alarm of another name"),
        (format!("<MetricAlarms>{nameless}</MetricAlarms>"), "an alarm of another name"),
        (format!("<MetricAlarms>{ok}{other}</MetricAlarms>"), "told of 2 alarms"),
        (
            format!("<MetricAlarms>{ok}</MetricAlarms><CompositeAlarms>{ok}</CompositeAlarms>"),
            "told of 2 alarms",
        ),
        (format!("<MetricAlarms>{ok}</MetricAlarms><NextToken>more</NextToken>"), "told of more alarms"),
        (format!("<MetricAlarms><member><AlarmName>{NAME}</AlarmName></member></MetricAlarms>"), "no state"),
    ] {
        fails(&alarm(&inner).await, why);
    }
}

/// Builds one result, whose newest value is this many seconds before the end of the time that was asked for.
fn result(status: &str, values: &[(i64, &str)], more: &str) -> impl Fn(i64) -> String {
    let (status, more) = (status.to_owned(), more.to_owned());
    let values: Vec<(i64, String)> = values.iter().map(|(ago, value)| (*ago, (*value).to_owned())).collect();
    move |end| {
        let member = |text: &str| format!("<member>{text}</member>");
        let times = values.iter().map(|(ago, _)| Timestamp::from_second(end - ago).unwrap());
        let times: String = times.map(|time| member(&time.to_string())).collect();
        let values: String = values.iter().map(|(_, value)| member(value)).collect();
        format!(
            "<member><Id>probe</Id><Label>Errors</Label><StatusCode>{status}</StatusCode>\
             <Timestamps>{times}</Timestamps><Values>{values}</Values>{more}</member>"
        )
    }
}

fn metric(expression: Option<&str>) -> Check {
    Check::CloudwatchMetric(MetricCheck {
        namespace: expression.is_none().then(|| "Shop".to_owned()),
        metric: expression.is_none().then(|| "Errors".to_owned()),
        dimensions: BTreeMap::new(),
        statistic: "Sum".to_owned(),
        expression: expression.map(ToOwned::to_owned),
        period: Duration::from_secs(60),
        expect: Expectation { comparison: Comparison::Less, value: 5.0 },
        within: PATIENT,
    })
}

/// Returns the end of the time that a request asks for.
fn end_of(request: &Request) -> i64 {
    let body = String::from_utf8_lossy(&request.body).replace("%3A", ":");
    let end = body.split('&').find_map(|pair| pair.strip_prefix("EndTime=")).unwrap();
    end.parse::<Timestamp>().unwrap().as_second()
}

async fn measured(
    results: Vec<impl Fn(i64) -> String + Send + Sync + 'static>,
    more: &'static str,
) -> Evaluation {
    evaluate(metric(None), move |request| {
        let results: String = results.iter().map(|result| result(end_of(request))).collect();
        answer("GetMetricData", &format!("<MetricDataResults>{results}</MetricDataResults>{more}"))
    })
    .await
}

#[tokio::test]
async fn the_newest_value_of_a_complete_result_counts() {
    let seen = measured(vec![result("Complete", &[(60, "2"), (120, "9")], "")], "").await;
    assert_eq!((seen.passed, seen.reason.as_deref()), (true, Some("2, expected < 5")));
    // The order of the values does not matter.
    let seen = measured(vec![result("Complete", &[(120, "9"), (60, "2"), (180, "9")], "")], "").await;
    assert_eq!((seen.passed, seen.reason.as_deref()), (true, Some("2, expected < 5")));
    fails(&measured(vec![result("Complete", &[(60, "9")], "")], "").await, "9, expected < 5: Errors");
}

#[tokio::test]
async fn what_is_not_whole_cannot_be_evaluated() {
    const GOOD: &[(i64, &str)] = &[(60, "2")];
    let message = "<Messages><member><Code>ArithmeticError</Code><Value>a value is not finite</Value></member></Messages>";
    for (result, why) in [
        (result("PartialData", GOOD, ""), "its status is PartialData"),
        (result("InternalError", GOOD, ""), "its status is InternalError"),
        (result("Forbidden", GOOD, ""), "its status is Forbidden"),
        (result("Perhaps", GOOD, ""), "its status is Perhaps"),
        (result("Complete", &[(60, "NaN")], ""), "NaN cannot be compared"),
        (result("Complete", &[(60, "-INF")], ""), "-inf cannot be compared"),
        (result("Complete", &[], ""), "no data in the last 3 periods of 1m: Errors"),
        (result("Complete", &[(240, "2")], ""), "a value of another time"),
        (result("Complete", &[(0, "2")], ""), "a value of another time"),
        (result("Complete", GOOD, message), "could not evaluate it: ArithmeticError: a value is not finite"),
    ] {
        fails(&measured(vec![result], "").await, why);
    }
    let good = || result("Complete", GOOD, "");
    fails(&measured(vec![good()], "<NextToken>more</NextToken>").await, "only a part of the data");
    let refused = "<Messages><member><Value>too many metrics</Value></member></Messages>";
    fails(&measured(vec![good()], refused).await, "could not evaluate it: too many metrics");
    fails(&measured(vec![good(), good()], "").await, "2 results for one metric");
    fails(&measured(Vec::<fn(i64) -> String>::new(), "").await, "CloudWatch gave no result");
    let of_another = move |end| good()(end).replace("<Id>probe</Id>", "<Id>q1</Id>");
    fails(&measured(vec![of_another], "").await, "the result of another query");
    let untimed = move |end: i64| {
        result("Complete", GOOD, "")(end).replace("<Timestamps>", "<x>").replace("</Timestamps>", "</x>")
    };
    fails(&measured(vec![untimed], "").await, "1 values for 0 times");
}

#[tokio::test]
async fn every_result_of_an_expression_must_hold() {
    let asked = |values: [&'static str; 2]| {
        evaluate(metric(Some("SELECT MAX(x) FROM y GROUP BY z")), move |request| {
            let end = end_of(request);
            let results: String = values.map(|value| result("Complete", &[(60, value)], "")(end)).concat();
            answer("GetMetricData", &format!("<MetricDataResults>{results}</MetricDataResults>"))
        })
    };
    let seen = asked(["2", "3"]).await;
    assert_eq!((seen.passed, seen.reason.as_deref()), (true, Some("2 results, each < 5")));
    fails(&asked(["2", "7"]).await, "7, expected < 5: Errors");
}
