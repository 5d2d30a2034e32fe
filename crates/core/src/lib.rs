//! The ground of every other crate: the words of the field (`model`), the clock, texts, files, processes.
//!
//! Nothing here knows of engines, settings or reports.

pub mod backoff;
pub mod clock;
mod closed_set;
pub mod digest;
pub mod duration;
pub mod environment;
pub mod failure;
pub mod files;
pub mod mistake;
pub mod model;
pub mod panics;
pub mod processes;
pub mod secret;
pub mod text;
pub mod unreplaced;
pub mod url;
pub mod versioned;
