//! The composition root: settings become engines, accounts and sinks.
//!
//! - [`engines`] connects engines to [`places`]: those of a plan, with the probes of [`probes`], or any others.
//! - [`accounts`] connects to AWS, each account and Region once, at the real or embedded [`endpoints`].
//! - [`sinks`] makes what writes the reports, for the run that [`surroundings`] finds in the CI.
//! - [`settings`] loads the settings of a run and its policies, with the answers to the suite's [`queries`], and
//!   [`guard`] applies the policies.
//! - [`rehearsal`] rewrites a plan for an embedded world, and serves that world.
//!
//! Nothing here decides what happens to an experiment, and nothing here waits for one.

pub(crate) mod accounts;
pub(crate) mod endpoints;
pub(crate) mod engines;
pub(crate) mod guard;
pub(crate) mod herald;
pub(crate) mod places;
mod probes;
mod queries;
pub(crate) mod rehearsal;
pub(crate) mod results;
pub(crate) mod settings;
pub(crate) mod sinks;
pub(crate) mod surroundings;
