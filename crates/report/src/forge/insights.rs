//! A Code Insights report on a commit of Bitbucket: what its pull requests and pipelines show of a run.

use std::time::Duration;

use reqwest::Proxy;
use serde_json::json;

use super::exchange::{BEARER, Exchange, Request};
use super::subject::{check, is_segment, link, owner_and_name, segment};
use super::{Refusal, Site, Subject, bitbucket};
use faultgate_core::model::ForgeKind;
use faultgate_core::secret::Secret;
use faultgate_core::text;

/// Where the proxy of a pipeline is, seen from its steps. It adds the pipeline's own authorization.
pub const PIPELINE_PROXY: &str = "http://localhost:29418";
/// The API as the proxy serves it: not over TLS, for it could add nothing then.
const PROXIED_API: &str = "http://api.bitbucket.org/2.0";
const CONNECT_LIMIT: Duration = Duration::from_secs(3);
const REQUEST_LIMIT: Duration = Duration::from_secs(5);

/// Characters.
const TITLE: usize = 450;
const DETAILS: usize = 2000;
const DATUM: usize = 200;
/// Fields that a report takes.
const DATA: usize = 10;

#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    pub title: String,
    /// Plain text.
    pub details: String,
    /// None while it is not known.
    pub passed: Option<bool>,
    pub link: Option<String>,
    /// The first ten are shown.
    pub data: Vec<Datum>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Datum {
    pub title: String,
    pub value: Value,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Text(String),
    Number(f64),
    Percentage(f64),
    Duration(Duration),
    Yes(bool),
}

/// Where reports of one commit go.
pub struct Insights {
    exchange: Exchange,
    path: String,
}

impl Insights {
    /// The error is a fragment.
    pub fn with_token(subject: &Subject, token: &Secret, http: reqwest::Client) -> Result<Self, String> {
        check(subject)?;
        let exchange = Exchange::new(subject.site.clone(), http, BEARER, token, bitbucket::remedy)?;
        Ok(Self { exchange, path: path(subject)? })
    }

    /// Inside a pipeline of Bitbucket, where its proxy needs no token of ours.
    pub fn through_proxy(subject: &Subject, proxy: &str) -> Result<Self, String> {
        let http = Proxy::http(proxy)
            .and_then(|proxy| {
                reqwest::Client::builder()
                    .proxy(proxy)
                    .redirect(reqwest::redirect::Policy::none())
                    .connect_timeout(CONNECT_LIMIT)
                    .timeout(REQUEST_LIMIT)
                    .user_agent(concat!("faultgate/", env!("CARGO_PKG_VERSION")))
                    .build()
            })
            .map_err(|error| format!("no client for the pipeline's proxy: {error}"))?;
        let site = Site { kind: ForgeKind::Bitbucket, api_url: PROXIED_API.to_owned() };
        let exchange = Exchange::without_token(site, http, bitbucket::remedy);
        Ok(Self { exchange, path: path(subject)? })
    }

    /// Creates the report of this key, or replaces it.
    pub async fn put(&self, key: &str, report: &Report) -> Result<(), Refusal> {
        let mut body = json!({
            "title": text::plain(&report.title, TITLE),
            "details": text::plain(&report.details, DETAILS),
            "report_type": "TEST",
            "reporter": "faultgate",
            "result": match report.passed {
                Some(true) => "PASSED",
                Some(false) => "FAILED",
                None => "PENDING",
            },
            "data": report.data.iter().take(DATA).map(field).collect::<Vec<_>>(),
        });
        if let Some(url) = link(report.link.as_deref()) {
            body["link"] = url.into();
        }
        self.exchange.send(&Request::report(format!("{}/{}", self.path, segment(key)), body)).await?;
        Ok(())
    }
}

fn path(subject: &Subject) -> Result<String, String> {
    let repository = owner_and_name(&subject.repository)?;
    let commit = subject.commit.as_deref().filter(|commit| is_segment(commit));
    let commit = commit.ok_or_else(|| "the commit of the report is not known: set `commit`".to_owned())?;
    Ok(format!("/repositories/{repository}/commit/{}/reports", segment(commit)))
}

fn field(datum: &Datum) -> serde_json::Value {
    let (kind, value) = match &datum.value {
        Value::Text(value) => ("TEXT", text::plain(value, DATUM).into()),
        Value::Number(value) => ("NUMBER", json!(value)),
        Value::Percentage(value) => ("PERCENTAGE", json!(value)),
        // In milliseconds.
        Value::Duration(value) => ("DURATION", u64::try_from(value.as_millis()).unwrap_or(u64::MAX).into()),
        Value::Yes(value) => ("BOOLEAN", (*value).into()),
    };
    json!({ "title": text::plain(&datum.title, DATUM), "type": kind, "value": value })
}
