//! An instant query of Prometheus, or of anything that speaks its API, is as expected.

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::Value;

use super::{Look, body, unanswered};
use crate::model::Expectation;

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
        let mut answer = self.client.get(url).send().await.map_err(unanswered)?;
        let status = answer.status();
        let (body, whole) = body(&mut answer).await?;
        if !whole {
            return Err("the answer is larger than 1 MiB".to_owned());
        }
        let answer: Answer = serde_json::from_slice(&body).map_err(|_| {
            format!(
                "status {}, and not an answer of Prometheus: url is what stands before /api/v1/query",
                status.as_u16()
            )
        })?;
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
            one(&value, expect)
        }
        "vector" => {
            let all: Vec<Series> = serde_json::from_value(data.result).map_err(unreadable)?;
            if all.is_empty() {
                return Err("the query has no result: no series matches it now".to_owned());
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
                (Some(seen), 1) => seen,
                (_, count) => format!("{count} samples, each {expect}"),
            })
        }
        other => Err(format!("the result is a {other}; an instant vector or a scalar is needed")),
    }
}

fn one(value: &str, expect: Expectation) -> Result<String, String> {
    let value: f64 = value.parse().map_err(|_| "the result holds what is not a number".to_owned())?;
    expect.compare(value)
}

/// Which series it was, as queries name it.
fn named(series: &Series) -> String {
    let mut name = "";
    let mut labels = Vec::new();
    for (label, value) in &series.metric {
        match value {
            Value::String(value) if label == "__name__" => name = value,
            value => labels.push(format!("{label}={value}")),
        }
    }
    match (name, labels.join(",")) {
        ("", labels) if labels.is_empty() => String::new(),
        (name, labels) => format!(": {name}{{{labels}}}"),
    }
}
