//! The composition root: settings become [`engines`] in [`accounts`], [`sinks`], and the plan of a [`rehearsal`].

pub(crate) mod accounts;
pub(crate) mod engines;
pub(crate) mod rehearsal;
pub(crate) mod sinks;
