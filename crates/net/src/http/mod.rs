//! The HTTP client of everything that is not AWS: its trust, proxies and timeouts.
//!
//! `proxies` and `no_proxy` read the proxies of the environment, `trust` says whether the system has
//! certificates, `idn` writes hosts in ASCII, `body` reads answers up to a limit, and `failure` has the words
//! of errors. No client follows a redirect, since a token must go only to the server it was meant for.

use std::time::Duration;

use reqwest::redirect;

pub mod body;
mod failure;
pub mod idn;
mod no_proxy;
mod proxies;
pub(crate) mod trust;

pub use failure::{ClientFailure, NoClient, cause, remedy};
pub use no_proxy::Except;
pub use proxies::{Proxies, ProxyUrl};

use failure::no_client;

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
        return Err(no_client(first));
    }
    let built_in = reqwest_certificates(settings.ca_bundle.as_deref())?;
    more(builder(settings)?).tls_certs_only(built_in).build().map_err(no_client)
}

/// Returns the built-in certificates, which browsers trust, and those of the bundle. They serve a system that
/// has none, such as an empty container.
fn reqwest_certificates(bundle: Option<&[u8]>) -> Result<Vec<reqwest::Certificate>, ClientFailure> {
    let mut all = match bundle {
        Some(pem) => reqwest::Certificate::from_pem_bundle(pem).map_err(no_client)?,
        None => Vec::new(),
    };
    for der in webpki_root_certs::TLS_SERVER_ROOT_CERTS {
        all.push(reqwest::Certificate::from_der(der).map_err(no_client)?);
    }
    Ok(all)
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
        let certificates = reqwest::Certificate::from_pem_bundle(pem).map_err(no_client)?;
        builder = builder.tls_certs_merge(certificates);
    }
    Ok(builder)
}

#[cfg(test)]
mod tests;
