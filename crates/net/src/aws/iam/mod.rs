//! The list of every request that faultgate may send to AWS: the actions that IAM must allow for it, the
//! resources, and the reason (`list`). Policies, the statements in errors and docs/iam.md are made of this
//! one list (`policy`). A request that is not on the list must not be sent.

mod list;
mod policy;

pub use list::{CALLS, Call, Use};
pub use policy::{PolicyTarget, policy, reference, statements, statements_for};

#[cfg(test)]
mod tests;
