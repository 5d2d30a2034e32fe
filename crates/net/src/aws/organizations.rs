//! AWS Organizations, as far as a suite names accounts by a unit: the accounts of a unit and of the units below
//! it. There is no client of the SDK for two requests.

use std::time::Duration;

use aws_config::SdkConfig;
use serde_json::{Value, json};

use super::caller::is_account_id;
use super::error::is_denied;
use super::iam::{PolicyTarget, statements};
use super::json_service::{JsonApi, JsonService};
use super::partition_of;
use super::patience::Patience;
use crate::http::{self, HttpSettings};
use faultgate_core::backoff::{Backoff, Jitter};
use faultgate_core::failure::Failure;

static API: JsonApi = JsonApi {
    service: "organizations",
    service_id: "Organizations",
    target: "AWSOrganizationsV20161128",
    patience: Patience {
        max_attempts: 8,
        backoff: Backoff::new(Duration::from_millis(250), Duration::from_secs(8))
            .with_jitter(Jitter::Part(0.5)),
        time_limit: Duration::from_mins(2),
    },
    // A page has 20 accounts.
    max_answer_bytes: 1 << 20,
};
/// Limit of units that are looked into, and of accounts that are found.
const MAX_UNITS: usize = 2_000;
const MAX_ACCOUNTS: usize = 10_000;
/// The state of an account in which experiments can be.
const ACTIVE: &str = "ACTIVE";

/// The connection to AWS Organizations, by the credentials of its management account or of an account that it
/// delegates to.
#[derive(Debug)]
pub struct Organizations(JsonService);

impl Organizations {
    /// Makes a connection without any request.
    ///
    /// # Errors
    ///
    /// There are no credentials, or no client can be made.
    pub fn new(sdk: &SdkConfig, settings: &HttpSettings) -> Result<Self, Failure<()>> {
        let failed = |why: String| Failure::new((), "ask AWS Organizations", why);
        let client = http::client(settings).map_err(|failure| failed(failure.why))?;
        let (region, host) = home(sdk.region().map(AsRef::as_ref).unwrap_or_default());
        JsonService::new(&API, sdk, client, region, &format!("https://{host}")).map(Self).map_err(failed)
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

    async fn ask(&self, operation: &str, input: &Value, what: &str) -> Result<Value, Failure<()>> {
        self.0.ask(operation, input).await.map_err(|refusal| {
            let why = refusal.why();
            let remedy = refusal.remedy.or_else(|| remedy(operation, &refusal.code, self.0.region()));
            Failure::new((), what, why).remedy(remedy)
        })
    }
}

/// Returns what to do about an error, where that is known.
fn remedy(operation: &str, code: &str, region: &str) -> Option<String> {
    let target = || PolicyTarget::of(partition_of(region), region, "*");
    match code {
        code if is_denied(code) => statements(operation, &target()).map(|statement| {
            format!(
                "use credentials of the management account or of a delegated administrator, and add this \
                 statement to their policy: {statement}"
            )
        }),
        "ParentNotFoundException" => Some("correct the id of the unit".to_owned()),
        _ => None,
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
