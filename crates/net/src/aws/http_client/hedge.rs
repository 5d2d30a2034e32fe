//! A client of the SDK that hedges its requests: those beside the first go over connections of their own, and are
//! counted.

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::retry::ErrorKind;
use http_body_util::BodyExt;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::super::calls::CountCalls;
use super::super::config::ATTEMPT_TIMEOUT;
use crate::hedge::hedge;

/// Mark of a request that must not be sent over a connection which others have used: that one may be dead.
#[derive(Debug, Clone, Copy)]
pub(super) struct OnNewConnection;

/// A client that hedges the requests of one operation.
#[derive(Debug, Clone)]
pub struct Hedged<T> {
    inner: T,
    operation: &'static str,
    counted: CountCalls,
    hurried: CancellationToken,
}

impl Hedged<SharedHttpClient> {
    /// Makes a client that sends by `inner`. `hurried` says that time is short, as after a signal; the further
    /// requests are counted as those of `operation`.
    pub fn new(
        inner: SharedHttpClient,
        operation: &'static str,
        counted: CountCalls,
        hurried: CancellationToken,
    ) -> Self {
        Self { inner, operation, counted, hurried }
    }
}

impl HttpClient for Hedged<SharedHttpClient> {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let Self { inner, operation, counted, hurried } = self.clone();
        let inner = inner.http_connector(settings, components);
        SharedHttpConnector::new(Hedged { inner, operation, counted, hurried })
    }
}

impl HttpConnector for Hedged<SharedHttpConnector> {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let hedged = self.clone();
        HttpConnectorFuture::new(async move { hedged.ask(request).await })
    }
}

impl Hedged<SharedHttpConnector> {
    async fn ask(self, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let Self { inner, operation, counted, hurried } = self;
        let again = request.try_clone();
        let further = || {
            let mut request = again.as_ref()?.try_clone()?;
            request.add_extension(OnNewConnection);
            counted.count(operation);
            Some(exchange(&inner, request))
        };
        hedge(exchange(&inner, request), further, &hurried).await
    }
}

/// Sends one request, and reads its whole answer: an answer that stops in its middle is none.
async fn exchange(
    connector: &SharedHttpConnector,
    request: HttpRequest,
) -> Result<HttpResponse, ConnectorError> {
    let sent = connector.call(request);
    let exchanging = async {
        let mut answer = sent.await?;
        let lost = |error| ConnectorError::other(error, Some(ErrorKind::TransientError));
        let body = answer.take_body().collect().await.map_err(lost)?.to_bytes();
        *answer.body_mut() = SdkBody::from(body);
        Ok(answer)
    };
    timeout(ATTEMPT_TIMEOUT, exchanging)
        .await
        .unwrap_or_else(|late| Err(ConnectorError::timeout(late.into())))
}

#[cfg(test)]
#[path = "hedge_tests.rs"]
mod tests;
