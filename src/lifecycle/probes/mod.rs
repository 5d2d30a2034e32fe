//! The probes of a run: when each is evaluated, what it saw, and what that is worth.
//!
//! - `schedule` evaluates the probes of one experiment in their phases, and `samples` keeps what they saw.
//! - `turns` tells when a probe turns; `trip` asks for a halt, and `halt_board` counts failing probes of all
//!   experiments together.
//! - `score` makes the score of an experiment, from facts alone.
//!
//! Nothing here speaks to an engine, and no evaluation waits for another probe or for an engine.

mod halt_board;
mod samples;
mod schedule;
mod score;
mod trip;
mod turns;

pub(super) use halt_board::HaltBoard;
pub(super) use schedule::{Probing, SharedByProbes};
pub(super) use score::score;
pub(super) use turns::{Turned, Turns};
