//! The probe `prometheus`: an instant query of Prometheus, or of anything that speaks its API, is as
//! expected.
//!
//! An answer that may not be made of all data is a failure, since it says nothing of the rest.

use std::time::SystemTime;

use aws_config::SdkConfig;
use faultgate_core::url;
use reqwest::{Request, StatusCode, Url};
use serde::Deserialize;
use serde_json::Value;

use super::access::with_access;
use super::answer::{body, explain_silence};
use super::question::ProbeQuestion;
use faultgate_config::Veil;
use faultgate_core::clock::Clock;
use faultgate_core::model::{Expectation, PrometheusCheck};
use faultgate_net::aws::Signer;

/// Parameters by which Thanos and VictoriaMetrics give no answer rather than a partial one. Other servers
/// ignore them.
const NO_PARTIAL_ANSWER: [(&str, &str); 2] = [("partial_response", "false"), ("deny_partial_response", "1")];
/// The end of the names of hosts that refuse parameters which they do not know.
const STRICT_HOSTS: &str = "googleapis.com";
/// Beginnings of warnings that are about the query and not about the origin of its data. Any other warning
/// may say that data are missing, in words that nobody can list.
const OF_THE_QUERY: [&str; 2] = ["promql warning", "promql info"];
/// A query, and the result that it should have.
pub(super) struct PrometheusProbe {
    pub(super) client: reqwest::Client,
    pub(super) check: PrometheusCheck,
    /// The signature of requests; `None` if they are not signed.
    pub(super) signing: Option<SignedFor>,
}

/// The signature of requests to Amazon Managed Service for Prometheus in one Region.
pub(super) struct SignedFor {
    region: String,
    signer: Signer,
    clock: Clock,
}

impl SignedFor {
    /// Makes the signature. The error is that there are no credentials.
    pub(super) fn new(region: &str, sdk: Option<&SdkConfig>, clock: Clock) -> Result<Self, String> {
        Ok(Self { region: region.to_owned(), signer: Signer::new("aps", sdk)?, clock })
    }

    /// Adds the signature to a request, and returns the veil over what no reason may repeat.
    async fn sign(&self, request: &mut Request) -> Result<Veil, String> {
        let now = SystemTime::try_from(self.clock.now()).map_err(|error| error.to_string())?;
        let signed = self.signer.sign(request, &self.region, now).await;
        signed.map(Veil::over).map_err(|failure| failure.why)
    }
}

/// An answer of Prometheus.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct QueryAnswer {
    status: String,
    data: Option<QueryData>,
    error_type: Option<String>,
    error: Option<String>,
    #[serde(default)]
    warnings: Value,
    #[serde(default)]
    is_partial: Value,
}

/// The answer of AWS to a request that is not signed, or signed by somebody else.
#[derive(Deserialize)]
struct AwsRefusal {
    #[serde(alias = "Message")]
    message: String,
}

/// The data of an answer.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct QueryData {
    result_type: String,
    result: Value,
    #[serde(default)]
    is_partial: Value,
}

/// A time, and a number as text.
type Point = (f64, String);

/// One series of an instant vector.
#[derive(Deserialize)]
struct Series {
    #[serde(default)]
    metric: serde_json::Map<String, Value>,
    /// `None` if the value is a histogram.
    value: Option<Point>,
}

impl ProbeQuestion for PrometheusProbe {
    async fn ask(&self) -> Result<String, String> {
        let request = self.client.get(self.address()?);
        let mut request = with_access(request, &self.check.access).build().map_err(explain_silence)?;
        let veil = match &self.signing {
            Some(signing) => Some(signing.sign(&mut request).await?),
            None => None,
        };
        let mut answer = self.client.execute(request).await.map_err(explain_silence)?;
        let status = answer.status();
        let (body, whole) = body(&mut answer).await?;
        if !whole {
            return Err("the answer is larger than 1 MiB".to_owned());
        }
        let hide = |said: String| veil.as_ref().map_or_else(|| said.clone(), |veil| veil.hide(&said));
        judge(status, &body, self.check.expect, veil.is_some()).map(hide).map_err(hide)
    }
}

