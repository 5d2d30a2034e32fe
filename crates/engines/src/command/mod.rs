//! The engine for local commands: any fault injector is a program of the user's, in a process group of its
//! own.
//!
//! - `engine` holds the commands that have begun, and `port` is the engine behind the port of all engines.
//! - `program` finds the program, and `start` starts it.
//! - `life` takes one experiment from its start to its end, and `orphan` ends one whose faultgate has died.
//! - `output` keeps the end of what a command prints, and `proof` watches for what shows that the fault is
//!   in.
//! - `chaos_toolkit` reads the journal of Chaos Toolkit, and `toolkit` and `outcome` say what it all means.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;

mod chaos_toolkit;
mod end;
mod engine;
mod life;
mod orphan;
mod outcome;
mod output;
mod port;
mod program;
mod proof;
mod start;
mod surroundings;
mod toolkit;

pub use engine::CommandEngine;
pub use life::StopLimits;

use crate::probe::Evaluate;
use faultgate_config::Veil;
use faultgate_core::model::InjectionRule;

/// The settings that all commands of a run share.
#[derive(Clone)]
pub struct CommandSettings {
    /// The run's id, with which the marks of its processes begin.
    pub run: String,
    /// The environment that a command inherits. It holds no credentials.
    pub env: BTreeMap<OsString, OsString>,
    /// The veil over values of the suite's variables that may be secrets.
    pub veil: Veil,
    /// The absolute path of faultgate's working directory.
    pub dir: PathBuf,
    pub dry_run: bool,
    pub injection: InjectionRule,
    pub limits: StopLimits,
    /// The evaluators that tell whether a fault is in, by the experiment's name.
    pub proofs: BTreeMap<String, Arc<dyn Evaluate>>,
}
