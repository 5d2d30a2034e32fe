//! The target accounts of a template that acts in several: each has a configuration, with its role.

use serde_json::{Map, Value, json};

use crate::protocol::call::{ApiCall, ApiError};
use crate::services::fis::not_found;
use crate::services::template::FisTemplate;

/// Member that holds the configurations of a template. FIS takes them by requests of their own; here a template
/// may also be made with them.
pub(crate) const TARGET_ACCOUNTS: &str = "targetAccountConfigurations";

impl FisTemplate {
    /// Returns the configurations of its target accounts.
    pub(crate) fn target_accounts(&self) -> Vec<Value> {
        self.definition.get(TARGET_ACCOUNTS).and_then(Value::as_array).cloned().unwrap_or_default()
    }

    /// Answers a request about the configuration of one account.
    pub(crate) fn answer_for_account(&mut self, call: &ApiCall) -> Result<Value, ApiError> {
        let account = call.text("accountId")?;
        if account.len() != 12 || !account.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(call.invalid("an account id has 12 digits"));
        }
        let all = self.definition.entry(TARGET_ACCOUNTS).or_insert_with(|| json!([]));
        let Some(all) = all.as_array_mut() else {
            return Err(call.invalid("the template's configurations are no list"));
        };
        let place = all.iter().position(|one| one["accountId"] == account);
        let configuration = match (call.operation.as_str(), place) {
            ("CreateTargetAccountConfiguration", Some(_)) => {
                let message = format!("the target account {account} is configured already");
                return Err(ApiError::new(409, "ConflictException", message));
            }
            ("CreateTargetAccountConfiguration", None) => {
                call.text("roleArn")?;
                all.push(change_members(json!({"accountId": account}), call));
                all.last().cloned()
            }
            ("UpdateTargetAccountConfiguration", Some(place)) => {
                all[place] = change_members(all[place].take(), call);
                Some(all[place].clone())
            }
            ("DeleteTargetAccountConfiguration", Some(place)) => Some(all.remove(place)),
            (_, Some(place)) => Some(all[place].clone()),
            (_, None) => None,
        };
        let missing = || not_found(format!("the target account {account} is not configured"));
        Ok(json!({"targetAccountConfiguration": configuration.ok_or_else(missing)?}))
    }
}

/// Returns a configuration with the members that a request sets.
fn change_members(configuration: Value, call: &ApiCall) -> Value {
    let mut changed = match configuration {
        Value::Object(members) => members,
        _ => Map::new(),
    };
    for name in ["roleArn", "description"] {
        if let Some(text) = call.optional_text(name) {
            changed.insert(name.to_owned(), text.into());
        }
    }
    Value::Object(changed)
}
