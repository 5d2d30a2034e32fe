//! Answers of CloudWatch that say nothing about the system.

use std::time::Duration;

use serde_json::{Value, json};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use super::tests::{PATIENT, connector, fails, passes};
use super::*;
use faultgate_core::model::{Comparison, Expectation, MetricCheck};
use faultgate_net::aws::connect_embedded;

const NAME: &str = "shop-5xx";

async fn evaluate(check: Check, answer: impl Fn(&Request) -> Value + Send + Sync + 'static) -> Evaluation {
    let server = MockServer::start().await;
    let respond = move |request: &Request| ResponseTemplate::new(200).set_body_json(answer(request));
    Mock::given(any()).respond_with(respond).mount(&server).await;
    let sdk = connect_embedded(&server.uri(), None).unwrap();
    connector().connect(&check, Some(&sdk)).unwrap().evaluate().await
}

async fn alarm(told: Value) -> Evaluation {
    evaluate(Check::CloudwatchAlarm { name: NAME.to_owned(), within: PATIENT }, move |_| told.clone()).await
}

#[tokio::test]
async fn an_alarm_is_the_very_one_that_was_asked_for() {
    let told_of = |name: &str| json!({"AlarmName": name, "StateValue": "OK"});
    let (ok, other) = (told_of(NAME), told_of("shop-5xx-2"));
    passes(&alarm(json!({"MetricAlarms": [ok]})).await);
    passes(&alarm(json!({"MetricAlarms": null, "CompositeAlarms": [ok]})).await);
    for (told, why) in [
        (json!({}), "there is no alarm of that name"),
        (json!({"MetricAlarms": [other]}), "an alarm of another name"),
        (json!({"MetricAlarms": [{"StateValue": "OK"}]}), "an alarm of another name"),
        (json!({"MetricAlarms": [ok, other]}), "told of 2 alarms"),
        (json!({"MetricAlarms": [ok], "CompositeAlarms": [ok]}), "told of 2 alarms"),
        (json!({"MetricAlarms": [ok], "NextToken": "more"}), "told of more alarms"),
        (json!({"MetricAlarms": [{"AlarmName": NAME}]}), "no state"),
        (json!({"MetricAlarms": [{"AlarmName": NAME, "StateValue": 1}]}), "none that DescribeAlarms gives"),
        (json!(null), "none that DescribeAlarms gives"),
    ] {
        fails(&alarm(told).await, why);
    }
}

/// Builds one result, whose newest value is this many seconds before the end of the time that was asked for.
fn result(status: &'static str, values: Vec<(i64, Value)>) -> impl Fn(i64) -> Value {
    move |end| {
        let times: Vec<i64> = values.iter().map(|(ago, _)| end - ago).collect();
        let values: Vec<&Value> = values.iter().map(|(_, value)| value).collect();
        json!({"Id": "probe", "Label": "Errors", "StatusCode": status, "Timestamps": times, "Values": values})
    }
}

/// Changes a member of a result.
fn with(result: impl Fn(i64) -> Value, name: &'static str, value: Value) -> impl Fn(i64) -> Value {
    move |end| {
        let mut result = result(end);
        result[name] = value.clone();
        result
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
    request.body_json::<Value>().unwrap()["EndTime"].as_i64().unwrap()
}

type Told = Box<dyn Fn(i64) -> Value + Send + Sync>;

async fn measured(results: Vec<Told>, more: Value) -> Evaluation {
    evaluate(metric(None), move |request| {
        let mut answer = more.clone();
        answer["MetricDataResults"] = results.iter().map(|result| result(end_of(request))).collect();
        answer
    })
    .await
}

#[tokio::test]
async fn the_newest_value_of_a_complete_result_counts() {
    let told = |values: &[(i64, i64)]| -> Vec<Told> {
        let values = values.iter().map(|(ago, value)| (*ago, json!(value))).collect();
        vec![Box::new(result("Complete", values))]
    };
    let seen = measured(told(&[(60, 2), (120, 9)]), json!({})).await;
    assert_eq!((seen.passed, seen.reason.as_deref()), (true, Some("2, expected < 5")));
    // The order of the values does not matter.
    let seen = measured(told(&[(120, 9), (60, 2), (180, 9)]), json!({})).await;
    assert_eq!((seen.passed, seen.reason.as_deref()), (true, Some("2, expected < 5")));
    fails(&measured(told(&[(60, 9)]), json!({})).await, "9, expected < 5: Errors");
}

#[tokio::test]
async fn what_is_not_whole_cannot_be_evaluated() {
    let one = |status: &'static str, ago: i64, value: Value| result(status, vec![(ago, value)]);
    let good = || one("Complete", 60, json!(2));
    let message = json!([{"Code": "ArithmeticError", "Value": "a value is not finite"}]);
    let results: [(Told, &str); 15] = [
        (Box::new(one("PartialData", 60, json!(2))), "its status is PartialData"),
        (Box::new(one("InternalError", 60, json!(2))), "its status is InternalError"),
        (Box::new(one("Forbidden", 60, json!(2))), "its status is Forbidden"),
        (Box::new(one("Perhaps", 60, json!(2))), "its status is Perhaps"),
        (Box::new(with(good(), "StatusCode", Value::Null)), "its status is not told"),
        (Box::new(one("Complete", 60, json!("NaN"))), "NaN cannot be compared"),
        (Box::new(one("Complete", 60, json!("-Infinity"))), "-inf cannot be compared"),
        (Box::new(one("Complete", 60, json!("two"))), "none that GetMetricData gives"),
        (Box::new(result("Complete", Vec::new())), "no data in the last 3 periods of 1m: Errors"),
        (Box::new(one("Complete", 240, json!(2))), "a value of another time"),
        (Box::new(one("Complete", 0, json!(2))), "a value of another time"),
        (Box::new(with(good(), "Timestamps", json!([1e300]))), "a value of another time"),
        (
            Box::new(with(good(), "Messages", message)),
            "could not evaluate it: ArithmeticError: a value is not finite",
        ),
        (Box::new(with(good(), "Id", json!("q1"))), "the result of another query"),
        (Box::new(with(good(), "Timestamps", Value::Null)), "1 values for 0 times"),
    ];
    for (result, why) in results {
        fails(&measured(vec![result], json!({})).await, why);
    }
    let many = |count: usize| -> Vec<Told> { (0..count).map(|_| -> Told { Box::new(good()) }).collect() };
    fails(&measured(many(1), json!({"NextToken": "more"})).await, "only a part of the data");
    let refused = json!({"Messages": [{"Value": "too many metrics"}]});
    fails(&measured(many(1), refused).await, "could not evaluate it: too many metrics");
    fails(&measured(many(2), json!({})).await, "2 results for one metric");
    fails(&measured(many(0), json!({})).await, "CloudWatch gave no result");
}

#[tokio::test]
async fn every_result_of_an_expression_must_hold() {
    let asked = |values: [i64; 2]| {
        evaluate(metric(Some("SELECT MAX(x) FROM y GROUP BY z")), move |request| {
            let end = end_of(request);
            let results = values.map(|value| result("Complete", vec![(60, json!(value))])(end));
            json!({"MetricDataResults": results})
        })
    };
    let seen = asked([2, 3]).await;
    assert_eq!((seen.passed, seen.reason.as_deref()), (true, Some("2 results, each < 5")));
    fails(&asked([2, 7]).await, "7, expected < 5: Errors");
}
