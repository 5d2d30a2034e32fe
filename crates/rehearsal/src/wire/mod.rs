//! The wire: how requests reach a world and how its answers reach the client. The services know nothing of
//! it but the [`protocol`](crate::protocol).

pub(crate) mod flow;
pub(crate) mod in_memory;
pub(crate) mod server;
