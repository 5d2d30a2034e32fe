//! Tests of the library that take seconds: whatever waits does so on a paused clock, and whoever answers is a
//! stand-in in this process.

#![allow(clippy::unwrap_used, reason = "a helper of tests that cannot go on fails the test")]

mod forges;
mod harness;
mod house;
mod lifecycle;
mod litmus;