impl PrometheusProbe {
    /// Returns the URL of the query.
    fn address(&self) -> Result<Url, String> {
        let mut url = Url::parse(&self.check.url.0).map_err(|_| "its URL is not one".to_owned())?;
        let path = format!("{}/api/v1/query", url.path().trim_end_matches('/'));
        url.set_path(&path);
        url.set_fragment(None);
        // A space is escaped as `%20`, since a `+` would be signed as a plus.
        let query = url::escape(&self.check.query);
        let mut pairs = vec![format!("query={query}")];
        if url.host_str().is_none_or(|host| !host.ends_with(STRICT_HOSTS)) {
            let is_set = |name: &str| url.query_pairs().any(|(set, _)| set == name);
            let unset = NO_PARTIAL_ANSWER.iter().filter(|(name, _)| !is_set(name));
            pairs.extend(unset.map(|(name, value)| format!("{name}={value}")));
        }
        // Parameters of the user's own URL stay, and come first.
        let own = url.query().filter(|own| !own.is_empty()).map(ToOwned::to_owned);
        pairs.splice(0..0, own);
        url.set_query(Some(&pairs.join("&")));
        Ok(url)
    }
}

/// Judges an answer.
fn judge(status: StatusCode, body: &[u8], expect: Expectation, is_signed: bool) -> Result<String, String> {
    let answer: QueryAnswer = serde_json::from_slice(body).map_err(|_| foreign(status, body, is_signed))?;
    let error = answer.error.filter(|error| !error.is_empty());
    let kind = answer.error_type.filter(|kind| !kind.is_empty());
    let data = match answer.data {
        Some(data) if answer.status == "success" && error.is_none() && kind.is_none() => data,
        _ => {
            let kind = kind.unwrap_or(answer.status);
            return Err(format!("the query failed: {kind}: {}", error.unwrap_or_default()));
        }
    };
    // Other statuses of success are those of proxies and of partial answers.
    if status != StatusCode::OK {
        return Err(format!("status {}, although the body tells of success", status.as_u16()));
    }
    let warnings = texts(&answer.warnings);
    if let Some(why) = partial([&answer.is_partial, &data.is_partial], &warnings) {
        return Err(format!("the answer is partial, which says nothing of the rest: {why}"));
    }
    let with_warnings = |said: String| match warnings.as_slice() {
        [] => said,
        warnings => format!("{said}; warning: {}", warnings.join("; ")),
    };
    compare(data, expect).map(with_warnings).map_err(with_warnings)
}

/// Returns the reason of an answer that is not Prometheus's own.
fn foreign(status: StatusCode, body: &[u8], is_signed: bool) -> String {
    let status = status.as_u16();
    let refusal = serde_json::from_slice::<AwsRefusal>(body).ok().filter(|_| is_signed);
    // AWS repeats the whole request behind the first line.
    match refusal.as_ref().and_then(|refusal| refusal.message.lines().next()) {
        Some(why) => format!("status {status}: {why}"),
        None => {
            format!(
                "status {status}, and not an answer of Prometheus: url is what stands before /api/v1/query"
            )
        }
    }
}

/// Returns each text of a list. Some servers leave the list out, or write null.
fn texts(list: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
    match list {
        Value::Null => Vec::new(),
        Value::Array(items) => items.iter().map(text).collect(),
        one => vec![text(one)],
    }
}

/// Returns the reason why the answer may not be made of all data.
fn partial<'a>(flags: [&Value; 2], warnings: &'a [String]) -> Option<&'a str> {
    let is_of_the_query = |warning: &str| {
        let warning = warning.to_lowercase();
        OF_THE_QUERY.iter().any(|begin| warning.starts_with(begin))
    };
    let told = warnings.iter().map(String::as_str).find(|warning| !is_of_the_query(warning));
    let flagged = flags.iter().any(|flag| !matches!(flag, Value::Null | Value::Bool(false)));
    told.or_else(|| flagged.then_some("isPartial is set"))
}

/// Compares each sample with the expectation.
fn compare(data: QueryData, expect: Expectation) -> Result<String, String> {
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
                let seen = one(value, expect).map_err(|why| format!("{why}{}", name_series(series)))?;
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

/// Compares one value with the expectation.
fn one(value: &str, expect: Expectation) -> Result<String, String> {
    let value: f64 = value.parse().map_err(|_| "the result holds what is not a number".to_owned())?;
    expect.compare(value)
}

/// Returns the name of a series, in the form that queries use.
fn name_series(series: &Series) -> String {
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
