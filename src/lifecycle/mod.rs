//! The one way through a run, whatever the engine: launch, monitor, score.
//!
//! The lifecycle owns deadlines and stopping. However a run ends, what it started is stopped, what it made is
//! removed, and the verdict is `passed` only where the engine's own record says so. It knows no engine, probe
//! or report by its kind: they come in as trait objects, and events go out through one function.
//!
//! - `run` is a run with all that it needs. `stages` takes it through its stages, and `steps` does the same
//!   over several processes; `steady` only checks whether it would launch.
//! - `scheduled` gives each experiment its engine and its evaluators.
//! - `admission` lets only so many experiments into one place at once, and `alone` waits until nobody else
//!   is there.
//! - `unreached` are the places that cannot be reached, whose experiments alone are errored.
//! - `previews` counts what the experiments would hit before anything is launched, and `growth` counts
//!   again after it.
//! - `launching` takes one experiment to its launch, and `experiment` from there to its result; `progress`
//!   is its state meanwhile, `objection` stops what turns out after its launch to be forbidden, `halt`
//!   watches for a reason to halt it, `probing_end` ends its probes, and `engine_reports` fetches the
//!   report that its engine writes.
//! - `stop_request` and `lost_launch` end an experiment and look for one, in a run as in `faultgate stop`.
//! - `cancel` shares out the time after a signal, and `longest_run` tells how long a run may last.
//! - `guard` is the port of those who may refuse a run before its launch, and `herald` of whoever is told of
//!   the previews.
//! - `probes` evaluates probes and scores what they saw; `gate` decides, from facts alone.
//! - `live` publishes turns of probes and the passing of time while a run goes on.
//! - `run_result` puts a result together; `merge` and `parts` make one result of several.
//! - `journal` is the port through which others learn what a run has begun, and `journal_entries` writes to
//!   it.

mod admission;
mod alone;
mod cancel;
mod engine_reports;
mod experiment;
mod gate;
mod growth;
mod guard;
mod halt;
mod herald;
mod journal;
mod journal_entries;
mod kept_samples;
mod launching;
mod live;
mod longest_run;
mod lost_launch;
mod merge;
mod objection;
mod parts;
mod planned;
mod previews;
mod probes;
mod probing_end;
mod progress;
mod run;
mod run_result;
mod scheduled;
mod stages;
mod steady;
mod steps;
mod stop_request;
mod unreached;

pub use cancel::{Cancel, Share};
pub use experiment::LAST_RECORD_LIMIT;
pub use guard::{Guard, Outlook, PreviewedCount, Unguarded};
pub use herald::Herald;
pub use journal::Journal;
pub use journal_entries::WRITE_LIMIT;
pub use launching::LAUNCH_LIMIT;
pub use longest_run::longest_run;
pub use lost_launch::{LostLaunch, SearchFailure};
pub use merge::Merger;
pub use planned::ExpectedPlan;
pub use run::{Lifecycle, RunInputs};
pub use scheduled::{Equipment, Misfit};
pub use stages::{CLOSE_LIMIT, Known};
pub use steps::{can_be_scored, conclude};
pub use stop_request::{CONFIRM_LIMIT, MAX_STOPPED_AT_ONCE, STOP_LIMIT, StopFailure, StopRequest};
