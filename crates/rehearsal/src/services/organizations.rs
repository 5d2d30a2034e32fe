//! Organizations: units and the accounts in them, as they can be listed.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::fixtures::{ACCOUNT, ORGANIZATION, ORGANIZATION_ROOT, ORGANIZATION_UNIT};
use crate::protocol::call::{ApiCall, ApiError, page};

/// An organization: what each unit holds, by its id.
#[derive(Debug)]
pub(crate) struct Organization(BTreeMap<String, Unit>);

#[derive(Debug, Default)]
struct Unit {
    /// Accounts, each with its state.
    accounts: Vec<(String, String)>,
    units: Vec<String>,
}

impl Default for Organization {
    /// Makes the organization that every world has: a root with one unit, and the account in it.
    fn default() -> Self {
        let mut organization = Self(BTreeMap::new());
        organization.place(ORGANIZATION_ROOT, &[], &[ORGANIZATION_UNIT]);
        organization.place(ORGANIZATION_UNIT, &[(ACCOUNT, "ACTIVE")], &[]);
        organization
    }
}

impl Organization {
    /// Puts accounts, each with its state, and units into a unit, which is made if it is not there.
    pub(crate) fn place(&mut self, parent: &str, accounts: &[(&str, &str)], units: &[&str]) {
        for unit in units {
            self.0.entry((*unit).to_owned()).or_default();
        }
        let parent = self.0.entry(parent.to_owned()).or_default();
        let owned = accounts.iter().map(|(id, state)| ((*id).to_owned(), (*state).to_owned()));
        parent.accounts.extend(owned);
        parent.units.extend(units.iter().map(|unit| (*unit).to_owned()));
    }

    /// Returns the id of the organization, if this account is in it.
    pub(crate) fn of(&self, account: &str) -> Option<&'static str> {
        let is_in = self.0.values().flat_map(|unit| &unit.accounts).any(|(id, _)| id == account);
        is_in.then_some(ORGANIZATION)
    }

    /// Answers a request of a client.
    pub(crate) fn answer(&self, call: &ApiCall) -> Result<Value, ApiError> {
        let unit = || {
            let parent = call.text("ParentId")?;
            let message = format!("the parent {parent} was not found");
            self.0.get(parent).ok_or_else(|| ApiError::new(400, "ParentNotFoundException", message))
        };
        let (member, items) = match call.operation.as_str() {
            "ListAccountsForParent" => {
                let account = |(id, state): &(String, String)| {
                    let arn = format!("arn:aws:organizations::{ACCOUNT}:account/{ORGANIZATION}/{id}");
                    json!({"Id": id, "Arn": arn, "Name": id, "Status": state, "State": state})
                };
                ("Accounts", unit()?.accounts.iter().map(account).collect())
            }
            "ListChildren" => {
                let unit = unit()?;
                let children: Vec<Value> = match call.text("ChildType")? {
                    "ACCOUNT" => {
                        unit.accounts.iter().map(|(id, _)| json!({"Id": id, "Type": "ACCOUNT"})).collect()
                    }
                    "ORGANIZATIONAL_UNIT" => {
                        unit.units.iter().map(|id| json!({"Id": id, "Type": "ORGANIZATIONAL_UNIT"})).collect()
                    }
                    _ => return Err(call.invalid("ChildType is ACCOUNT or ORGANIZATIONAL_UNIT")),
                };
                ("Children", children)
            }
            _ => return Err(call.unknown()),
        };
        let most = call.number("MaxResults", 1..=20)?.or(Some(20));
        let (items, next) = page(items, most, call.optional_text("NextToken"))?;
        let mut output = json!({member: items});
        if let Some(next) = next {
            output["NextToken"] = next.into();
        }
        Ok(output)
    }
}
