//! The way out for requests: the HTTP client with its proxies and certificates, and the way into AWS.

pub mod aws;
pub mod foreign;
pub mod hedge;
pub mod http;
pub mod syntax;
