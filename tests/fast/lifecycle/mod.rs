//! Tests of the whole lifecycle with the real SDK and the embedded endpoints. They run on a paused clock, so
//! that what would take minutes takes no time.

mod control_plane;
mod events;
mod fleet;
mod guarded_lies;
mod handshake;
mod hub;
mod launch;
mod lies;
mod outage;
mod properties;
mod queue;
mod verdict;
