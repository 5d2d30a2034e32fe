//! Tests of the binary from outside: its exit codes, the texts that it prints and writes, its requests to an
//! account, and the things that it leaves there. Accounts are worlds embedded in the process of the test, so
//! that tests wait for facts and not for time.
//!
//! `support` has the builders of accounts and invocations, `lives` the lives of experiments, `contract` the
//! fixed names that others rely on, and `stand_ins` the forges.

#![allow(clippy::unwrap_used, reason = "a helper of tests that cannot go on fails the test")]

mod called;
mod command;
mod commands;
mod comparing;
mod contract;
mod deadlines;
mod environment;
mod forges;
mod harness;
mod init;
mod launch;
mod leftovers;
mod lint;
mod litmus;
mod lives;
mod merging;
mod mistakes;
mod odd_values;
mod panics;
mod permissions;
mod planted;
mod probes;
mod provenance;
mod report_files;
mod reports;
mod scenarios;
mod secrets;
mod several;
mod signals;
mod stalled;
mod stand_ins;
mod steps;
mod stop;
mod stop_centers;
mod stop_commands;
mod subscription;
mod support;
mod sweep;
mod target;
mod trust;
mod two_runs;

#[path = "../stand_ins/harness/mod.rs"]
mod harness_stand_in;
#[path = "../stand_ins/litmus/mod.rs"]
mod litmus_stand_in;
