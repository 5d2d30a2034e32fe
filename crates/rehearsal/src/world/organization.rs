//! The organization of a world, as a test sets it up.

use super::account::World;

impl World {
    /// Puts accounts, each with its state, and units into a unit of the organization.
    pub fn organize(&self, parent: &str, accounts: &[(&str, &str)], units: &[&str]) {
        self.change(|state| state.organization.place(parent, accounts, units));
    }
}
