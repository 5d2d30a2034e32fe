//! The probes of a run: when each is evaluated, what it saw, and what that is worth.
//!
//! - `schedule` evaluates the probes of one experiment in their phases, and `samples` keeps what they saw.
//! - `alarm_watch` follows an alarm by events instead, with `alarm_course` as its memory; `alarm_record`
//!   reconciles that with CloudWatch's history, and `alarm_time` is the arithmetic.
//! - `turns` tells when a probe turns, and `trip` asks for a halt.
//! - `score` makes the score of an experiment, from facts alone.
//! - `steady` evaluates the probes for a user who only wants to know whether a run would launch.
//!
//! Nothing here speaks to an engine, and no evaluation waits for another probe or for an engine.

mod alarm_course;
mod alarm_record;
mod alarm_time;
mod alarm_watch;
mod samples;
mod schedule;
mod score;
mod steady;
mod trip;
mod turns;

pub(super) use schedule::{EvaluationPermits, Probing};
pub(super) use score::score;
pub(super) use turns::{Turned, Turns};
