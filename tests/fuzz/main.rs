//! Fuzz tests of everything that comes from outside: no input makes faultgate panic, hang, or take for true
//! what is not.
//!
//! Each target begins with its corpus in `corpus/<target>`, so that an input which failed once is tried for
//! ever. Then it mutates the corpus, by a fixed seed and as many cases as take some seconds. With
//! `FUZZ_SECONDS` it goes on for that long, from a random seed, which it prints. An input that fails is
//! written to the corpus.

#![allow(clippy::disallowed_types, reason = "how long an input really takes is what is asked")]
#![allow(clippy::print_stdout, reason = "the seed is told")]
#![allow(clippy::unwrap_used, reason = "a helper of tests that cannot go on fails the test")]

mod account;
mod answers;
mod files;
mod mutate;
mod runner;
