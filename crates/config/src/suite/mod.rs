//! The suite: what its tables say, and the experiments of a run.
//!
//! `keys` says what a table of keys is, and `reader` reads a table by its keys. `tables`, `blocks` and
//! `probes` have the tables, and `content` is what a whole file says, of which `links`
//! reads a part. `selection` chooses the experiments of a
//! run, `query` those that an entry
//! finds, `part` the part of them that one job carries out,
//! `completion` completes those of the control planes, whose addresses `pages` reads,
//! `times` tells which of them contradict each other, and `doubts` what is valid and hardly meant.

pub(crate) mod blocks;
pub(crate) mod completion;
pub(crate) mod content;
pub(crate) mod doubts;
pub(crate) mod keys;
pub(crate) mod links;
pub(crate) mod pages;
pub(crate) mod part;
pub(crate) mod probes;
pub(crate) mod query;
pub(crate) mod reader;
pub(crate) mod selection;
pub(crate) mod tables;
pub(crate) mod times;
