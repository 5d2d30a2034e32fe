//! The HTTP client of everything that is not AWS: its trust, proxies and timeouts.
//!
//! `proxies` and `no_proxy` read the proxies of the environment, `trust` says whether the system has
//! certificates, `idn` writes hosts in ASCII, and `body` reads answers up to a limit. No client follows a
//! redirect, since a token must go only to the server it was meant for.

use std::time::Duration;

use reqwest::redirect;

pub mod body;
pub mod idn;
mod no_proxy;
mod proxies;
pub(crate) mod trust;

pub use no_proxy::Except;
pub use proxies::{Proxies, ProxyUrl};

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
/// that no launch should wait for. The error completes "no HTTP client: …".
pub fn client(settings: &HttpSettings) -> Result<reqwest::Client, String> {
    client_with(settings, |builder| builder)
}

/// Makes a client as [`client`] does, with more settings by `more`, which may be called twice.
pub fn client_with(
    settings: &HttpSettings,
    more: impl Fn(reqwest::ClientBuilder) -> reqwest::ClientBuilder,
) -> Result<reqwest::Client, String> {
    let first = match more(builder(settings)?).build() {
        Ok(client) => return Ok(client),
        Err(error) => error,
    };
    // The system's certificates are read again only after a failure: reading them takes a while, and the
    // client has just done so.
    if !*trust::SYSTEM_TRUSTS_NOBODY {
        return Err(cause(&first));
    }
    let built_in = reqwest_certificates(settings.ca_bundle.as_deref())?;
    more(builder(settings)?).tls_certs_only(built_in).build().map_err(|error| cause(&error))
}

/// Returns the built-in certificates, which browsers trust, and those of the bundle. They serve a system that
/// has none, such as an empty container.
fn reqwest_certificates(bundle: Option<&[u8]>) -> Result<Vec<reqwest::Certificate>, String> {
    let mut all = match bundle {
        Some(pem) => reqwest::Certificate::from_pem_bundle(pem).map_err(|error| cause(&error))?,
        None => Vec::new(),
    };
    for der in webpki_root_certs::TLS_SERVER_ROOT_CERTS {
        all.push(reqwest::Certificate::from_der(der).map_err(|error| cause(&error))?);
    }
    Ok(all)
}

/// Returns a builder with everything that all clients share.
fn builder(settings: &HttpSettings) -> Result<reqwest::ClientBuilder, String> {
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
        let certificates = reqwest::Certificate::from_pem_bundle(pem).map_err(|error| cause(&error))?;
        builder = builder.tls_certs_merge(certificates);
    }
    Ok(builder)
}

/// Returns the message of each error in the chain, joined by colons, and nothing of an answer's content,
/// which may be anything. An error of `reqwest` names the URL; take it off first (`without_url`) where it may
/// hold a secret.
pub fn cause(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    let mut said: Vec<String> = std::iter::once(error).chain(causes).map(ToString::to_string).collect();
    // Wrappers often repeat the message of the error within.
    said.dedup();
    said.join(": ")
}

/// Returns the remedy for a connection that failed for this reason, where one is known.
pub fn remedy(why: &str) -> Option<&'static str> {
    let untrusted = ["UnknownIssuer", "unknown issuer", "No CA certificates"];
    untrusted.iter().any(|words| why.contains(words)).then_some(
        "if its certificate is signed by a private authority, set ca-bundle (FAULTGATE_CA_BUNDLE) to a PEM file \
         with that authority's certificate",
    )
}

#[cfg(test)]
mod tests;
