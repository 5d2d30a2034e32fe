//! Words of the contract whose capability comes with a later version. They are known, so that nobody is told they
//! are misspelt, and refused, so that nobody believes they did something. The capability's arrival deletes its word
//! here.

use super::Mistake;
use super::inputs::{Group, Input};

const VERSION: &str = concat!(env!("CARGO_PKG_VERSION_MAJOR"), ".", env!("CARGO_PKG_VERSION_MINOR"));

/// Engine blocks of a suite's experiment that this version cannot run.
pub(super) const ENGINES: &[&str] = &["harness", "litmus"];

/// Inputs that this version takes and does not use, besides those of the engines above.
const INPUTS: &[&str] = &["state-file"];

/// True of inputs that this version takes and cannot use.
pub(super) fn is_later(input: &Input) -> bool {
    matches!(input.group, Group::Harness | Group::Litmus) || INPUTS.contains(&input.name)
}

pub(super) fn note() -> String {
    format!("not available in faultgate {VERSION}")
}

pub(super) fn not_available(what: &str, origin: &str) -> Mistake {
    Mistake::new(origin, format!("{what} is {}", note())).hint("remove it, or use a version that has it")
}
