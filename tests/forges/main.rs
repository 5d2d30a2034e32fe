//! Each forge against a strict stand-in: what arrives is exactly what was meant, and each refusal is told as it is.

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
