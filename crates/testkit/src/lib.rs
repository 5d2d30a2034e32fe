//! Helpers of the tests, in one place for all crates of the workspace.
//!
//! `plans` and `results` build what the model is made of, and stand on the core alone, so that the unit tests
//! of a library link nothing else by them. The feature `whole` adds what stands on the whole program, for the
//! tests of the root package:
//!
//! - `binary` runs the binary, `account` is what it runs against, and `lives` what its experiments do there;
//! - `forges`, `harness` and `litmus` are strict stand-ins, which remember what no real server would take;
//! - `paused` plays whole runs in memory, and `fake_manager` is a control plane for them;
//! - `engines` has an example of each engine;
//! - `answers` has every way in which a request should not be answered, `invariants` what must hold even so,
//!   and `contract` the fixed names that others rely on.
//!
//! No product code may depend on this crate. The unit tests of a crate cannot exchange types of that very
//! crate with it, since they are compiled apart from the library that this crate links.

#![expect(clippy::unwrap_used, reason = "a helper of tests that cannot go on fails the test")]

#[cfg(feature = "whole")]
pub mod account;
#[cfg(feature = "whole")]
pub mod answers;
#[cfg(feature = "whole")]
pub mod binary;
#[cfg(feature = "whole")]
pub mod contract;
#[cfg(feature = "whole")]
pub mod engines;
#[cfg(feature = "whole")]
pub mod fake_manager;
#[cfg(feature = "whole")]
pub mod forges;
#[cfg(feature = "whole")]
pub mod harness;
#[cfg(feature = "whole")]
pub mod invariants;
#[cfg(feature = "whole")]
pub mod litmus;
#[cfg(feature = "whole")]
pub mod lives;
#[cfg(feature = "whole")]
pub mod paused;
pub mod plans;
pub mod results;
