//! faultgate: chaos experiments as a gate in the delivery pipeline.
//!
//! The way through, in one direction: `faultgate_config` makes a plan of the inputs, [`lifecycle`] launches
//! and monitors what the plan says through an engine of `faultgate_engines`, publishes run events, and every
//! sink of `faultgate_report` listens. Nothing below knows anything above. `docs/architecture.md` has the picture.

pub mod cli;
mod ids;
mod init;
pub mod lifecycle;
mod linting;
mod planning;
mod recovery;
mod session;
pub mod state_file;
mod terminal;
mod wiring;
