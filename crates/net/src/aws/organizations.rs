//! AWS Organizations, as far as a suite names accounts by a unit: the accounts of a unit and of the units below
//! it. There is no client of the SDK for two requests.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_smithy_async::time::{SharedTimeSource, SystemTimeSource};
use aws_types::service_config::ServiceConfigKey;
use reqwest::header::{CONTENT_TYPE, HeaderValue};
use reqwest::{Method, Request, Url};
use serde_json::{Value, json};
use tokio::time::sleep;

use super::caller::is_account_id;
use super::error::{MAX_MESSAGE_CHARS, is_denied, is_throttled};
use super::iam::{PolicyTarget, statements};
use super::partition_of;
use super::signer::Signer;
use crate::http::{self, HttpSettings, body::read_up_to};
use faultgate_core::backoff::{Backoff, Jitter};
use faultgate_core::failure::Failure;
use faultgate_core::text;

/// Name of the service in signatures.
const SERVICE: &str = "organizations";
/// Name by which requests name the version of the API.
const TARGET: &str = "AWSOrganizationsV20161128";
const MAX_ATTEMPTS: u32 = 8;
const BACKOFF: Backoff =
    Backoff::new(Duration::from_millis(250), Duration::from_secs(8)).with_jitter(Jitter::Part(0.5));
/// Maximum size of an answer in bytes. A page has 20 accounts.
const MAX_ANSWER_BYTES: usize = 1 << 20;
/// Limit of units that are looked into, and of accounts that are found.
const MAX_UNITS: usize = 2_000;
const MAX_ACCOUNTS: usize = 10_000;
/// The state of an account in which experiments can be.
const ACTIVE: &str = "ACTIVE";

/// The connection to AWS Organizations, by the credentials of its management account or of an account that it
/// delegates to.
#[derive(Debug)]
pub struct Organizations {
    client: reqwest::Client,
    signer: Signer,
    endpoint: String,
    region: &'static str,
    time: SharedTimeSource,
}

impl Organizations {
    /// Makes a connection without any request.
    ///
    /// # Errors
    ///
    /// There are no credentials, or no client can be made.
    pub fn new(sdk: &SdkConfig, settings: &HttpSettings) -> Result<Self, Failure<()>> {
        let failed = |why: String| Failure::new((), "ask AWS Organizations", why);
        let key = ServiceConfigKey::builder()
            .service_id("Organizations")
            .env("AWS_ENDPOINT_URL")
            .profile("endpoint_url")
            .build();
        let own = key.ok().and_then(|key| sdk.service_config()?.load_config(key));
        let (region, host) = home(sdk.region().map(AsRef::as_ref).unwrap_or_default());
        Ok(Self {
            client: http::client(settings).map_err(|failure| failed(failure.why))?,
            signer: Signer::new(SERVICE, Some(sdk)).map_err(failed)?,
            endpoint: own
                .or_else(|| sdk.endpoint_url().map(str::to_owned))
                .unwrap_or_else(|| format!("https://{host}")),
            region,
            time: sdk.time_source().unwrap_or_else(|| SharedTimeSource::new(SystemTimeSource::new())),
        })
    }

    /// Returns the ids of the active accounts in a unit or root, and in the units below it, in order.
    ///
    /// # Errors
    ///
    /// One of the lists cannot be read to its end.
    pub async fn list_active_accounts(&self, unit: &str) -> Result<Vec<String>, Failure<()>> {
        let what = format!("list the accounts of {unit}");
        let failed = |why: &str| Failure::new((), what.as_str(), why);
        let mut units = vec![unit.to_owned()];
        let mut accounts = Vec::new();
        let mut place = 0;
        while let Some(parent) = units.get(place).cloned() {
            place += 1;
            for account in
                self.list("ListAccountsForParent", "Accounts", json!({"ParentId": parent}), &what).await?
            {
                // `Status` is the older name of the state.
                let state = account.get("State").or_else(|| account.get("Status")).and_then(Value::as_str);
                let id = account.get("Id").and_then(Value::as_str).filter(|id| is_account_id(id));
                let (Some(state), Some(id)) = (state, id) else {
                    return Err(failed("the answer has an account without its id or its state"));
                };
                if state == ACTIVE {
                    accounts.push(id.to_owned());
                }
            }
            let input = json!({"ParentId": parent, "ChildType": "ORGANIZATIONAL_UNIT"});
            for child in self.list("ListChildren", "Children", input, &what).await? {
                let Some(id) = child.get("Id").and_then(Value::as_str) else {
                    return Err(failed("the answer has a unit without its id"));
                };
                if !units.iter().any(|known| known == id) {
                    units.push(id.to_owned());
                }
            }
            if units.len() > MAX_UNITS || accounts.len() > MAX_ACCOUNTS {
                return Err(failed("it has more units or accounts than are read")
                    .remedy("name a smaller unit, or list the accounts in a file".to_owned()));
            }
        }
        accounts.sort();
        accounts.dedup();
        Ok(accounts)
    }

