//! Helpers of the tests, in one place for all crates of the workspace.
//!
//! `plans` and `results` build what the model is made of, and stand on the core alone, so that the unit tests
//! of a library link nothing else by them.
//!
//! No product code may depend on this crate. The unit tests of a crate cannot exchange types of that very
//! crate with it, since they are compiled apart from the library that this crate links.

#![expect(clippy::unwrap_used, reason = "a helper of tests that cannot go on fails the test")]

pub mod plans;
pub mod results;
