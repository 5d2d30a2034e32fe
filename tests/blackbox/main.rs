//! Tests of the binary from outside: its exit codes, the texts that it prints and writes, its requests to an
//! account, and the things that it leaves there. Accounts are worlds embedded in the process of the test, so
//! that tests wait for facts and not for time.
//!
//! The builders of accounts and invocations, and the stand-ins of other services, are testkit's.

#![allow(clippy::unwrap_used, reason = "a helper of tests that cannot go on fails the test")]

mod admission;
mod alarms;
mod alone;
mod called;
mod command;
mod commands;
mod comparing;
mod deadlines;
mod emergency;
mod environment;
mod fleet;
mod forges;
mod halting;
mod harness;
mod init;
mod kept_results;
mod launch;
mod left_in;
mod leftovers;
mod lint;
mod litmus;
mod merging;
mod mistakes;
mod odd_values;
mod panics;
mod permissions;
mod plan;
mod planted;
mod policy;
mod preview;
mod preview_trouble;
mod probes;
mod provenance;
mod queries;
mod report_files;
mod reports;
mod scenarios;
mod scenarios_guarded;
mod screen;
mod secrets;
mod several;
mod signals;
mod stalled;
mod steps;
mod stop;
mod stop_centers;
mod stop_commands;
mod subscription;
mod sweep;
mod target;
mod trust;
mod two_runs;
