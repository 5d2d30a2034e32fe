//! The SDK's HTTP client, where its own would not do.

use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_http_client::{Builder, Connector, proxy::ProxyConfig};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;

use super::HttpSettings;

/// A client for the SDK that trusts the bundle and takes the proxies. None where the SDK's own does the same.
pub fn aws_client(settings: &HttpSettings) -> Option<SharedHttpClient> {
    let HttpSettings { ca_bundle, proxies } = settings;
    if ca_bundle.is_none() && proxies.is_empty() {
        return None;
    }
    let tls = trusting(ca_bundle.as_deref())?;
    let https = client(&tls, proxies.for_aws(proxies.https.as_ref()));
    if proxies.http == proxies.https {
        return Some(https);
    }
    let http = client(&tls, proxies.for_aws(proxies.http.as_ref()));
    Some(SharedHttpClient::new(ByScheme { http, https }))
}

fn trusting(pem: Option<&[u8]>) -> Option<TlsContext> {
    let mut store = TrustStore::default().with_native_roots(true);
    if let Some(pem) = pem {
        store.add_pem_certificate(pem);
    }
    // Only other providers than ours can refuse.
    TlsContext::builder().with_trust_store(store).build().ok()
}

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

/// The SDK's client knows one proxy.
#[derive(Debug)]
struct ByScheme<T> {
    http: T,
    https: T,
}

impl HttpClient for ByScheme<SharedHttpClient> {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(ByScheme {
            http: self.http.http_connector(settings, components),
            https: self.https.http_connector(settings, components),
        })
    }
}

impl HttpConnector for ByScheme<SharedHttpConnector> {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        if request.uri().starts_with("https:") { self.https.call(request) } else { self.http.call(request) }
    }
}
