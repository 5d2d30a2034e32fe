//! The processes of the machine: everything that a command has started, wherever it has gone.
//!
//! - `group` sends signals to process groups, and tells the identity of a process.
//! - `kin` finds all processes that carry the mark of an experiment, whatever group or parent they have now.
//! - `orphans` reaps processes that lost their parents and became children of faultgate, and `own` knows the
//!   children that it has started itself.

pub mod group;
pub mod kin;
pub mod orphans;
pub mod own;
