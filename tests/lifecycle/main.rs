//! The whole lifecycle, the real SDK and the embedded endpoints, on a paused clock: what takes minutes takes none.

mod chaos;
mod handshake;
mod launch;
mod laws;
mod outage;
mod properties;
