//! The HTTP client of the SDK. It is that of everything else, so that one place knows of certificates, proxies and
//! limits. Every client is wrapped: `bounded` limits the size of answers, and `veil` takes credentials out of
//! refusals. `hedge` sends a request again while it is not answered.

use std::sync::{Arc, OnceLock};

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::retry::ErrorKind;

use super::config::OPERATION_TIMEOUT;
use crate::http::{ClientFailure, HttpSettings, client_with};

use self::bounded::BoundedAnswers;
pub use self::hedge::Hedged;
use self::hedge::OnNewConnection;
use self::veil::VeiledRefusals;
pub(super) use self::veil::credentials_in;

mod bounded;
mod hedge;
mod veil;

/// Number of idle connections to one host that are kept. Each takes some memory, and after a burst of requests
/// there are hundreds.
const MAX_IDLE_CONNECTIONS: usize = 16;

/// Makes a client for the SDK. It trusts and takes the proxies as [`client_with`] says, reads no answer without
/// end, and passes on no refusal that repeats the credentials.
///
/// # Errors
///
/// TLS cannot be had.
pub fn http_client(settings: &HttpSettings) -> Result<SharedHttpClient, ClientFailure> {
    let client = client_keeping(MAX_IDLE_CONNECTIONS, settings)?;
    let further = Some(Arc::new(FurtherClient { settings: settings.clone(), made: OnceLock::new() }));
    Ok(wrap_client(OwnClient { client, further }))
}

/// Makes a client that keeps this number of idle connections to one host.
fn client_keeping(idle: usize, settings: &HttpSettings) -> Result<reqwest::Client, ClientFailure> {
    // The SDK limits each attempt and each operation by itself.
    client_with(settings, |builder| builder.timeout(OPERATION_TIMEOUT).pool_max_idle_per_host(idle))
}

/// Makes a client for endpoints on this machine, which speak no TLS. It takes nothing from the environment.
///
/// # Errors
///
/// The client cannot be made.
pub(super) fn local_client() -> Result<SharedHttpClient, ClientFailure> {
    let nobody = [];
    let client = client_with(&HttpSettings::default(), |builder| {
        builder
            .timeout(OPERATION_TIMEOUT)
            .pool_max_idle_per_host(MAX_IDLE_CONNECTIONS)
            .tls_certs_only(nobody.clone())
    })?;
    Ok(wrap_client(OwnClient { client, further: None }))
}

fn wrap_client(client: OwnClient) -> SharedHttpClient {
    let bounded = SharedHttpClient::new(BoundedAnswers(SharedHttpClient::new(client)));
    SharedHttpClient::new(VeiledRefusals(bounded))
}

/// The client of everything else, as the SDK takes one.
#[derive(Debug, Clone)]
struct OwnClient {
    client: reqwest::Client,
    /// The client for new connections; None where connections do not die unnoticed.
    further: Option<Arc<FurtherClient>>,
}

/// A client that keeps no connection. It is made when it is needed, since reading certificates takes a while.
#[derive(Debug)]
struct FurtherClient {
    settings: HttpSettings,
    made: OnceLock<Option<reqwest::Client>>,
}

impl OwnClient {
    /// Returns the client for this request.
    fn choose(&self, request: &http::Request<SdkBody>) -> &reqwest::Client {
        let further = || {
            let FurtherClient { settings, made } = self.further.as_deref()?;
            made.get_or_init(|| client_keeping(0, settings).ok()).as_ref()
        };
        let wants_further = request.extensions().get::<OnNewConnection>().is_some();
        wants_further.then(further).flatten().unwrap_or(&self.client)
    }
}

impl HttpClient for OwnClient {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for OwnClient {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let own = self.clone();
        HttpConnectorFuture::new(async move {
            let request = request.try_into_http1x().map_err(|error| ConnectorError::user(error.into()))?;
            let client = own.choose(&request).clone();
            let request = reqwest::Request::try_from(request.map(reqwest::Body::wrap))
                .map_err(|error| ConnectorError::user(error.into()))?;
            let answer: http::Response<reqwest::Body> =
                client.execute(request).await.map_err(to_connector_error)?.into();
            HttpResponse::try_from(answer.map(SdkBody::from_body_1_x))
                .map_err(|error| ConnectorError::other(error.into(), None))
        })
    }
}

/// Tells the SDK what kind of failure it was, since that decides whether the request is sent again.
fn to_connector_error(error: reqwest::Error) -> ConnectorError {
    if error.is_builder() {
        ConnectorError::user(error.into())
    } else if error.is_timeout() {
        ConnectorError::timeout(error.into())
    } else if error.is_connect() {
        ConnectorError::io(error.into())
    } else {
        // The connection was lost before the whole answer had come.
        ConnectorError::other(error.into(), Some(ErrorKind::TransientError))
    }
}

#[cfg(test)]
mod tests;
