//! Settings: from flags, variables and the suite file to a plan, or to all the mistakes in them at once.
//!
//! [`INPUTS`] defines every input once. Each place settings come from is a layer over the one before,
//! merged by the `config` crate; the merged values are parsed, and put together with the suite's experiments.

mod centers;
mod comparing;
mod control_planes;
mod credentials;
mod file;
mod flags;
mod inherited;
mod inputs;
mod interpolate;
mod keys;
mod kind;
mod layers;
mod parse;
mod probes;
mod questions;
mod reference;
mod report_settings;
mod result_file;
mod schema;
mod selection;
mod settings;
mod stop_settings;
mod suite;
mod sweep_settings;
mod tokens;
mod tree;
mod trust;
mod unique;
mod values;
mod veil;
mod yaml;

pub use comparing::Compared;
pub use control_planes::{ControlPlanes, Unnamed};
pub use file::{SUITE_NAMES, bytes};
pub use flags::{flags, given};
pub use inherited::{for_commands, without_secrets};
pub use inputs::{Group, INPUTS, Input};
pub use parse::flag_duration;
pub use questions::{Answers, ENGINE, Engine, Need, PLATFORM, Platform, QUESTIONS, Question};
pub use reference::{Format, render};
pub use report_settings::{compare_to, report_dir, report_places, repository_and_commit};
pub use result_file::read_result;
pub use settings::{CommentMode, LogFormat, Settings, load, load_again};
pub use stop_settings::{STOP_INPUTS, StopSettings, lint_settings, state_file, stop_settings};
pub use sweep_settings::{SWEEP_INPUTS, SweepSettings, sweep_settings};
pub use tokens::Tokens;
pub use tree::{Content, Entry, Mark, Node};
pub use unique::UniqueKeys;
pub use veil::Veil;
pub use yaml::{Fault, parse as parse_yaml};

#[cfg(test)]
mod property_tests;
#[cfg(test)]
mod tests;
