//! Harness against a stand-in that takes only what its API's descriptions have: what arrives is what was meant, and
//! each trouble is told as it is.

#![allow(clippy::unwrap_used, reason = "a helper of tests that cannot go on fails the test")]

#[path = "../stand_ins/harness/mod.rs"]
mod stand_in;

mod checking;
mod ending;
mod launching;
mod reading;
mod strictness;
mod support;
mod troubles;
