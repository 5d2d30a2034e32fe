//! faultgate: chaos experiments as a gate in the delivery pipeline.
//!
//! Data goes one way: [`config`] makes a plan of the inputs, [`lifecycle`] launches and monitors the plan's
//! experiments through an [`engine`] and publishes [`model::RunEvent`]s, and every [`report`] sink listens.
//! `docs/architecture.md` has the picture, and `docs/glossary.md` the words.
#![forbid(unsafe_code)]

mod aws;
pub mod ci;
pub mod cli;
pub mod clock;
pub mod config;
mod digest;
pub mod engine;
mod files;
pub mod forge;
pub mod http;
pub mod iam;
pub mod init;
mod kin;
pub mod lifecycle;
pub mod lint;
pub mod model;
mod orphans;
pub mod panics;
pub mod probe;
mod process_group;
pub mod rehearsal;
pub mod report;
pub mod role;
pub mod state_file;
pub mod text;
