//! Settings: flags, variables and the suite file become a plan, or a list of all the mistakes in them.
//!
//! [`INPUTS`] defines every input once. Each place that settings come from is a layer over the one before;
//! the `config` crate merges the layers. The merged values are parsed and put together with the experiments
//! of the suite.
//!
//! The folders, each of which knows only those before it:
//!
//! - `inputs` is the table of the inputs, the kinds of their values, and the handles by which these are read.
//! - `secrets` says which variables hold secrets, and which of them programs inherit; the veil covers the rest.
//! - `layers` reads flags, variables and the suite file, merges them, and parses the outcome.
//! - `suite` reads the tables of a suite by their keys, and chooses and completes the experiments of a run.
//! - `settings` is what each command is given, the earlier result among it.
//! - `schema` makes the JSON Schema of a suite from the same keys, and `reference` renders the inputs as
//!   documentation, action, workflow and component. `questions` are those of `init`.
//!
//! A mistake is what the user is told instead of settings.
//!
//! No error or message of this module may contain a value that could be a secret.

mod inputs;
mod layers;
mod questions;
mod reference;
mod schema;
mod secrets;
mod settings;
mod suite;

pub use faultgate_core::model::EngineKind;
pub use inputs::choices::{CommentAccounts, CommentMode, CommitStatusMode, LogFormat};
pub use inputs::input::{Group, Input};
pub use inputs::parse::{flag_duration, flag_percent};
pub use inputs::table::INPUTS;
pub use layers::file::{SUITE_DIR, SUITE_NAMES, bytes};
pub use layers::flags::{flags, read_flags};
pub use layers::tokens::Tokens;
pub use layers::tree::{Content, Entry, Mark, Node};
pub use layers::unique::UniqueKeys;
pub use layers::yaml::{YamlFault, parse as parse_yaml};
pub use questions::{Answers, ENGINE, Need, PLATFORM, Platform, QUESTIONS, Question};
pub use reference::{Format, find_page, render};
pub use secrets::inherited::{for_commands, without_secrets};
pub use secrets::veil::Veil;
pub use settings::comparison::Compared;
pub use settings::control_planes::{ControlPlanes, Unnamed};
pub use settings::lint::lint_settings;
pub use settings::policies::{NamedPolicy, named_policies};
pub use settings::report::{compare_to, report_dir, report_places, repository_and_commit};
pub use settings::reporting::{ReportSettings, merge_settings};
pub use settings::result_file::{parse_result, read_result};
pub use settings::run::{Outside, Settings, load, load_again};
pub use settings::stop::{STOP_INPUTS, StopSettings, state_file, stop_settings};
pub use settings::sweep::{SWEEP_INPUTS, SweepSettings, sweep_settings};
pub use suite::blocks::fis::{Members, MembersFrom};
pub use suite::part::FindShard;
pub use suite::query::{FoundTemplate, QueryAnswers, TemplateQuery};
pub use suite::selection::address_input;

#[cfg(test)]
mod property_tests;
#[cfg(test)]
mod tests;
