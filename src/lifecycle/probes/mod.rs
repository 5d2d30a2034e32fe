//! The probes of a run: when each is evaluated, what it saw, and what that is worth.
//!
//! - `schedule` evaluates the probes of one experiment in their phases, and `samples` keeps what they saw.
//! - `alarm_watch` follows an alarm by events instead, with `alarm_course` as its memory; `alarm_record`
//!   reconciles that with CloudWatch's history, `alarm_gap` finds what that lacks, and `alarm_time` is the
//!   arithmetic.
//! - `register` tells displays how the probes stand, and `turns` when a probe turns; `trip` asks for a halt,
//!   and `halt_board` counts failing probes of all experiments together.
//! - `recovery` names the probes that are waited for after the end.
//! - `score` makes the score of an experiment, from facts alone.
//!
//! Nothing here speaks to an engine, and no evaluation waits for another probe or for an engine.

mod alarm_course;
mod alarm_gap;
mod alarm_record;
#[cfg(test)]
mod alarm_stage_tests;
mod alarm_time;
mod alarm_watch;
mod halt_board;
mod recovery;
mod register;
mod samples;
mod schedule;
mod score;
mod trip;
mod turns;

pub(super) use halt_board::HaltBoard;
pub(super) use recovery::RecoveringProbes;
pub(super) use schedule::{Probing, SharedByProbes};
pub(super) use score::score;
pub(super) use turns::{Turned, Turns};
