//! Chaos on ourselves: the real binary is killed at every step, and deprived of all that it stands on.
//! Afterwards nothing runs, nothing is left, and nothing untrue was told.
//!
//! - `matrix` plays the cases of `case`, judges them by `laws`, and counts them in `figures`.
//! - `emergency` disturbs the stop of everything.
//! - `site` has what a run needs, and `gate` stands between the binary and the services.
//! - `clock`, `credentials`, `disk`, `network`, `outputs` and `panics` each take one thing away.

#![allow(clippy::unwrap_used, reason = "a helper of tests that cannot go on fails the test")]
#![allow(clippy::print_stdout, reason = "figures, and why a test is left out")]

mod case;
mod clock;
mod credentials;
mod disk;
mod emergency;
mod figures;
mod gate;
mod laws;
mod matrix;
mod network;
mod outputs;
mod panics;
mod site;
