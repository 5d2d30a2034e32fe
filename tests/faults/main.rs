//! The fault matrix: each request that the binary makes, to each service, is answered in each way in which it
//! should not be.
//!
//! The requests of a run are disturbed in memory on a paused clock, singly and in random combinations, and
//! those of the binary itself over sockets. `invariants` has what must hold.

#![allow(clippy::unwrap_used, reason = "a helper of tests that cannot go on fails the test")]
#![allow(clippy::print_stdout, reason = "how many cases there were, and the seed that repeats them")]

mod answers;
mod aws;
mod bases;
mod between;
mod centers;
mod forges;
mod invariants;
mod matrix;
mod probes;
mod random;
mod roles;
mod single;
mod stopping;

#[path = "../lifecycle/chaos.rs"]
#[allow(dead_code, reason = "a part of it is another crate's")]
mod chaos;
#[path = "../lifecycle/laws.rs"]
#[allow(dead_code, reason = "a part of it is for endpoints that answer")]
mod laws;
#[path = "../lifecycle/noted.rs"]
mod noted;
#[path = "../lifecycle/queue.rs"]
mod queue;

#[path = "../blackbox/contract.rs"]
#[allow(dead_code, reason = "another crate's helper")]
mod contract;
#[path = "../blackbox/lives.rs"]
#[allow(dead_code, reason = "another crate's helper")]
mod lives;
#[path = "../blackbox/support.rs"]
#[allow(dead_code, reason = "another crate's helper")]
mod support;

#[path = "../blackbox/stand_ins/mod.rs"]
#[allow(dead_code, reason = "another crate's helper")]
mod forge_stand_ins;
#[path = "../stand_ins/harness/mod.rs"]
mod harness_stand_in;
#[path = "../stand_ins/litmus/mod.rs"]
mod litmus_stand_in;
