//! Tests of the whole lifecycle with the real SDK and the embedded endpoints. They run on a paused clock, so
//! that what would take minutes takes no time.

mod chaos;
mod control_plane;
mod events;
mod handshake;
mod launch;
mod laws;
mod lies;
mod noted;
mod outage;
mod properties;
mod queue;
mod world;

#[path = "../faults/answers.rs"]
#[allow(dead_code, reason = "a part of it is another crate's")]
mod answers;
#[path = "../faults/invariants.rs"]
#[allow(dead_code, reason = "a part of it is another crate's")]
mod invariants;
