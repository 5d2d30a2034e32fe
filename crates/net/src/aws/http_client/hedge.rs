//! The hedge of a request that must not wait for one answer alone: while none has come, the same request goes out
//! again beside those under way, each over a connection of its own, and the first answer counts.
//!
//! It is for requests that do no harm twice. One that is answered in time goes out once.

use std::time::Duration;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::retry::ErrorKind;
use futures_util::stream::{FuturesUnordered, StreamExt};
use http_body_util::BodyExt;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::super::calls::CountCalls;
use super::super::config::ATTEMPT_TIMEOUT;

/// Time without an answer after which the request goes out once more.
const SEND_AGAIN_AFTER: Duration = Duration::from_millis(1500);
/// Largest number of requests under way, since each takes a connection. It does not hold when time is short.
const MAX_UNDER_WAY: usize = 4;

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
    /// Sends the request again and again until one is answered, or all of them have failed.
    async fn ask(self, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let Self { inner, operation, counted, hurried } = self;
        let again = request.try_clone();
        let mut under_way = FuturesUnordered::from_iter([exchange(&inner, request)]);
        let mut sent_at = Instant::now();
        loop {
            let is_hurried = hurried.is_cancelled();
            let further = again.as_ref().filter(|_| is_hurried || under_way.len() < MAX_UNDER_WAY);
            tokio::select! {
                biased;
                Some(answer) = under_way.next() => match answer {
                    Err(error) if !under_way.is_empty() => tracing::debug!(%error, operation, "one of several"),
                    answer => return answer,
                },
                () = sleep_until(sent_at + SEND_AGAIN_AFTER), if further.is_some() => {
                    let Some(mut request) = further.and_then(HttpRequest::try_clone) else { continue };
                    request.add_extension(OnNewConnection);
                    counted.count(operation);
                    under_way.push(exchange(&inner, request));
                    sent_at = Instant::now();
                }
                () = hurried.cancelled(), if !is_hurried => {}
            }
        }
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
