//! Tests of LitmusChaos against a ChaosCenter that validates every request by the schema. They show what is
//! asked, what is made of the answers, and how each refusal is told.

#![allow(clippy::unwrap_used, reason = "a helper of tests that cannot go on fails the test")]

mod access;
mod check;
mod life;
mod refusals;
#[path = "../stand_ins/litmus/mod.rs"]
mod stand_in;
mod stopping;
mod support;
