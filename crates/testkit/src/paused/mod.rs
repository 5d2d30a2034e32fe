//! Whole runs in an embedded world, on a clock that only moves when everybody waits.
//!
//! `chaos` makes random schedules and `player` runs them; `laws` has what must hold afterwards. `world` runs one
//! plan that a test disturbs itself. `noted` is a journal in memory, `queue` one of the user's own, and `hub` that of many accounts.

pub mod chaos;
pub mod hub;
pub mod laws;
pub mod noted;
pub mod player;
pub mod queue;
pub mod world;
