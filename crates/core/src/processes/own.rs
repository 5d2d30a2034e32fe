//! The children that this process has started itself, so that nobody reaps them as orphans.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Process ids of the children that this process has started itself, each of which some code waits for.
static OWN: Mutex<BTreeSet<i32>> = Mutex::new(BTreeSet::new());

/// A child that some code waits for. As long as this value lives, nobody else reaps the child.
#[derive(Debug)]
pub struct Own(i32);

impl Own {
    /// Registers the child with this process id.
    pub fn new(pid: i32) -> Self {
        own().insert(pid);
        Self(pid)
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        own().remove(&self.0);
    }
}

/// Returns the process ids of these children.
pub(super) fn own() -> MutexGuard<'static, BTreeSet<i32>> {
    OWN.lock().unwrap_or_else(PoisonError::into_inner)
}
