//! An instant query of Prometheus, or of anything that speaks its API, is as expected.

use std::time::Duration;

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::Value;

use super::{Look, body, unanswered};
use crate::model::Expectation;

/// The caller's limit is the one that counts.
const NO_LIMIT: Duration = Duration::from_hours(24);

pub(super) struct Prometheus {
    pub(super) client: reqwest::Client,
    pub(super) url: String,
    pub(super) query: String,
    pub(super) expect: Expectation,
}

#[derive(Deserialize)]
struct Answer {
    status: String,
    data: Option<Data>,
    #[serde(rename = "errorType")]
    error_type: Option<String>,
    error: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    result_type: String,
    result: Value,
}

/// A time, and a number as text.
type Point = (f64, String);

#[derive(Deserialize)]
struct Series {
    #[serde(default)]
    metric: serde_json::Map<String, Value>,
    /// None where it is a histogram.
    value: Option<Point>,
}

#[async_trait]
impl Look for Prometheus {
    async fn look(&self) -> Result<String, String> {
        let mut url = reqwest::Url::parse(&self.url).map_err(|_| "its URL is not one".to_owned())?;
        let path = format!("{}/api/v1/query", url.path().trim_end_matches('/'));
        url.set_path(&path);
        url.query_pairs_mut().append_pair("query", &self.query);
        let mut answer = self.client.get(url).timeout(NO_LIMIT).send().await.map_err(unanswered)?;
        let status = answer.status();
        let (body, whole) = body(&mut answer).await?;
        if !whole {
            return Err("the answer is larger than 1 MiB".to_owned());
        }
        let answer: Answer = serde_json::from_slice(&body)
            .map_err(|_| format!("status {}, and the answer is not Prometheus's", status.as_u16()))?;
        match answer.data {
            Some(data) if answer.status == "success" => judge(data, self.expect),
            _ => {
                let kind = answer.error_type.unwrap_or_else(|| answer.status.clone());
                Err(format!("the query failed: {kind}: {}", answer.error.unwrap_or_default()))
            }
        }
    }
}

fn judge(data: Data, expect: Expectation) -> Result<String, String> {
    let unreadable = |_| "the result cannot be read".to_owned();
    match data.result_type.as_str() {
        "scalar" => {
            let (_, value): Point = serde_json::from_value(data.result).map_err(unreadable)?;
            one(&value, expect).map(|seen| format!("{seen} is {expect}"))
        }
        "vector" => {
            let all: Vec<Series> = serde_json::from_value(data.result).map_err(unreadable)?;
            if all.is_empty() {
                return Err("the result is empty: it cannot be evaluated".to_owned());
            }
            let mut first = None;
            for series in &all {
                let Some((_, value)) = &series.value else {
                    return Err("the result holds a histogram, which cannot be compared".to_owned());
                };
                let seen = one(value, expect).map_err(|why| format!("{why}{}", named(series)))?;
                first.get_or_insert(seen);
            }
            Ok(match (first, all.len()) {
                (Some(value), 1) => format!("{value} is {expect}"),
                (_, count) => format!("all {count} samples are {expect}"),
            })
        }
        other => Err(format!("the result is a {other}; an instant vector or a scalar is needed")),
    }
}

fn one(value: &str, expect: Expectation) -> Result<f64, String> {
    let value: f64 = value.parse().map_err(|_| "the result holds what is not a number".to_owned())?;
    if expect.holds(value) { Ok(value) } else { Err(format!("{value} is not {expect}")) }
}

/// Which series it was.
fn named(series: &Series) -> String {
    let labels: Vec<String> = series.metric.iter().map(|(name, value)| format!("{name}={value}")).collect();
    if labels.is_empty() { String::new() } else { format!(" for {{{}}}", labels.join(",")) }
}
