//! How requests leave the process: whom to trust, which proxy to take, how long to wait. The one client for everything
//! that is not AWS, and the SDK's where its own would not do.

use std::time::Duration;

use reqwest::redirect;

mod aws;
pub mod calls;
pub mod idn;
mod no_proxy;
mod proxies;

pub use aws::aws_client;
pub use no_proxy::Except;
pub use proxies::{Proxies, ProxyUrl};

/// Trust and ways of HTTP clients.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HttpSettings {
    /// PEM certificates to trust beside the system's, known to be good.
    pub ca_bundle: Option<Vec<u8>>,
    pub proxies: Proxies,
}

const CONNECT_LIMIT: Duration = Duration::from_secs(3);
const REQUEST_LIMIT: Duration = Duration::from_secs(5);

/// A client with the system's certificates, which it reads here: some milliseconds that no launch should wait for.
/// The error completes "no HTTP client: …".
pub fn client(settings: &HttpSettings) -> Result<reqwest::Client, String> {
    client_with(settings, |builder| builder)
}

/// The same, for who wants more of it.
pub fn client_with(
    settings: &HttpSettings,
    more: impl Fn(reqwest::ClientBuilder) -> reqwest::ClientBuilder,
) -> Result<reqwest::Client, String> {
    let first = match more(builder(settings)?).build() {
        Ok(client) => return Ok(client),
        Err(error) => error,
    };
    // Not asked before: reading them takes a while, and the client has just done so.
    if !*aws::SYSTEM_TRUSTS_NOBODY {
        return Err(cause(&first));
    }
    let built_in = reqwest_certificates(settings.ca_bundle.as_deref())?;
    more(builder(settings)?).tls_certs_only(built_in).build().map_err(|error| cause(&error))
}

/// The certificates of browsers, for a system that has none, such as an empty container; and those of the bundle.
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

fn builder(settings: &HttpSettings) -> Result<reqwest::ClientBuilder, String> {
    let mut builder = reqwest::Client::builder()
        .connect_timeout(CONNECT_LIMIT)
        .timeout(REQUEST_LIMIT)
        .tcp_nodelay(true)
        // A token goes to the server it was meant for and to no other.
        .redirect(redirect::Policy::none())
        .user_agent(concat!("faultgate/", env!("CARGO_PKG_VERSION")))
        // The environment's proxies are in the settings, checked.
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

/// What each error in the chain says. Not what it holds: an answer may hold anything. `reqwest`'s names the URL;
/// take it off (`without_url`) where that may hold a secret.
pub fn cause(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    let mut said: Vec<String> = std::iter::once(error).chain(causes).map(ToString::to_string).collect();
    said.dedup();
    said.join(": ")
}

/// What to do about a connection that failed for this reason, where that is known.
pub fn remedy(why: &str) -> Option<&'static str> {
    let untrusted = ["UnknownIssuer", "unknown issuer", "No CA certificates"];
    untrusted.iter().any(|words| why.contains(words)).then_some(
        "if its certificate is signed by a private authority, set ca-bundle (FAULTGATE_CA_BUNDLE) to a PEM file \
         with that authority's certificate",
    )
}

#[cfg(test)]
mod tests;