    /// Reads all pages of a list.
    async fn list(
        &self,
        operation: &'static str,
        member: &str,
        input: Value,
        what: &str,
    ) -> Result<Vec<Value>, Failure<()>> {
        let failed = |why: &str| Failure::new((), what, why);
        let (mut input, mut all, mut token) = (input, Vec::new(), None::<String>);
        loop {
            let mut page = self.ask(operation, &input, what).await?;
            // An answer without the list says nothing, which is not that there is none.
            let Some(Value::Array(items)) = page.get_mut(member).map(Value::take) else {
                return Err(failed(&format!("the answer of {operation} holds no list")));
            };
            all.extend(items);
            let next = page.get("NextToken").and_then(Value::as_str).filter(|next| !next.is_empty());
            let Some(next) = next else { return Ok(all) };
            if token.as_deref() == Some(next) || all.len() > MAX_ACCOUNTS {
                return Err(failed("the list does not end"));
            }
            input["NextToken"] = next.into();
            token = Some(next.to_owned());
        }
    }

    /// Sends a request until it is answered for good.
    async fn ask(&self, operation: &str, input: &Value, what: &str) -> Result<Value, Failure<()>> {
        let mut attempt = 0;
        loop {
            match self.attempt(operation, input).await {
                Ok(answer) => return Ok(answer),
                Err(refused) => {
                    attempt += 1;
                    if !refused.may_help_again || attempt >= MAX_ATTEMPTS {
                        return Err(Failure::new((), what, refused.why).remedy(refused.remedy));
                    }
                    sleep(BACKOFF.pause(attempt - 1, fastrand::f64())).await;
                }
            }
        }
    }

    async fn attempt(&self, operation: &str, input: &Value) -> Result<Value, FailedAttempt> {
        let url =
            Url::parse(&self.endpoint).map_err(|_| FailedAttempt::for_good("its endpoint is no URL"))?;
        let mut request = Request::new(Method::POST, url);
        let target = HeaderValue::try_from(format!("{TARGET}.{operation}"));
        let target = target.map_err(|_| FailedAttempt::for_good("the request could not be made"))?;
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/x-amz-json-1.1"));
        request.headers_mut().insert("x-amz-target", target);
        *request.body_mut() = Some(input.to_string().into());
        let signed = self.signer.sign(&mut request, self.region, self.time.now()).await;
        signed.map_err(|failure| FailedAttempt {
            remedy: failure.remedy,
            ..FailedAttempt::for_good(&failure.why)
        })?;
        let mut answer = self.client.execute(request).await.map_err(FailedAttempt::lost)?;
        let status = answer.status().as_u16();
        let mut body = Vec::new();
        let is_whole =
            read_up_to(MAX_ANSWER_BYTES, &mut answer, &mut body).await.map_err(FailedAttempt::lost)?;
        let read = serde_json::from_slice::<Value>(&body).ok().filter(|_| is_whole);
        match read {
            Some(read) if status == 200 => Ok(read),
            read => Err(FailedAttempt::answered(operation, status, &read.unwrap_or_default(), self.region)),
        }
    }
}

/// One attempt that failed.
struct FailedAttempt {
    why: String,
    remedy: Option<String>,
    may_help_again: bool,
}

impl FailedAttempt {
    fn for_good(why: &str) -> Self {
        Self { why: why.to_owned(), remedy: None, may_help_again: false }
    }

    /// Makes the refusal of a request whose answer was lost.
    fn lost(error: reqwest::Error) -> Self {
        let why = text::plain(&http::cause(&error.without_url()), MAX_MESSAGE_CHARS);
        let remedy = http::remedy(&why).map(ToOwned::to_owned);
        Self { may_help_again: remedy.is_none(), why, remedy }
    }

    fn answered(operation: &str, status: u16, body: &Value, region: &str) -> Self {
        let member = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default();
        let code = member("__type").rsplit('#').next().unwrap_or_default();
        let message = [member("message"), member("Message")].concat();
        let why = match code {
            "" => format!("HTTP {status} with an answer that {operation} does not give"),
            code => text::plain(&format!("{code}: {message}"), MAX_MESSAGE_CHARS),
        };
        let target = || PolicyTarget::of(partition_of(region), region, "*");
        let remedy = match code {
            code if is_denied(code) => statements(operation, &target()).map(|statement| {
                format!(
                    "use credentials of the management account or of a delegated administrator, and add this \
                     statement to their policy: {statement}"
                )
            }),
            "ParentNotFoundException" => Some("correct the id of the unit".to_owned()),
            _ => None,
        };
        Self { why, remedy, may_help_again: is_throttled(code) || status == 429 || status >= 500 }
    }
}

/// Returns the Region that Organizations is in, and its host there, for the partition of a Region.
fn home(region: &str) -> (&'static str, &'static str) {
    match partition_of(region) {
        "aws-cn" => ("cn-northwest-1", "organizations.cn-northwest-1.amazonaws.com.cn"),
        "aws-us-gov" => ("us-gov-west-1", "organizations.us-gov-west-1.amazonaws.com"),
        _ => ("us-east-1", "organizations.us-east-1.amazonaws.com"),
    }
}

#[cfg(test)]
#[path = "organizations_tests.rs"]
mod tests;
