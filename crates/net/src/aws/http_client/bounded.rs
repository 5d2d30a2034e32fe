//! The limit on the size of answers to the SDK: a server that answers without end must not take memory
//! without end.

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use http_body_util::Limited;

/// Maximum size of an answer, in bytes: ten messages of a queue at their largest, 1 MiB each, with room for
/// JSON's escapes.
pub(super) const MAX_ANSWER_BYTES: usize = 32 << 20;

/// A client whose answers end with an error where they are larger than the limit.
#[derive(Debug)]
pub(super) struct BoundedAnswers<T>(pub(super) T);

impl HttpClient for BoundedAnswers<SharedHttpClient> {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(BoundedAnswers(self.0.http_connector(settings, components)))
    }
}

impl HttpConnector for BoundedAnswers<SharedHttpConnector> {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let sent = self.0.call(request);
        HttpConnectorFuture::new(async move {
            let bounded = |body| SdkBody::from_body_1_x(Limited::new(body, MAX_ANSWER_BYTES));
            sent.await.map(|answer| answer.map(bounded))
        })
    }
}
