//! The removal of credentials from refusals. AWS shows the whole request where a signature does not match,
//! session token included, and refusals get into messages and logs.

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use http_body_util::BodyExt;

use faultgate_core::secret::Secret;

/// Headers of a request that hold credentials: the session token, and the token for a container's
/// credentials.
const CREDENTIAL_HEADERS: [&str; 2] = ["x-amz-security-token", "authorization"];
/// Minimum length of a credential that is removed, in bytes. AWS's own have hundreds of them. A shorter text,
/// such as an emulator's, may stand anywhere in an answer, which would be torn apart without it.
const MIN_CREDENTIAL_BYTES: usize = 12;
/// Beginning of the parameter of a request to STS that holds the OpenID token.
const TOKEN_PARAMETER: &str = "WebIdentityToken=";

/// A client whose refusals do not repeat the credentials of the request.
#[derive(Debug)]
pub(super) struct VeiledRefusals<T>(pub(super) T);

impl HttpClient for VeiledRefusals<SharedHttpClient> {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(VeiledRefusals(self.0.http_connector(settings, components)))
    }
}

impl HttpConnector for VeiledRefusals<SharedHttpConnector> {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let credentials = credentials(&request);
        let sent = self.0.call(request);
        HttpConnectorFuture::new(async move {
            let answer = sent.await?;
            if answer.status().is_success() || credentials.is_empty() {
                return Ok(answer);
            }
            without(answer, &credentials).await
        })
    }
}

/// Returns the credentials in the headers of a request. `header` finds the value of one.
pub(in crate::aws) fn credentials_in<'a>(header: impl Fn(&'static str) -> Option<&'a str>) -> Vec<Secret> {
    let found = CREDENTIAL_HEADERS.iter().filter_map(|name| header(name));
    found.filter(|credential| credential.len() >= MIN_CREDENTIAL_BYTES).map(Secret::new).collect()
}

/// Returns the credentials that a request holds.
fn credentials(request: &HttpRequest) -> Vec<Secret> {
    let mut all = credentials_in(|name| request.headers().get(name));
    let body = request.body().bytes().and_then(|body| std::str::from_utf8(body).ok()).unwrap_or_default();
    let token = body.split('&').find_map(|pair| pair.strip_prefix(TOKEN_PARAMETER));
    if let Some(token) = token.filter(|token| token.len() >= MIN_CREDENTIAL_BYTES) {
        // A refusal may repeat the token as it was sent, or decoded.
        all.push(Secret::new(token));
        all.push(Secret::new(percent_encoding::percent_decode_str(token).decode_utf8_lossy()));
    }
    all
}

/// Replaces the credentials in the body of an answer by `***`.
async fn without(mut answer: HttpResponse, credentials: &[Secret]) -> Result<HttpResponse, ConnectorError> {
    let body = answer.take_body().collect().await.map_err(ConnectorError::io)?.to_bytes();
    let said = String::from_utf8_lossy(&body);
    let said = credentials.iter().fold(said.into_owned(), |said, credential| credential.veil(&said));
    *answer.body_mut() = SdkBody::from(said);
    Ok(answer)
}
