//! Probes: the questions to the system under test, one file for each kind.
//!
//! A probe knows how to evaluate its question once, within a limit. The lifecycle decides
//! when. A question that cannot be asked has failed, and says why. No reason may contain a secret of the
//! probe.
//!
//! - `http`, `tcp`, `command`, `cloudwatch` and `prometheus` are the kinds.
//! - `access` prepares clients and requests for servers, and `sigv4` signs requests to AWS.

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
use faultgate_core::duration::exact;
use faultgate_core::model::{Access, Check, Hidden, PrometheusCheck};
use faultgate_core::text;
use faultgate_net::http::body::read_up_to;
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

/// Number of characters of a reason.
const MAX_REASON_CHARS: usize = 200;
/// A limit for clients that is never reached: the probe's own limit counts, and a client's would be shorter.
const NO_LIMIT: Duration = Duration::from_hours(24);
/// Number of bytes of an answer's body that are read.
const MAX_BODY_BYTES: usize = 1 << 20;

/// The outcome of one evaluation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evaluation {
    pub passed: bool,
    pub latency: Option<Duration>,
    /// The reason of a failure, or what was seen: one short line.
    pub reason: Option<String>,
}

/// A probe that can be evaluated. An evaluation may be dropped at any await, and then leaves nothing behind.
#[async_trait]
pub trait Evaluate: Send + Sync {
    /// Asks the question once, and always returns within the probe's limit.
    async fn evaluate(&self) -> Evaluation;

    /// Returns what an evaluation needs and this machine does not have. It is asked for before anything is
    /// launched.
    fn missing(&self) -> Option<String> {
        None
    }

    /// Returns the number of requests to AWS so far, by operation.
    fn calls(&self) -> BTreeMap<String, u64> {
        BTreeMap::new()
    }
}

/// One kind of question, without a limit of its own.
trait ProbeQuestion: Send + Sync {
    /// Asks the question once. It returns what was seen if all is well; the error is the reason if not.
    fn ask(&self) -> impl Future<Output = Result<String, String>> + Send;

    fn missing(&self) -> Option<String> {
        None
    }

    fn calls(&self) -> BTreeMap<String, u64> {
        BTreeMap::new()
    }
}

/// A question with a limit, whose reasons are veiled.
struct LimitedQuestion<L> {
    question: L,
    within: Duration,
    veil: Veil,
}

/// Makes the evaluator of a question.
fn limit(question: impl ProbeQuestion + 'static, within: Duration, veil: Veil) -> Arc<dyn Evaluate> {
    Arc::new(LimitedQuestion { question, within, veil })
}

#[async_trait]
impl<L: ProbeQuestion> Evaluate for LimitedQuestion<L> {
    async fn evaluate(&self) -> Evaluation {
        let begun = Instant::now();
        let (passed, said) = match tokio::time::timeout(self.within, self.question.ask()).await {
            Ok(Ok(seen)) => (true, seen),
            Ok(Err(why)) => (false, why),
            Err(_) => (false, format!("no answer within {}", exact(self.within))),
        };
        let reason = text::plain(&self.veil.hide(&said), MAX_REASON_CHARS);
        Evaluation { passed, latency: Some(begun.elapsed()), reason: (!reason.is_empty()).then_some(reason) }
    }

    fn missing(&self) -> Option<String> {
        self.question.missing()
    }

    fn calls(&self) -> BTreeMap<String, u64> {
        self.question.calls()
    }
}

/// A factory for the probes of a run, with all that they share.
pub struct Connector {
    settings: HttpSettings,
    client: reqwest::Client,
    clock: Clock,
    /// All variables of the environment that commands see.
    env: Arc<BTreeMap<OsString, OsString>>,
    /// The veil over secrets of the suite, which no reason may contain.
    veil: Veil,
}

impl Connector {
    /// Creates the connector. The error completes the sentence "no HTTP client: …".
    pub fn new(
        settings: HttpSettings,
        clock: Clock,
        env: BTreeMap<OsString, OsString>,
    ) -> Result<Self, String> {
        let client = client_with(&settings, isolate_evaluations)?;
        Ok(Self { settings, client, clock, env: env.into(), veil: Veil::default() })
    }

    /// Adds a veil over secrets of the suite.
    #[must_use]
    pub fn hiding(self, veil: &Veil) -> Self {
        Self { veil: veil.clone(), ..self }
    }

