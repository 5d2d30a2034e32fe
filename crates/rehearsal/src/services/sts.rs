//! STS: who asks. Roles are not assumed here, since the one account of a world knows none.

use serde_json::{Value, json};

use crate::fixtures::ACCOUNT;
use crate::protocol::call::{ApiCall, ApiError, GET_CALLER_IDENTITY};

/// Answers a request of a client.
pub(crate) fn answer(call: &ApiCall) -> Result<Value, ApiError> {
    match call.operation.as_str() {
        GET_CALLER_IDENTITY => Ok(json!({
            "Arn": format!("arn:aws:iam::{ACCOUNT}:user/rehearsal"),
            "UserId": "AIDAREHEARSAL",
            "Account": ACCOUNT,
        })),
        _ => Err(call.unknown()),
    }
}
