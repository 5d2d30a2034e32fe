//! STS: who asks, and roles. Any role of any account can be assumed, unless its account is closed, and its
//! keys lead into that account.

use std::time::Duration;

use serde_json::{Value, json};

use crate::place::{account_of_role, key_of};
use crate::protocol::call::{ASSUME_ROLE, ApiCall, ApiError, GET_CALLER_IDENTITY};
use crate::services::context::ServiceContext;

/// Time after which a role has to be assumed again.
const SESSION_LENGTH: Duration = Duration::from_hours(1);

/// Answers a request of a client.
pub(crate) fn answer(call: &ApiCall, context: &ServiceContext) -> Result<Value, ApiError> {
    let account = &context.place.account;
    match call.operation.as_str() {
        GET_CALLER_IDENTITY => Ok(json!({
            "Arn": format!("arn:aws:iam::{account}:user/rehearsal"),
            "UserId": "AIDAREHEARSAL",
            "Account": account,
        })),
        ASSUME_ROLE => {
            let (role, session) = (call.text("RoleArn")?, call.text("RoleSessionName")?);
            let account = account_of_role(role).ok_or_else(|| call.invalid("RoleArn is no role's ARN"))?;
            let name = role.rsplit('/').next().unwrap_or_default();
            let until = context.now.saturating_add(SESSION_LENGTH).unwrap_or(context.now);
            Ok(json!({
                "Credentials": {
                    "AccessKeyId": key_of(account),
                    "SecretAccessKey": "not-a-secret",
                    "SessionToken": "not-a-secret",
                    "Expiration": until.to_string(),
                },
                "AssumedRoleUser": {
                    "Arn": format!("arn:aws:sts::{account}:assumed-role/{name}/{session}"),
                    "AssumedRoleId": format!("AROAREHEARSAL:{session}"),
                },
            }))
        }
        _ => Err(call.unknown()),
    }
}
