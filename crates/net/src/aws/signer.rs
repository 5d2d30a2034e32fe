//! The signature of requests to services of AWS for which there is no client of the SDK, by the credentials of
//! an account.

use std::error::Error;
use std::time::{Duration, SystemTime};

use aws_config::SdkConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings,
    UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4::SigningParams;
use faultgate_core::failure::Failure;
use reqwest::Request;
use reqwest::header::{HeaderName, HeaderValue};
use tokio::sync::Mutex;

use super::credentials::{NotGiven, credentials_failure_in, reason_of};

/// Time before their end at which credentials are renewed.
const RENEW_BEFORE: Duration = Duration::from_mins(5);

/// A signer for one service, which keeps its credentials.
#[derive(Debug)]
pub struct Signer {
    /// Name of the service in a signature.
    service: &'static str,
    provider: SharedCredentialsProvider,
    /// The credentials in use. They are kept, since getting new ones may take a request to STS.
    held: Mutex<Option<Credentials>>,
}

impl Signer {
    /// Creates a signer. The error is that there are no credentials.
    pub fn new(service: &'static str, sdk: Option<&SdkConfig>) -> Result<Self, String> {
        let provider =
            sdk.and_then(SdkConfig::credentials_provider).ok_or("there are no credentials of AWS")?;
        Ok(Self { service, provider, held: Mutex::default() })
    }

    /// Adds the signature for a Region to a request, and returns the session's token, which no reason may
    /// repeat.
    ///
    /// # Errors
    ///
    /// There are no credentials, or the request cannot be signed.
    pub async fn sign(
        &self,
        request: &mut Request,
        region: &str,
        now: SystemTime,
    ) -> Result<Option<String>, Failure<()>> {
        let credentials = self.credentials(now).await?;
        let token = credentials.session_token().map(ToOwned::to_owned);
        let headers = self.headers(request, region, credentials, now);
        let headers = headers.ok_or_else(|| failure("the request could not be signed"))?;
        for (name, value) in headers {
            request.headers_mut().insert(name, value);
        }
        Ok(token)
    }

    /// Returns credentials that hold for a while, renewed if necessary.
    pub(super) async fn credentials(&self, now: SystemTime) -> Result<Credentials, Failure<()>> {
        let mut held = self.held.lock().await;
        let holds =
            |credentials: &&Credentials| credentials.expiry().is_none_or(|end| now + RENEW_BEFORE < end);
        if let Some(credentials) = held.as_ref().filter(holds) {
            return Ok(credentials.clone());
        }
        let credentials = self.provider.provide_credentials().await.map_err(|error| {
            let refusal = credentials_failure_in(&error);
            let why = match refusal {
                Some(refusal) if refusal.kind == NotGiven::ByChain => refusal.why.clone(),
                refusal => {
                    let why = refusal.map_or_else(|| innermost(&error), reason_of);
                    format!("no credentials of AWS: {why}")
                }
            };
            failure(why).remedy(refusal.and_then(|refusal| refusal.remedy.clone()))
        })?;
        *held = Some(credentials.clone());
        Ok(credentials)
    }

    /// Returns the headers of a signature. None if the request cannot be signed.
    fn headers(
        &self,
        request: &Request,
        region: &str,
        credentials: Credentials,
        now: SystemTime,
    ) -> Option<Vec<(HeaderName, HeaderValue)>> {
        let identity = credentials.into();
        let params = SigningParams::builder()
            .identity(&identity)
            .region(region)
            .name(self.service)
            .time(now)
            .settings(self.settings())
            .build()
            .ok()?
            .into();
        // Headers that say what is to be done, such as a condition, are signed too.
        let own =
            request.headers().iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
        let body = request.body().and_then(reqwest::Body::as_bytes).unwrap_or_default();
        let (method, url) = (request.method().as_str(), request.url().as_str());
        let signable = SignableRequest::new(method, url, own, SignableBody::Bytes(body)).ok()?;
        let (signed, _) = sign(signable, &params).ok()?.into_parts();
        let header = |(name, value): (&str, &str)| {
            let mut value: HeaderValue = value.parse().ok()?;
            // The mark keeps the header out of logs.
            value.set_sensitive(true);
            Some((name.parse().ok()?, value))
        };
        signed.headers().map(header).collect()
    }

    /// Returns how this service wants its requests to be signed: S3 takes paths as they are sent, and the digest
    /// of the body in a header.
    fn settings(&self) -> SigningSettings {
        let mut settings = SigningSettings::default();
        if self.service == "s3" {
            settings.percent_encoding_mode = PercentEncodingMode::Single;
            settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
            settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
        }
        settings
    }
}

fn failure(why: impl Into<String>) -> Failure<()> {
    Failure::new((), "sign the request", why)
}

/// Returns the innermost cause of an error: what the SDK says around it helps nobody.
fn innermost(error: &(dyn Error + 'static)) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}
