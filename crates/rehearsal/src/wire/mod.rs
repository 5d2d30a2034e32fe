//! The wire: how requests reach a world and how its answers reach the client. The services know nothing of it
//! but calls and answers (`protocol`).

pub(crate) mod flow;
pub(crate) mod in_memory;
pub(crate) mod protocol;
pub(crate) mod query;
pub(crate) mod route;
pub(crate) mod server;
