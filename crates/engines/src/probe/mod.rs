//! Probes: what is looked at to see whether the system is steady. One file for each kind.
//!
//! A probe knows how to look once. When it looks is the [lifecycle](faultgate::lifecycle)'s. What cannot be looked at has
//! failed, and says why.

use std::collections::BTreeMap;
use std::error::Error;
use std::ffi::OsString;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_config::SdkConfig;
use tokio::time::Instant;

use faultgate_config::Veil;
use faultgate_core::clock::Clock;
use faultgate_core::model::{Access, Check, Hidden, PrometheusCheck};
use faultgate_core::text;
use faultgate_net::http::{HttpSettings, client_with, remedy};

mod access;
mod cloudwatch;
mod command;
mod http;
mod prometheus;
mod sigv4;
mod tcp;

use cloudwatch::Cloudwatch;
use sigv4::Signer;

/// Longest reason.
const LONGEST: usize = 200;
/// The probe's own limit is the one that counts; those of a client would be shorter.
const NO_LIMIT: Duration = Duration::from_hours(24);
/// What is read of an answer.
const MOST_READ: usize = 1 << 20;

/// What one evaluation saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    pub passed: bool,
    pub latency: Option<Duration>,
    /// Why it failed, or what it saw: one short line.
    pub reason: Option<String>,
}

/// Looks once. It may be dropped at any await, and then leaves nothing behind.
#[async_trait]
pub trait Evaluate: Send + Sync {
    async fn evaluate(&self) -> Seen;

    /// What a look needs and this machine does not have. It is asked for before anything is launched.
    fn missing(&self) -> Option<String> {
        None
    }

    /// Its requests to AWS so far, by operation.
    fn calls(&self) -> BTreeMap<String, u64> {
        BTreeMap::new()
    }
}

/// One kind of look: what it saw where all is well, or why it is not. It has no limit of its own.
#[async_trait]
trait Look: Send + Sync {
    async fn look(&self) -> Result<String, String>;

    fn missing(&self) -> Option<String> {
        None
    }

    fn calls(&self) -> BTreeMap<String, u64> {
        BTreeMap::new()
    }
}

/// A look that ends in time.
struct Limited {
    look: Box<dyn Look>,
    within: Duration,
    veil: Veil,
}

#[async_trait]
impl Evaluate for Limited {
    async fn evaluate(&self) -> Seen {
        let begun = Instant::now();
        let (passed, said) = match tokio::time::timeout(self.within, self.look.look()).await {
            Ok(Ok(seen)) => (true, seen),
            Ok(Err(why)) => (false, why),
            Err(_) => (false, format!("no answer within {:?}", self.within)),
        };
        let reason = text::plain(&self.veil.hide(&said), LONGEST);
        Seen { passed, latency: Some(begun.elapsed()), reason: (!reason.is_empty()).then_some(reason) }
    }

    fn missing(&self) -> Option<String> {
        self.look.missing()
    }

    fn calls(&self) -> BTreeMap<String, u64> {
        self.look.calls()
    }
}

/// What the probes of a run share.
pub struct Connector {
    settings: HttpSettings,
    client: reqwest::Client,
    clock: Clock,
    /// All that commands see of the environment.
    env: Arc<BTreeMap<OsString, OsString>>,
    /// Over what no look may tell, whatever it is sent.
    veil: Veil,
}

impl Connector {
    /// The error completes "no HTTP client: …".
    pub fn new(
        settings: HttpSettings,
        clock: Clock,
        env: BTreeMap<OsString, OsString>,
    ) -> Result<Self, String> {
        let client = client_with(&settings, each_look_by_itself)?;
        Ok(Self { settings, client, clock, env: env.into(), veil: Veil::default() })
    }

    #[must_use]
    pub fn hiding(self, veil: &Veil) -> Self {
        Self { veil: veil.clone(), ..self }
    }

