//! Words of the contract whose capability comes with a later version. They are known, so that nobody is told they
//! are misspelt, and refused, so that nobody believes they did something. The capability's arrival deletes its word
//! here.

use super::inputs::Input;

const VERSION: &str = concat!(env!("CARGO_PKG_VERSION_MAJOR"), ".", env!("CARGO_PKG_VERSION_MINOR"));

/// Inputs that this version takes and does not use.
const INPUTS: &[&str] = &["state-file"];

/// True of inputs that this version takes and cannot use.
pub(super) fn is_later(input: &Input) -> bool {
    INPUTS.contains(&input.name)
}

pub(super) fn note() -> String {
    format!("not available in faultgate {VERSION}")
}
