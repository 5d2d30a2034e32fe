//! The client of Bitbucket's Code Insights: reports on a commit, which its pull requests and pipelines show.
//!
//! Inside a pipeline of Bitbucket a proxy adds the authorization, and no token is needed.

use std::time::Duration;

use reqwest::Proxy;
use serde_json::json;

use super::bitbucket;
use super::exchange::{BEARER, Exchange};
use super::failure::{ForgeFailure, no_client};
use super::paths::{check, is_segment, link, owner_and_name, segment};
use super::request::Request;
use super::subject::{Site, Subject};
use faultgate_core::model::ForgeKind;
use faultgate_core::secret::Secret;
use faultgate_core::text;

/// The address of a pipeline's proxy, seen from its steps. The proxy adds the pipeline's own authorization.
pub const PIPELINE_PROXY: &str = "http://localhost:29418";
/// The address of the API as the proxy serves it. It is not one of TLS, since the proxy could then add
/// nothing.
const PROXIED_API: &str = "http://api.bitbucket.org/2.0";
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
const REQUEST_LIMIT: Duration = Duration::from_secs(5);

/// Maximum number of characters of a report's title.
const MAX_TITLE_CHARS: usize = 450;
/// Maximum number of characters of a report's details.
const MAX_DETAILS_CHARS: usize = 2000;
/// Maximum number of characters of a field's title, and of its text.
const MAX_DATUM_CHARS: usize = 200;
/// Maximum number of fields of a report.
pub(crate) const MAX_DATA: usize = 10;

/// A report on a commit.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    pub title: String,
    /// The details, as plain text. Lines are folded into one.
    pub details: String,
    /// `true` if the run has passed, and `None` while that is not known.
    pub passed: Option<bool>,
    pub link: Option<String>,
    /// The fields of the report. Bitbucket shows the first ten.
    pub data: Vec<Datum>,
}

/// A field of a report.
#[derive(Debug, Clone, PartialEq)]
pub struct Datum {
    pub title: String,
    pub value: DatumValue,
}

/// The value of a field, by its kind in Bitbucket.
#[derive(Debug, Clone, PartialEq)]
pub enum DatumValue {
    Text(String),
    Number(f64),
    Percentage(f64),
    Duration(Duration),
    Yes(bool),
}

/// A client for the reports of one commit.
pub struct CodeInsights {
    exchange: Exchange,
    /// The path below which the commit's reports are found.
    path: String,
}

impl CodeInsights {
    /// Makes a client with a token. `why` of the failure says what is wrong with the subject or the token, as
    /// a fragment.
    pub fn with_token(
        subject: &Subject,
        token: &Secret,
        http: reqwest::Client,
    ) -> Result<Self, ForgeFailure> {
        check(subject)?;
        let exchange = Exchange::new(subject.site.clone(), http, BEARER, token, bitbucket::remedy)?;
        Ok(Self { exchange, path: make_path(subject)? })
    }

    /// Makes a client inside a pipeline of Bitbucket, whose proxy needs no token of ours. `why` of the
    /// failure is a fragment.
    pub fn through_proxy(subject: &Subject, proxy: &str) -> Result<Self, ForgeFailure> {
        let http = Proxy::http(proxy)
            .and_then(|proxy| {
                reqwest::Client::builder()
                    .proxy(proxy)
                    .redirect(reqwest::redirect::Policy::none())
                    .connect_timeout(CONNECT_TIMEOUT)
                    .timeout(REQUEST_LIMIT)
                    .user_agent(concat!("faultgate/", env!("CARGO_PKG_VERSION")))
                    .build()
            })
            .map_err(|error| no_client(format!("no client for the pipeline's proxy: {error}")))?;
        let site = Site { kind: ForgeKind::Bitbucket, api_url: PROXIED_API.to_owned() };
        let exchange = Exchange::without_token(site, http, bitbucket::remedy);
        Ok(Self { exchange, path: make_path(subject)? })
    }

    /// Creates the report of this key on the commit, or replaces it.
    pub async fn put(&self, key: &str, report: &Report) -> Result<(), ForgeFailure> {
        let mut body = json!({
            "title": text::plain(&report.title, MAX_TITLE_CHARS),
            "details": text::plain(&report.details, MAX_DETAILS_CHARS),
            "report_type": "TEST",
            "reporter": "faultgate",
            "result": match report.passed {
                Some(true) => "PASSED",
                Some(false) => "FAILED",
                None => "PENDING",
            },
            "data": report.data.iter().take(MAX_DATA).map(field).collect::<Vec<_>>(),
        });
        if let Some(url) = link(report.link.as_deref()) {
            body["link"] = url.into();
        }
        self.exchange.send(&Request::report(format!("{}/{}", self.path, segment(key)), body)).await?;
        Ok(())
    }
}

/// Returns the path of the reports of the subject's commit. Unlike a status, a report needs the commit to be
/// known.
fn make_path(subject: &Subject) -> Result<String, ForgeFailure> {
    let repository = owner_and_name(&subject.repository)?;
    let commit = subject.commit.as_deref().filter(|commit| is_segment(commit));
    let commit = commit.ok_or_else(|| no_client("the commit of the report is not known: set `commit`"))?;
    Ok(format!("/repositories/{repository}/commit/{}/reports", segment(commit)))
}

fn field(datum: &Datum) -> serde_json::Value {
    let (kind, value) = match &datum.value {
        DatumValue::Text(value) => ("TEXT", text::plain(value, MAX_DATUM_CHARS).into()),
        DatumValue::Number(value) => ("NUMBER", json!(value)),
        DatumValue::Percentage(value) => ("PERCENTAGE", json!(value)),
        // Bitbucket takes durations in milliseconds.
        DatumValue::Duration(value) => {
            ("DURATION", u64::try_from(value.as_millis()).unwrap_or(u64::MAX).into())
        }
        DatumValue::Yes(value) => ("BOOLEAN", (*value).into()),
    };
    json!({ "title": text::plain(&datum.title, MAX_DATUM_CHARS), "type": kind, "value": value })
}
