//! The role that a run assumes (`aws-role-arn`): by the CI's own OpenID token where there is one, so that no
//! key has to be kept anywhere, or else by the SDK's default chain.
//!
//! `voucher` chooses who vouches for the run, `github` asks GitHub for a token, and `claims` reads what a
//! token says of itself. `refusal` says why a role was not assumed, and the remedy. A token never gets into an
//! error or a log.

use std::sync::Arc;
use std::time::SystemTime;

use aws_config::SdkConfig;
use aws_config::identity::IdentityCache;
use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};
use aws_sdk_sts::types::Credentials as StsCredentials;
use aws_smithy_async::time::{SharedTimeSource, SystemTimeSource};

mod claims;
mod github;
mod refusal;
mod voucher;

pub use voucher::{ChainIn, Voucher};

use self::claims::Claims;
use super::credentials::{CredentialsFailure, Keeper, NotGiven, carry};

/// Maximum length of a session's name that STS takes, in characters.
const MAX_SESSION_NAME_CHARS: usize = 64;

/// A role, and the credentials that it gives.
#[derive(Debug)]
pub struct Role {
    arn: String,
    session: String,
    voucher: Voucher,
    base: SdkConfig,
    keeper: Keeper,
}

impl Role {
    /// Makes a role without any request. `base` gives the Region, the endpoint and, where nothing else
    /// vouches, the credentials.
    pub fn new(base: &SdkConfig, arn: &str, voucher: Voucher, run_id: &str) -> Self {
        Self {
            arn: arn.to_owned(),
            session: session_name(run_id),
            voucher,
            base: base.clone(),
            keeper: Keeper::new(
                base.time_source().unwrap_or_else(|| SharedTimeSource::new(SystemTimeSource::new())),
                NotGiven::ByRole,
                refusal::assume(arn),
            ),
        }
    }

    pub fn arn(&self) -> &str {
        &self.arn
    }

    /// Returns the means by which the role is assumed, in words for people.
    pub fn by(&self) -> &'static str {
        self.voucher.words().name
    }

    /// Returns the configuration with which clients act as the role.
    pub fn worn_by(self: &Arc<Self>, base: &SdkConfig) -> SdkConfig {
        let role: Arc<dyn ProvideCredentials> = self.clone();
        base.to_builder()
            .credentials_provider(SharedCredentialsProvider::new(role))
            // The role keeps its credentials itself, and goes on with old ones while new ones cannot be had.
            .identity_cache(IdentityCache::no_cache())
            .build()
    }

    /// Returns credentials that are valid now.
    pub async fn credentials(&self) -> Result<Credentials, CredentialsFailure> {
        self.keeper.credentials(&self.arn, self.assume()).await
    }

    async fn assume(&self) -> Result<Credentials, CredentialsFailure> {
        let given = match self.voucher.token(&self.arn).await? {
            None => self.assume_by_chain().await?,
            Some(token) => self.assume_by_token(token.expose()).await?,
        };
        credentials(given).ok_or_else(|| self.keeper.failure("the answer of STS holds no credentials"))
    }

    /// Makes a client. It is large and seldom needed, so a role keeps none.
    fn sts(&self) -> aws_sdk_sts::Client {
        aws_sdk_sts::Client::from_conf(aws_sdk_sts::config::Builder::from(&self.base).build())
    }

    async fn assume_by_token(&self, token: &str) -> Result<Option<StsCredentials>, CredentialsFailure> {
        let claims = Claims::read(token).ok_or_else(|| self.voucher.no_jwt(&self.arn))?;
        let request = self.sts().assume_role_with_web_identity().role_arn(&self.arn);
        let answer = request.role_session_name(&self.session).web_identity_token(token).send().await;
        // The time goes into the refusal, since a wrong clock looks like an expired token.
        let now = self.keeper.now();
        answer.map(|answer| answer.credentials).map_err(|error| {
            refusal::from_web_identity(&error, &self.arn, &claims, &self.voucher.words(), now)
        })
    }

    async fn assume_by_chain(&self) -> Result<Option<StsCredentials>, CredentialsFailure> {
        let request = self.sts().assume_role().role_arn(&self.arn).role_session_name(&self.session);
        let answer = request.send().await;
        answer
            .map(|answer| answer.credentials)
            .map_err(|error| refusal::from_chain(&error, &self.arn, &self.voucher.words()))
    }
}

impl ProvideCredentials for Role {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async { self.credentials().await.map_err(carry) })
    }
}

/// Reads the credentials in an answer of STS; None where there are none, or their end cannot be read.
fn credentials(given: Option<StsCredentials>) -> Option<Credentials> {
    let given = given?;
    let expiry = SystemTime::try_from(given.expiration).ok()?;
    let token = Some(given.session_token);
    Some(Credentials::new(given.access_key_id, given.secret_access_key, token, Some(expiry), "role"))
}

/// Returns the name of the session, which CloudTrail shows, in the characters that STS takes.
fn session_name(run_id: &str) -> String {
    let allowed = |c: char| if c.is_ascii_alphanumeric() || "_+=,.@-".contains(c) { c } else { '-' };
    format!("faultgate-{run_id}").chars().map(allowed).take(MAX_SESSION_NAME_CHARS).collect()
}

#[cfg(test)]
mod tests;
