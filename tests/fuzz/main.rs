//! What comes from outside, mutated: no input makes faultgate panic, hang or take what is not so for what is.
//!
//! Each target begins with its corpus, in `corpus/<target>`, as it is: what was found once stays found. Then it mutates,
//! by fixed seeds and so many cases that it takes seconds; with `FUZZ_SECONDS` it goes on for so long, from a seed of its
//! own, which it tells. What fails is kept in the corpus.

#![allow(clippy::disallowed_types, reason = "how long an input really takes is what is asked")]
#![allow(clippy::print_stdout, reason = "the seed is told")]
#![allow(clippy::unwrap_used, reason = "a helper of tests that cannot go on fails the test")]

mod account;
mod answers;
mod files;
mod mutate;
mod runner;
