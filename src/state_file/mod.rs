//! The state file, by which another process ends what a run has begun, whatever became of the run.
//!
//! - `file` reads and writes the file, whole or not at all.
//! - `run_journal` keeps it up to date while a run goes on.
//! - `hold` sees to it that only one process at a time works with it.

mod file;
mod hold;
mod run_journal;

pub use file::{read, write};
pub use hold::{Hold, NotHeld, hold};
pub use run_journal::{RunJournal, find_left_subscriptions};
