//! The layers that settings come from, and what they say together.
//!
//! `flags`, `variables` and `file` read the layers; `tokens` reads the secrets, which are
//! in none of them. `merge` puts one layer over the other, and `values` parses the outcome. A suite file is
//! read by `yaml`, `tree` and `unique`, and `interpolate` replaces the variables in it.

pub(crate) mod certificates;
pub(crate) mod file;
pub(crate) mod flags;
pub(crate) mod interpolate;
pub(crate) mod merge;
pub(crate) mod tokens;
pub(crate) mod tree;
pub(crate) mod unique;
pub(crate) mod values;
pub(crate) mod variables;
pub(crate) mod yaml;
