//! The engine for local commands: any fault injector is a program of the user's, in a process group of its
//! own.
//!
//! - `settings` is what all commands of a run share.
//! - `engine` holds the commands that have begun, and `port` is the engine behind the port of all engines.
//! - `program` finds the program, and `start` starts it.
//! - `life` takes one experiment from its start to its end, and `orphan` ends one whose faultgate has died.
//! - `output` keeps the end of what a command prints, and `proof` watches for what shows that the fault is
//!   in.
//! - `chaos_toolkit` reads the journal of Chaos Toolkit, and `toolkit` and `outcome` say what it all means
//!   in its `context`.

mod chaos_toolkit;
mod context;
mod end;
mod engine;
mod life;
mod orphan;
mod outcome;
mod output;
mod port;
mod program;
mod proof;
mod settings;
mod start;
mod surroundings;
mod toolkit;

pub use engine::CommandEngine;
pub use life::StopLimits;
pub use settings::CommandSettings;
