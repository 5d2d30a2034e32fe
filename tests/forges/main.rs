//! Tests of each forge's client against a strict stand-in: the requests that arrive are exactly those that
//! were meant, and each refusal is told as it is.
//!
//! There is a file for each forge. `refusals.rs` has what goes wrong on every forge in the same way, and
//! `support.rs` the stand-in.

#![allow(clippy::unwrap_used, reason = "a helper of tests that cannot go on fails the test")]

mod bitbucket;
mod codecommit;
mod connect;
mod gitea;
mod github;
mod gitlab;
mod insights;
mod refusals;
mod support;
