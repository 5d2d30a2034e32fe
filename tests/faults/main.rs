//! The fault matrix: each request that the binary makes, to each service, is answered in each way in which it
//! should not be.
//!
//! The requests of a run are disturbed in memory on a paused clock, singly and in random combinations, and
//! those of the binary itself over sockets. The answers, and what must hold, are in testkit.

#![allow(clippy::unwrap_used, reason = "a helper of tests that cannot go on fails the test")]
#![allow(clippy::print_stdout, reason = "how many cases there were, and the seed that repeats them")]

mod aws;
mod bases;
mod between;
mod centers;
mod emergency;
mod forges;
mod guarded;
mod matrix;
mod probes;
mod random;
mod roles;
mod single;
mod stopping;
