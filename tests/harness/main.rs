//! Tests of Harness against a stand-in that takes only requests which the API's descriptions have. They show
//! that every request arrives as it was meant, and that each trouble is told as it is.

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
