//! The signature of requests to Amazon Managed Service for Prometheus, by the credentials of an account.

use std::time::{Duration, SystemTime};

use aws_config::SdkConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use reqwest::Request;
use reqwest::header::{HeaderName, HeaderValue};
use tokio::sync::Mutex;

use super::answer::innermost;
use faultgate_config::Veil;
use faultgate_core::clock::Clock;

/// The name of the service in a signature.
const SERVICE: &str = "aps";
/// Time before their end at which credentials are renewed.
const RENEW_BEFORE: Duration = Duration::from_mins(5);

/// A signer for one Region, which keeps its credentials.
pub(super) struct Signer {
    region: String,
    provider: SharedCredentialsProvider,
    clock: Clock,
    /// The credentials in use. They are kept, since getting new ones may take a request to STS.
    held: Mutex<Option<Credentials>>,
}

impl Signer {
    /// Creates a signer. The error is that there are no credentials.
    pub(super) fn new(region: &str, sdk: Option<&SdkConfig>, clock: Clock) -> Result<Self, String> {
        let provider =
            sdk.and_then(SdkConfig::credentials_provider).ok_or("there are no credentials of AWS")?;
        Ok(Self { region: region.to_owned(), provider, clock, held: Mutex::default() })
    }

    /// Adds the signature to a request, and returns the veil over what no reason may repeat.
    pub(super) async fn sign(&self, request: &mut Request) -> Result<Veil, String> {
        let now = SystemTime::from(self.clock.now());
        let credentials = self.credentials(now).await?;
        let secrets = credentials.session_token().map(ToOwned::to_owned);
        for (name, value) in self.headers(request, credentials, now)? {
            request.headers_mut().insert(name, value);
        }
        Ok(Veil::over(secrets))
    }

    /// Returns credentials that hold for a while, renewed if necessary.
    async fn credentials(&self, now: SystemTime) -> Result<Credentials, String> {
        let mut held = self.held.lock().await;
        let holds =
            |credentials: &&Credentials| credentials.expiry().is_none_or(|end| now + RENEW_BEFORE < end);
        if let Some(credentials) = held.as_ref().filter(holds) {
            return Ok(credentials.clone());
        }
        let provided = self.provider.provide_credentials().await;
        let credentials =
            provided.map_err(|error| format!("no credentials of AWS: {}", innermost(&error)))?;
        *held = Some(credentials.clone());
        Ok(credentials)
    }

    /// Returns the headers of a signature.
    fn headers(
        &self,
        request: &Request,
        credentials: Credentials,
        now: SystemTime,
    ) -> Result<Vec<(HeaderName, HeaderValue)>, String> {
        let unsigned = |_| "the request could not be signed".to_owned();
        let identity = credentials.into();
        let params = SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name(SERVICE)
            .time(now)
            .settings(SigningSettings::default())
            .build()
            .map_err(|_| "the request could not be signed".to_owned())?
            .into();
        let signable = SignableRequest::new(
            request.method().as_str(),
            request.url().as_str(),
            std::iter::empty(),
            SignableBody::Bytes(&[]),
        );
        let (signed, _) = sign(signable.map_err(unsigned)?, &params).map_err(unsigned)?.into_parts();
        let header = |(name, value): (&str, &str)| {
            let mut value: HeaderValue = value.parse().ok()?;
            // The mark keeps the header out of logs.
            value.set_sensitive(true);
            Some((name.parse().ok()?, value))
        };
        let headers: Option<Vec<_>> = signed.headers().map(header).collect();
        headers.ok_or_else(|| "the request could not be signed".to_owned())
    }
}
