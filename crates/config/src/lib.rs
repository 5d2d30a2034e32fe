//! Settings: flags, variables and the suite file become a plan, or a list of all the mistakes in them.
//!
//! [`INPUTS`] defines every input once. Each place that settings come from is a layer over the one before;
//! the `config` crate merges the layers. The merged values are parsed and put together with the experiments
//! of the suite.
//!
//! The files, by what they do:
//!
//! - Inputs: `inputs` is the table of them, `kind` and `parse` know the forms of their values, `reference`
//!   renders them as documentation, action, workflow and component, and `questions` are those of `init`.
//! - Layers: `flags`, `environment` and `file` (with `yaml`, `tree`, `unique`, `interpolate`) read them,
//!   `layers` merges them, and `values` parses the outcome. `unreplaced` finds references that a CI has left.
//! - The suite: `suite` and `probes` read its tables by their `keys`; `schema` makes the JSON Schema from the
//!   same keys.
//! - Experiments: `selection` chooses them, and `centers` completes those of the control planes. `comparing`
//!   and `result_file` read the earlier result.
//! - Outcomes: `settings` is what a run is given; `stop_settings`, `sweep_settings` and `report_settings` are
//!   what other commands are given. `mistake` is what the user is told instead.
//! - Libraries: `foreign` and `trust` check the variables, certificates and proxies that they rely on.
//! - Secrets: `secret`, `credentials`, `inherited`, `control_planes` and `veil` decide who gets to see them.
//!
//! No error or message of this module may contain a value that could be a secret.

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
