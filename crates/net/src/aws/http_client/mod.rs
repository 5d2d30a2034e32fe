//! The HTTP client of the SDK. It is that of everything else, so that one place knows of certificates, proxies and
//! limits. Every client is wrapped: `bounded` limits the size of answers, and `veil` takes credentials out of
//! refusals.

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
use self::veil::VeiledRefusals;
pub(super) use self::veil::credentials_in;

mod bounded;
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
    // The SDK limits each attempt and each operation by itself.
    let client = client_with(settings, |builder| {
        builder.timeout(OPERATION_TIMEOUT).pool_max_idle_per_host(MAX_IDLE_CONNECTIONS)
    })?;
    Ok(wrap_client(client))
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
    Ok(wrap_client(client))
}

fn wrap_client(client: reqwest::Client) -> SharedHttpClient {
    let bounded = SharedHttpClient::new(BoundedAnswers(SharedHttpClient::new(OwnClient(client))));
    SharedHttpClient::new(VeiledRefusals(bounded))
}

/// The client of everything else, as the SDK takes one.
#[derive(Debug, Clone)]
struct OwnClient(reqwest::Client);

impl HttpClient for OwnClient {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for OwnClient {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let Self(client) = self.clone();
        HttpConnectorFuture::new(async move {
            let request = request.try_into_http1x().map_err(|error| ConnectorError::user(error.into()))?;
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