    /// `sdk` is where the experiment's account is, for probes that ask there.
    pub fn connect(&self, check: &Check, sdk: Option<&SdkConfig>) -> Result<Arc<dyn Evaluate>, String> {
        let look: Box<dyn Look> = match check {
            Check::Http(check) => {
                Box::new(http::Http { client: self.client_for(&check.access)?, check: check.clone() })
            }
            Check::Tcp { address, .. } => Box::new(tcp::Tcp { address: address.clone() }),
            Check::Command { run, env, exit_code, output, .. } => Box::new(command::Command {
                run: run.clone(),
                exit_code: *exit_code,
                output: output.clone(),
                env: self.env_with(env),
            }),
            Check::CloudwatchAlarm { name, .. } => {
                Box::new(cloudwatch::Alarm { cloudwatch: Cloudwatch::new(sdk)?, name: name.clone() })
            }
            Check::CloudwatchMetric(check) => Box::new(cloudwatch::Metric {
                cloudwatch: Cloudwatch::new(sdk)?,
                check: check.clone(),
                clock: self.clock,
            }),
            Check::Prometheus(check) => Box::new(self.prometheus(check, sdk)?),
        };
        let own = check.access().map(access::veil).unwrap_or_default();
        Ok(Arc::new(Limited { look, within: check.within(), veil: self.veil.and(&own) }))
    }

    /// The variables of a command that is given these besides.
    fn env_with(&self, own: &BTreeMap<String, Hidden<String>>) -> Arc<BTreeMap<OsString, OsString>> {
        if own.is_empty() {
            return Arc::clone(&self.env);
        }
        let mut env = (*self.env).clone();
        env.extend(own.iter().map(|(name, value)| (name.into(), value.0.clone().into())));
        env.into()
    }

    fn prometheus(
        &self,
        check: &PrometheusCheck,
        sdk: Option<&SdkConfig>,
    ) -> Result<prometheus::Prometheus, String> {
        let signing = check.signing.as_ref();
        Ok(prometheus::Prometheus {
            client: self.client_for(&check.access)?,
            check: check.clone(),
            signer: signing.map(|signing| Signer::new(&signing.region, sdk, self.clock)).transpose()?,
        })
    }

    /// The client of all, or one of its own where a probe trusts or presents itself otherwise.
    fn client_for(&self, access: &Access) -> Result<reqwest::Client, String> {
        Ok(access::own_client(&self.settings, access)?.unwrap_or_else(|| self.client.clone()))
    }
}

/// Each look opens a connection of its own, as a user who comes does. One that is kept may be closed by the server at
/// the very moment in which it is used again, which says nothing about the system.
fn each_look_by_itself(builder: reqwest::ClientBuilder) -> reqwest::ClientBuilder {
    builder.timeout(NO_LIMIT).connect_timeout(NO_LIMIT).pool_max_idle_per_host(0)
}

/// The innermost cause: what clients say around it helps nobody.
fn innermost(error: &dyn Error) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

/// Why a request has failed. Its URL may hold a secret.
fn unanswered(error: reqwest::Error) -> String {
    let connecting = error.is_connect();
    let error = error.without_url();
    let why = innermost(&error);
    match remedy(&why) {
        Some(_) => format!("its certificate is not trusted: {why}; set ca-bundle"),
        None if connecting => format!("could not connect: {why}"),
        None => why,
    }
}

/// The beginning of an answer's body, and whether that is all of it.
async fn body(answer: &mut reqwest::Response) -> Result<(Vec<u8>, bool), String> {
    let mut read = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(unanswered)? {
        let room = MOST_READ - read.len();
        read.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if chunk.len() > room {
            return Ok((read, false));
        }
    }
    Ok((read, true))
}

/// Whether bytes that need not be text hold a text.
fn holds(bytes: &[u8], text: &str) -> bool {
    String::from_utf8_lossy(bytes).contains(text)
}

#[cfg(test)]
mod access_tests;
#[cfg(test)]
mod cloudwatch_tests;
#[cfg(test)]
mod prometheus_tests;
#[cfg(test)]
mod stream_tests;
#[cfg(test)]
mod tests;
