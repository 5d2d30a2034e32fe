//! Requests in JSON to a service of AWS by the runtime of the SDK: as the SDK's own clients, with the same HTTP
//! client, limits, retries and counts, where such a client would be too large or speaks another protocol.

use aws_config::SdkConfig;
use aws_runtime::auth::SigV4OperationSigningConfig;
use aws_runtime::auth::sigv4::{SCHEME_ID, SigV4AuthScheme};
use aws_runtime::retries::classifiers::AwsErrorCodeClassifier;
use aws_runtime::user_agent::{ApiMetadata, UserAgentInterceptor};
use aws_smithy_runtime::client::identity::IdentityCache;
use aws_smithy_runtime::client::orchestrator::operation::Operation;
use aws_smithy_runtime::client::retries::classifiers::TransientErrorClassifier;
use aws_smithy_runtime_api::client::auth::AuthSchemeOptionResolverParams;
use aws_smithy_runtime_api::client::auth::static_resolver::StaticAuthSchemeOptionResolver;
use aws_smithy_runtime_api::client::identity::SharedIdentityCache;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, OrchestratorError};
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponentsBuilder;
use aws_smithy_runtime_api::client::runtime_plugin::StaticRuntimePlugin;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::Layer;
use aws_smithy_types::error::ErrorMetadata;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::SigningName;
use aws_types::region::SigningRegion;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::calls::CountCalls;
use super::{endpoint_of, usual_endpoint};

/// The error of a request in JSON: that of the SDK's clients.
pub type JsonClientError = SdkError<ErrorMetadata, HttpResponse>;

/// The names of a service that is asked in JSON.
#[derive(Debug)]
pub struct JsonNames {
    /// Name in signatures.
    pub signing: &'static str,
    /// Name by which the settings of the SDK know the service.
    pub service_id: &'static str,
    /// First label of its host.
    pub host: &'static str,
    /// Name by which requests name the version of the API.
    pub target: &'static str,
}

/// A client for one account and Region. Clones share the credentials and the counts.
#[derive(Debug, Clone)]
pub struct JsonClient {
    names: &'static JsonNames,
    sdk: SdkConfig,
    endpoint: String,
    identities: SharedIdentityCache,
    counted: CountCalls,
}

impl JsonClient {
    /// Makes a client without any request. An endpoint in the SDK's configuration goes before the usual one.
    pub fn new(names: &'static JsonNames, sdk: &SdkConfig, counted: CountCalls) -> Self {
        let configured = endpoint_of(sdk, names.service_id).or_else(|| sdk.endpoint_url().map(str::to_owned));
        let region = sdk.region().map(AsRef::as_ref).unwrap_or_default();
        Self {
            names,
            endpoint: configured.unwrap_or_else(|| usual_endpoint(sdk, names.host, region)),
            identities: sdk.identity_cache().unwrap_or_else(|| IdentityCache::lazy().build()),
            sdk: sdk.clone(),
            counted,
        }
    }

    /// Returns the counts of the requests.
    pub fn counted(&self) -> &CountCalls {
        &self.counted
    }

    /// Sends a request until it is answered for good, or the time is over.
    ///
    /// # Errors
    ///
    /// The request was refused, its answer was lost or is not what the operation gives.
    pub async fn ask<T>(&self, operation: &'static str, input: &Value) -> Result<T, JsonClientError>
    where
        T: DeserializeOwned + std::fmt::Debug + Send + Sync + 'static,
    {
        let target = format!("{}.{operation}", self.names.target);
        let sdk = &self.sdk;
        let mut request = Operation::builder()
            .service_name(self.names.service_id)
            .operation_name(operation)
            .endpoint_url(&self.endpoint)
            .timeout_config(sdk.timeout_config().cloned().unwrap_or_else(TimeoutConfig::disabled))
            .standard_retry(sdk.retry_config().unwrap_or(&RetryConfig::standard()))
            .retry_classifier(TransientErrorClassifier::<ErrorMetadata>::new())
            .retry_classifier(AwsErrorCodeClassifier::<ErrorMetadata>::default())
            .runtime_plugin(self.identification())
            .interceptor(self.counted.clone())
            .serializer(move |body: String| {
                let length = body.len().to_string();
                let mut request = HttpRequest::new(SdkBody::from(body));
                request.set_method("POST")?;
                request.set_uri("/")?;
                request.headers_mut().insert("content-type", "application/x-amz-json-1.0");
                request.headers_mut().insert("content-length", length);
                request.headers_mut().insert("x-amz-target", target.clone());
                Ok(request)
            })
            .deserializer(move |answer| read_answer::<T>(operation, answer));
        if let Some(version) = sdk.behavior_version() {
            request = request.behavior_version(version);
        }
        if let Some(client) = sdk.http_client() {
            request = request.http_client(client);
        }
        if let Some(sleep) = sdk.sleep_impl() {
            request = request.sleep_impl(sleep);
        }
        if let Some(time) = sdk.time_source() {
            request = request.time_source(time);
        }
        request.build().invoke(input.to_string()).await
    }

    /// Returns the part of the runtime that signs, and tells which program it is.
    fn identification(&self) -> StaticRuntimePlugin {
        let mut config = Layer::new("identification");
        config.store_put(ApiMetadata::new(self.names.host, env!("CARGO_PKG_VERSION")));
        config.store_put(AuthSchemeOptionResolverParams::new(()));
        config.store_put(SigV4OperationSigningConfig {
            region: self.sdk.region().cloned().map(SigningRegion::from),
            name: Some(SigningName::from_static(self.names.signing)),
            ..SigV4OperationSigningConfig::default()
        });
        let schemes = StaticAuthSchemeOptionResolver::new(vec![SCHEME_ID]);
        let components = RuntimeComponentsBuilder::new("identification")
            .with_interceptor(UserAgentInterceptor::new())
            .with_auth_scheme(SigV4AuthScheme::new())
            .with_auth_scheme_option_resolver(Some(schemes))
            .with_identity_cache(Some(self.identities.clone()));
        let components = match self.sdk.credentials_provider() {
            Some(provider) => components.with_identity_resolver(SCHEME_ID, provider),
            None => components,
        };
        StaticRuntimePlugin::new().with_config(config.freeze()).with_runtime_components(components)
    }
}

/// Reads an answer, or the service's words about the error in it.
fn read_answer<T: DeserializeOwned>(
    operation: &str,
    answer: &HttpResponse,
) -> Result<T, OrchestratorError<ErrorMetadata>> {
    // An operation without output may be answered with nothing.
    let body = answer.body().bytes().filter(|body| !body.is_empty()).unwrap_or(b"null");
    if answer.status().is_success() {
        return serde_json::from_slice(body)
            .map_err(|_| OrchestratorError::other(format!("the answer is none that {operation} gives")));
    }
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let member = |name: &str| body.get(name).and_then(Value::as_str);
    // The code may have a name space before it, or an address behind it.
    let code = answer.headers().get("x-amzn-errortype").or_else(|| member("__type")).unwrap_or_default();
    let code = code.rsplit('#').next().unwrap_or_default().split(':').next().unwrap_or_default();
    let mut error = ErrorMetadata::builder();
    if !code.is_empty() {
        error = error.code(code);
    }
    if let Some(message) = member("message").or_else(|| member("Message")) {
        error = error.message(message);
    }
    Err(OrchestratorError::operation(error.build()))
}