    /// Makes the evaluator of a probe. `sdk` is the configuration for the experiment's account, for probes
    /// that ask there.
    pub fn connect(&self, check: &Check, sdk: Option<&SdkConfig>) -> Result<Arc<dyn Evaluate>, String> {
        let (within, veil) = (check.within(), self.veil_of(check));
        Ok(match check {
            Check::Http(check) => limit(
                http::HttpProbe { client: self.client_for(&check.access)?, check: check.clone() },
                within,
                veil,
            ),
            Check::Tcp { address, .. } => limit(tcp::TcpProbe { address: address.clone() }, within, veil),
            Check::Command { run, env, exit_code, output, .. } => limit(
                command::CommandProbe {
                    run: run.clone(),
                    exit_code: *exit_code,
                    output: output.clone(),
                    env: self.env_with(env),
                },
                within,
                veil,
            ),
            Check::CloudwatchAlarm { name, .. } => limit(
                cloudwatch::AlarmProbe { cloudwatch: Cloudwatch::new(sdk)?, name: name.clone() },
                within,
                veil,
            ),
            Check::CloudwatchMetric(check) => limit(
                cloudwatch::MetricProbe {
                    cloudwatch: Cloudwatch::new(sdk)?,
                    check: check.clone(),
                    clock: self.clock,
                },
                within,
                veil,
            ),
            Check::Prometheus(check) => limit(self.prometheus(check, sdk)?, within, veil),
        })
    }

    /// Returns the veil of one probe. A server may repeat what it was sent, so each probe's own credentials
    /// are veiled as well.
    fn veil_of(&self, check: &Check) -> Veil {
        self.veil.and(&check.access().map(access::veil).unwrap_or_default())
    }

    /// Returns the environment of a command that has variables of its own.
    fn env_with(&self, own: &BTreeMap<String, Hidden<String>>) -> Arc<BTreeMap<OsString, OsString>> {
        if own.is_empty() {
            return Arc::clone(&self.env);
        }
        let mut env = (*self.env).clone();
        env.extend(own.iter().map(|(name, value)| (name.into(), value.0.clone().into())));
        env.into()
    }

    /// Makes the evaluator of a Prometheus probe.
    fn prometheus(
        &self,
        check: &PrometheusCheck,
        sdk: Option<&SdkConfig>,
    ) -> Result<prometheus::PrometheusProbe, String> {
        let signing = check.signing.as_ref();
        Ok(prometheus::PrometheusProbe {
            client: self.client_for(&check.access)?,
            check: check.clone(),
            signer: signing.map(|signing| Signer::new(&signing.region, sdk, self.clock)).transpose()?,
        })
    }

    /// Returns the shared client, or one of its own for a probe that trusts or presents itself in another
    /// way.
    fn client_for(&self, access: &Access) -> Result<reqwest::Client, String> {
        Ok(access::own_client(&self.settings, access)?.unwrap_or_else(|| self.client.clone()))
    }
}

/// Lets each evaluation open a connection of its own, as a new user does. A connection that is kept may be
/// closed by the server at the very moment in which it is used again, which says nothing about the system.
fn isolate_evaluations(builder: reqwest::ClientBuilder) -> reqwest::ClientBuilder {
    builder.timeout(NO_LIMIT).connect_timeout(NO_LIMIT).pool_max_idle_per_host(0)
}

/// Returns the innermost cause of an error: what clients say around it helps nobody.
fn innermost(error: &dyn Error) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

/// Returns the reason why a request has failed, without its URL, which may hold a secret.
fn explain_silence(error: reqwest::Error) -> String {
    let connecting = error.is_connect();
    let error = error.without_url();
    let why = innermost(&error);
    match remedy(&why) {
        Some(_) => format!("its certificate is not trusted: {why}; set ca-bundle"),
        None if connecting => format!("could not connect: {why}"),
        None => why,
    }
}

/// Reads the beginning of an answer's body. The second value is `true` if that is all of it.
async fn body(answer: &mut reqwest::Response) -> Result<(Vec<u8>, bool), String> {
    let mut read = Vec::new();
    let is_whole = read_up_to(MAX_BODY_BYTES, answer, &mut read).await.map_err(explain_silence)?;
    Ok((read, is_whole))
}

/// Returns `true` if bytes, which need not be text, contain a text.
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
