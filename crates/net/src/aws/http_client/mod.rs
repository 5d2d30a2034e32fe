//! The HTTP client of the SDK. It is the SDK's own, unless there is a bundle, a proxy, or a system without
//! certificates; the SDK's default knows none of these as the settings mean them. Every client is wrapped:
//! `bounded` limits the size of answers, and `veil` takes credentials out of refusals.

use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_http_client::{Builder, Connector, proxy::ProxyConfig};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::base64;
use rustls_pki_types::CertificateDer;

use crate::http::trust::SYSTEM_TRUSTS_NOBODY;
use crate::http::{Except, HttpSettings, Proxies};

use self::bounded::BoundedAnswers;
use self::veil::VeiledRefusals;

mod bounded;
mod veil;

/// Makes a client for the SDK. It trusts the bundle, takes the proxies, has built-in certificates where the
/// system has none, such as in an empty container, reads no answer without end, and passes on no refusal that
/// repeats the credentials. Returns None where TLS cannot be had.
pub fn http_client(settings: &HttpSettings) -> Option<SharedHttpClient> {
    let built_in = SYSTEM_TRUSTS_NOBODY.then_some(webpki_root_certs::TLS_SERVER_ROOT_CERTS);
    client_of(settings, built_in)
}

/// Makes a client in its wrappers.
fn client_of(settings: &HttpSettings, built_in: Option<&[CertificateDer<'_>]>) -> Option<SharedHttpClient> {
    bare_client(settings, built_in).map(|client| {
        let bounded = SharedHttpClient::new(BoundedAnswers(client));
        SharedHttpClient::new(VeiledRefusals(bounded))
    })
}

/// Makes the client without its wrappers. `built_in` takes the place of the system's certificates.
fn bare_client(settings: &HttpSettings, built_in: Option<&[CertificateDer<'_>]>) -> Option<SharedHttpClient> {
    let HttpSettings { ca_bundle, proxies } = settings;
    if ca_bundle.is_none() && proxies.is_empty() && built_in.is_none() {
        // Nothing is special here, so the SDK's own client will do.
        let own = Builder::new().tls_provider(Provider::Rustls(CryptoMode::AwsLc)).build_https();
        return Some(own);
    }
    let tls = trusting(ca_bundle.as_deref(), built_in)?;
    let direct = client(&tls, None);
    if proxies.is_empty() {
        return Some(direct);
    }
    let http = client(&tls, Proxies::for_aws(proxies.http.as_ref()));
    let https = client(&tls, Proxies::for_aws(proxies.https.as_ref()));
    Some(SharedHttpClient::new(ByAddress { direct, http, https, except: proxies.except.clone() }))
}

/// Returns a TLS context that trusts the bundle, and the built-in certificates or else the system's.
fn trusting(bundle: Option<&[u8]>, built_in: Option<&[CertificateDer<'_>]>) -> Option<TlsContext> {
    let mut store = TrustStore::empty().with_native_roots(built_in.is_none());
    for certificate in built_in.unwrap_or_default() {
        store.add_pem_certificate(pem(certificate));
    }
    if let Some(bundle) = bundle {
        store.add_pem_certificate(bundle);
    }
    // Only TLS providers other than rustls can refuse.
    TlsContext::builder().with_trust_store(store).build().ok()
}

/// Writes a certificate as PEM, the only form in which the SDK takes one.
fn pem(certificate: &CertificateDer<'_>) -> String {
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", base64::encode(certificate))
}

/// Makes a client for one proxy, or for direct connections.
fn client(tls: &TlsContext, proxy: Option<ProxyConfig>) -> SharedHttpClient {
    let tls = tls.clone();
    Builder::new().build_with_connector_fn(move |settings, components| {
        let mut builder = Connector::builder();
        builder.set_connector_settings(settings.cloned());
        builder.set_sleep_impl(components.and_then(RuntimeComponents::sleep_impl));
        builder.set_proxy_config(proxy.clone());
        builder.tls_provider(Provider::Rustls(CryptoMode::AwsLc)).tls_context(tls.clone()).build()
    })
}

/// A client that chooses the proxy by the address of each request. The SDK's own client knows one proxy, and
/// matches the hosts of NO_PROXY without their ports.
#[derive(Debug)]
struct ByAddress<T> {
    direct: T,
    http: T,
    https: T,
    except: Except,
}

impl HttpClient for ByAddress<SharedHttpClient> {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let connector = |client: &SharedHttpClient| client.http_connector(settings, components);
        SharedHttpConnector::new(ByAddress {
            direct: connector(&self.direct),
            http: connector(&self.http),
            https: connector(&self.https),
            except: self.except.clone(),
        })
    }
}

impl HttpConnector for ByAddress<SharedHttpConnector> {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let address = request.uri();
        if self.except.has(address) {
            self.direct.call(request)
        } else if address.starts_with("https:") {
            self.https.call(request)
        } else {
            self.http.call(request)
        }
    }
}

#[cfg(test)]
mod tests;
