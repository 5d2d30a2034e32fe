//! faultgate: chaos experiments as a gate in the delivery pipeline.
//!
//! The way through, in one direction: [`config`] makes a plan of the inputs, [`lifecycle`] launches
//! and monitors what the plan says through an [`engine`], publishes [`model::RunEvent`]s, and every
//! [`report`] sink listens. Nothing below knows anything above. `docs/architecture.md` has the picture.
#![forbid(unsafe_code)]

pub mod aws;
pub mod ci;
pub mod cli;
pub mod clock;
pub mod config;
mod digest;
pub mod engine;
pub mod environment;
mod files;
mod foreign;
pub mod forge;
pub mod http;
pub mod iam;
pub mod init;
mod kin;
pub mod lifecycle;
pub mod lint;
pub mod mistake;
pub mod model;
mod orphans;
pub mod panics;
pub mod probe;
mod process_group;
pub mod rehearsal;
pub mod report;
pub mod role;
pub mod secret;
pub mod state_file;
mod syntax;
pub mod text;
mod unreplaced;
