//! The world: its Regions, what happens later in them, and what observers may ask.

pub(crate) mod account;
pub(crate) mod buckets;
pub(crate) mod limits;
pub(crate) mod observe;
pub(crate) mod organization;
pub(crate) mod play;
pub(crate) mod region;
