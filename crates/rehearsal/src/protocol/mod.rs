//! The protocol: calls and their answers, which is all that the services know of the wire.

pub(crate) mod call;
pub(crate) mod query;
pub(crate) mod rest_xml;
pub(crate) mod route;
