//! The endpoints that engines send their requests to.

use faultgate_net::http::HttpSettings;

/// The endpoints that the engines send their requests to.
pub(crate) enum Endpoints {
    /// The real endpoints, as the SDK's default chain finds them, through these certificates and proxies.
    Real(HttpSettings),
    /// The embedded endpoints at this address.
    Embedded(String),
}
