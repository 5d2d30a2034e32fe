//! The state file: by it another process ends what a run has begun, whatever became of the run.
//!
//! `file` reads and writes it, whole or not at all; `journal` keeps it while a run goes on; `hold` lets no two processes
//! keep one.

mod file;
mod hold;
mod journal;

pub use file::{Unreadable, read, write};
pub use hold::{Hold, NotHeld, hold};
pub use journal::{RunJournal, what_earlier_runs_left};
