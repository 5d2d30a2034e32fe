//! The settings of each command: `run` has those of a run, `stop` and `sweep` those of the commands that clean
//! up, and `report` and `lint` those of the commands that only write reports or
//! read templates.
//!
//! `reporting` are those of the reports, of a run and of a merge. `comparison` and `result_file` read the earlier
//! result, `control_planes` says who may be sent a secret, `policies` says which policies hold, and `trust` reads
//! certificates and proxies.

pub(crate) mod comparison;
pub(crate) mod control_planes;
pub(crate) mod lint;
pub(crate) mod policies;
pub(crate) mod report;
pub(crate) mod reporting;
pub(crate) mod result_file;
pub(crate) mod run;
pub(crate) mod stop;
pub(crate) mod sweep;
pub(crate) mod trust;
