//! The story: what happens in a world, as data. Nothing here knows a service or a world.

pub(crate) mod fault;
pub(crate) mod plot;
pub(crate) mod scenario;
pub(crate) mod script;
pub(crate) mod target;
