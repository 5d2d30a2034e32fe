//! Probes: the questions to the system under test, one file for each kind.
//!
//! A probe knows how to evaluate its question once, within a limit. The lifecycle decides
//! when. A question that cannot be asked has failed, and says why. No reason may contain a secret of the
//! probe.
//!
//! - `question` is the port, and `answer` reads what a server says.
//! - `http`, `tcp`, `command`, `alarm` and `cloudwatch`, and `prometheus` are the kinds.
//! - `alarm_desk` asks for the alarms of many probes at once.
//! - `access` prepares clients and requests for servers.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::sync::Arc;

use aws_config::SdkConfig;

use faultgate_config::Veil;
use faultgate_core::clock::Clock;
use faultgate_core::model::{Access, Check, Hidden, PrometheusCheck};
use faultgate_net::http::{ClientFailure, HttpSettings, client_with};

mod access;
mod alarm;
mod alarm_desk;
mod answer;
mod cloudwatch;
mod command;
mod http;
mod prometheus;
mod question;
mod tcp;

use crate::alarms::AlarmFeed;
use alarm::{AlarmFollower, AlarmProbe};
use cloudwatch::connect_cloudwatch;
use question::limit;

pub use alarm_desk::AlarmDesk;
pub use question::{Evaluate, Evaluation};

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
    /// Creates the connector.
    pub fn new(
        settings: HttpSettings,
        clock: Clock,
        env: BTreeMap<OsString, OsString>,
    ) -> Result<Self, ClientFailure> {
        let client = client_with(&settings, access::isolate_evaluations)?;
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
        self.connect_following(check, sdk, None, &AlarmDesk::default())
    }

    /// Makes the evaluator of a probe whose alarm, if it is on one, may be followed by a feed. `desk` is that of
    /// the experiment's account.
    pub fn connect_following(
        &self,
        check: &Check,
        sdk: Option<&SdkConfig>,
        alarms: Option<&AlarmFeed>,
        desk: &AlarmDesk,
    ) -> Result<Arc<dyn Evaluate>, String> {
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
            Check::CloudwatchAlarm { name, .. } => {
                let cloudwatch = connect_cloudwatch(sdk)?;
                let follower = alarms.map(|feed| {
                    feed.want(name);
                    let (cloudwatch, name, veil) = (cloudwatch.clone(), name.clone(), veil.clone());
                    Arc::new(AlarmFollower { cloudwatch, name, feed: feed.clone(), veil })
                });
                let (name, desk) = (name.clone(), desk.clone());
                limit(AlarmProbe { cloudwatch, name, desk, follower }, within, veil)
            }
            Check::CloudwatchMetric(check) => limit(
                cloudwatch::MetricProbe {
                    cloudwatch: connect_cloudwatch(sdk)?,
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
            signing: signing
                .map(|signing| prometheus::SignedFor::new(&signing.region, sdk, self.clock))
                .transpose()?,
        })
    }

    /// Returns the shared client, or one of its own for a probe that trusts or presents itself in another
    /// way.
    fn client_for(&self, access: &Access) -> Result<reqwest::Client, String> {
        Ok(access::own_client(&self.settings, access)?.unwrap_or_else(|| self.client.clone()))
    }
}

#[cfg(test)]
mod access_tests;
#[cfg(test)]
mod alarm_tests;
#[cfg(test)]
mod cloudwatch_tests;
#[cfg(test)]
mod prometheus_tests;
#[cfg(test)]
mod stream_tests;
#[cfg(test)]
mod tests;
