//! The inputs: `table` defines each of them once, and `input` says what a row is and how its value is read.
//!
//! `kind` knows the kinds of their values, `typed` and `choices` the types of these, and `parse` and `forms`
//! parse them.

pub(crate) mod choices;
pub(crate) mod forms;
pub(crate) mod input;
pub(crate) mod kind;
pub(crate) mod parse;
pub(crate) mod table;
pub(crate) mod typed;
