//! An HTTP client for SDKs that hands requests straight to a world. Without a socket, a paused clock can
//! drive it.

use std::io::ErrorKind;
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_runtime_api::http::HttpError;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use http_body_util::BodyExt;

use crate::world::account::WireAnswer;
use crate::world::account::World;

/// Makes the HTTP client for an SDK's configuration.
pub fn http_client(world: World) -> SharedHttpClient {
    SharedHttpClient::new(InMemory { world, read_timeout: None })
}

/// A client of one world, with the read timeout of the SDK's configuration.
#[derive(Debug, Clone)]
struct InMemory {
    world: World,
    read_timeout: Option<Duration>,
}

impl HttpClient for InMemory {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        _components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(Self { world: self.world.clone(), read_timeout: settings.read_timeout() })
    }
}

impl HttpConnector for InMemory {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (world, read_timeout) = (self.world.clone(), self.read_timeout);
        HttpConnectorFuture::new(async move {
            // The SDK leaves its read timeout to the HTTP client.
            let Some(limit) = read_timeout else {
                return exchange(world, request).await;
            };
            match tokio::time::timeout(limit, exchange(world, request)).await {
                Ok(answer) => answer,
                Err(elapsed) => Err(ConnectorError::timeout(elapsed.into())),
            }
        })
    }
}

async fn exchange(world: World, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
    let request = request.try_into_http1x().map_err(|error| ConnectorError::user(error.into()))?;
    let (parts, body) = request.into_parts();
    let body: Bytes = body.collect().await.map_err(ConnectorError::user)?.to_bytes();
    let response = match world.handle(http::Request::from_parts(parts, body)).await {
        // An answer in one piece stays one, as from most connections: the SDK can look at it without reading.
        WireAnswer::Reply(response) => response.map(SdkBody::from),
        other => {
            let lost = || ConnectorError::io(std::io::Error::from(ErrorKind::ConnectionReset).into());
            other.flow().ok_or_else(lost)?.map(SdkBody::from_body_1_x)
        }
    };
    response.try_into().map_err(|error: HttpError| ConnectorError::other(error.into(), None))
}
