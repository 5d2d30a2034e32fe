//! Tests of each forge's client against a strict stand-in: the requests that arrive are exactly those that
//! were meant, and each refusal is told as it is.
//!
//! There is a file for each forge. `refusals.rs` has what goes wrong on every forge in the same way. The
//! stand-in is `forges::scripted` of testkit.

mod bitbucket;
mod codecommit;
mod connect;
mod gitea;
mod github;
mod gitlab;
mod insights;
mod refusals;
