//! The journal of a Chaos Toolkit experiment: how it ended, what it did, and what it measured.
//!
//! - `journal` is the journal and what follows from it. `file` reads it, and `python` makes JSON of what
//!   Python writes.
//! - `declared` is what was to be done, `activity` one thing that was done, and `round` one round of probes
//!   of the steady state.
//!
//! A journal is input from outside: what it does not say is not known, and never counts as good.

mod activity;
mod declared;
mod file;
mod journal;
mod python;
mod round;

pub(super) use file::{Span, Stamp, read};
pub(super) use journal::ToolkitJournal;

#[cfg(test)]
pub(super) mod tests;
