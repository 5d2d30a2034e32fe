//! The HTTP client of all requests, those of the SDK too: its trust, proxies and timeouts.
//!
//! `proxies` and `no_proxy` read the proxies of the environment, `trust` says whether the system has
//! certificates, `idn` writes hosts in ASCII, `body` reads answers up to a limit, and `failure` has the words
//! of errors. No client follows a redirect, since a token must go only to the server it was meant for.

use std::time::Duration;

use reqwest::redirect;
use rustls_pki_types::CertificateDer;

pub mod body;
mod failure;
pub mod idn;
mod no_proxy;
mod proxies;
pub(crate) mod trust;

pub use failure::{ClientFailure, NoClient, cause, no_client, remedy};
pub use no_proxy::Except;
pub use proxies::{Proxies, ProxyUrl};

use failure::not_built;

/// The trust and the proxies of HTTP clients.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HttpSettings {
    /// PEM certificates to trust beside the system's. They were checked when they were read.
    pub ca_bundle: Option<Vec<u8>>,
    pub proxies: Proxies,
}

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Timeout of a request with its whole answer.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

/// Makes a client that trusts the system's certificates. They are read here, which takes some milliseconds
/// that no launch should wait for.
pub fn client(settings: &HttpSettings) -> Result<reqwest::Client, ClientFailure> {
    client_with(settings, |builder| builder)
}

/// Makes a client as [`client`] does, with more settings by `more`, which may be called twice.
pub fn client_with(
    settings: &HttpSettings,
    more: impl Fn(reqwest::ClientBuilder) -> reqwest::ClientBuilder,
) -> Result<reqwest::Client, ClientFailure> {
    let first = match more(builder(settings)?).build() {
        Ok(client) => return Ok(client),
        Err(error) => error,
    };
    // The system's certificates are read again only after a failure: reading them takes a while, and the
    // client has just done so.
    if !*trust::SYSTEM_TRUSTS_NOBODY {
        return Err(not_built(first));
    }
    client_trusting(settings, webpki_root_certs::TLS_SERVER_ROOT_CERTS, more)
}

/// Makes a client that trusts these certificates and those of the bundle. The ones that are built in, which
/// browsers trust, serve a system that has none, such as an empty container.
pub(crate) fn client_trusting(
    settings: &HttpSettings,
    roots: &[CertificateDer<'_>],
    more: impl Fn(reqwest::ClientBuilder) -> reqwest::ClientBuilder,
) -> Result<reqwest::Client, ClientFailure> {
    let mut all = match &settings.ca_bundle {
        Some(pem) => reqwest::Certificate::from_pem_bundle(pem).map_err(not_built)?,
        None => Vec::new(),
    };
    for root in roots {
        all.push(reqwest::Certificate::from_der(root).map_err(not_built)?);
    }
    more(builder(settings)?).tls_certs_only(all).build().map_err(not_built)
}

/// Returns a builder with everything that all clients share.
fn builder(settings: &HttpSettings) -> Result<reqwest::ClientBuilder, ClientFailure> {
    let mut builder = reqwest::Client::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(REQUEST_TIMEOUT)
        .tcp_nodelay(true)
        // A redirect could take a token to another server than the one it was meant for.
        .redirect(redirect::Policy::none())
        .user_agent(concat!("faultgate/", env!("CARGO_PKG_VERSION")))
        // The settings have the environment's proxies already, checked.
        .no_proxy();
    if let Some(proxy) = settings.proxies.for_reqwest() {
        builder = builder.proxy(proxy);
    }
    if let Some(pem) = &settings.ca_bundle {
        let certificates = reqwest::Certificate::from_pem_bundle(pem).map_err(not_built)?;
        builder = builder.tls_certs_merge(certificates);
    }
    Ok(builder)
}

#[cfg(test)]
mod tests;
