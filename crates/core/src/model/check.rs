//! The checks of probes: the questions they put to the system under test, and the answers that count as good.
//!
//! A check says all that one evaluation needs, and its own time limit. How the question is put is the
//! business of the engines crate; nothing here does I/O. Values that may be secrets are wrapped in [`Hidden`], so that
//! no debug output shows them.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

use crate::closed_set;

closed_set! {
    /// The kinds of probe, by the words of suites and reports.
    pub enum ProbeKind {
        Http = "http",
        Tcp = "tcp",
        Command = "command",
        CloudwatchAlarm = "cloudwatch-alarm",
        CloudwatchMetric = "cloudwatch-metric",
        Prometheus = "prometheus",
    }
}

/// Host name that stands for the system under test in the suite of a rehearsal. A name under `.invalid` belongs to
/// nobody and never resolves.
pub const TARGET_HOST: &str = "target.rehearsal.invalid";

/// The question that a probe asks, one variant for each kind of probe.
#[derive(Debug, Clone, PartialEq)]
pub enum Check {
    Http(HttpCheck),
    Tcp {
        address: String,
        within: Duration,
    },
    Command {
        run: Vec<String>,
        /// Variables that are set in addition to those that every command inherits.
        env: BTreeMap<String, Hidden<String>>,
        exit_code: i32,
        output: Option<String>,
        within: Duration,
    },
    CloudwatchAlarm {
        name: String,
        within: Duration,
    },
    CloudwatchMetric(MetricCheck),
    Prometheus(PrometheusCheck),
}

impl Check {
    pub const fn kind(&self) -> ProbeKind {
        match self {
            Self::Http(_) => ProbeKind::Http,
            Self::Tcp { .. } => ProbeKind::Tcp,
            Self::Command { .. } => ProbeKind::Command,
            Self::CloudwatchAlarm { .. } => ProbeKind::CloudwatchAlarm,
            Self::CloudwatchMetric(_) => ProbeKind::CloudwatchMetric,
            Self::Prometheus(_) => ProbeKind::Prometheus,
        }
    }

    /// Returns the longest time that one evaluation may take.
    pub fn within(&self) -> Duration {
        match self {
            Self::Http(check) => check.within,
            Self::CloudwatchMetric(check) => check.within,
            Self::Prometheus(check) => check.within,
            Self::Tcp { within, .. }
            | Self::Command { within, .. }
            | Self::CloudwatchAlarm { within, .. } => *within,
        }
    }

    /// Returns `true` if the question is put by the AWS SDK.
    pub const fn is_in_aws(&self) -> bool {
        match self {
            Self::CloudwatchAlarm { .. } | Self::CloudwatchMetric(_) => true,
            Self::Http(_) | Self::Tcp { .. } | Self::Command { .. } | Self::Prometheus(_) => false,
        }
    }

    /// Returns the headers, credentials and certificates of the check, or None for a kind whose server the
    /// probe does not choose.
    pub fn access(&self) -> Option<&Access> {
        match self {
            Self::Http(check) => Some(&check.access),
            Self::Prometheus(check) => Some(&check.access),
            Self::Tcp { .. }
            | Self::Command { .. }
            | Self::CloudwatchAlarm { .. }
            | Self::CloudwatchMetric(_) => None,
        }
    }
}

/// An HTTP request, and what its response must be like.
#[derive(Debug, Clone, PartialEq)]
pub struct HttpCheck {
    /// URL of the request. It is hidden because a query or a user name may hold a secret.
    pub url: Hidden<String>,
    pub method: String,
    pub access: Access,
    pub body: Option<Hidden<String>>,
    pub statuses: Statuses,
    /// Text that the body of the response must contain.
    pub contains: Option<String>,
    /// Headers that the response must have, each with a text that its value must contain.
    pub expect_headers: BTreeMap<String, String>,
    /// Longest time until the response is complete.
    pub within: Duration,
}

/// A query to a Prometheus server, and the values that pass.
#[derive(Debug, Clone, PartialEq)]
pub struct PrometheusCheck {
    /// URL of the server: the part before `/api/v1/query`.
    pub url: Hidden<String>,
    pub query: String,
    pub expect: Expectation,
    pub access: Access,
    pub signing: Option<Signing>,
    pub within: Duration,
}

/// Headers and credentials that are sent to a server, and the certificates that are trusted and shown.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Access {
    /// Headers that are sent with each request.
    pub headers: BTreeMap<String, Hidden<String>>,
    pub credentials: Option<Credentials>,
    /// PEM certificates that are trusted for this probe, in addition to those of the run.
    pub ca_bundle: Option<Vec<u8>>,
    /// Client certificate that is shown to the server, with its chain and its key, in PEM.
    pub identity: Option<Hidden<Vec<u8>>>,
    /// `true` if the server's certificate is not verified.
    pub insecure: bool,
}

impl Access {
    /// Returns `true` if one of the headers is `Authorization`, so that no other credentials may be added.
    pub fn authorizes(&self) -> bool {
        self.headers.keys().any(|name| name.eq_ignore_ascii_case("authorization"))
    }
}

/// Credentials that are sent in the header `Authorization`.
#[derive(Debug, Clone, PartialEq)]
pub enum Credentials {
    Bearer(Hidden<String>),
    Basic { username: String, password: Hidden<String> },
}

/// The signing of requests for Amazon Managed Service for Prometheus.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signing {
    pub region: String,
    /// ARN of the role whose credentials sign. None if the credentials of the experiment do.
    pub role_arn: Option<String>,
}

/// A value whose debug output is `***`, so that no log shows it.
#[derive(Clone, PartialEq, Eq)]
pub struct Hidden<T>(pub T);

impl<T> fmt::Debug for Hidden<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// The ranges of HTTP statuses that pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statuses(pub Vec<RangeInclusive<u16>>);

impl Statuses {
    pub fn contains(&self, status: u16) -> bool {
        self.0.iter().any(|range| range.contains(&status))
    }
}

impl fmt::Display for Statuses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, range) in self.0.iter().enumerate() {
            let between = match place {
                0 => "",
                last if last + 1 == self.0.len() => " or ",
                _ => ", ",
            };
            match (range.start(), range.end()) {
                (start, end) if start == end => write!(f, "{between}{start}")?,
                (start, end) => write!(f, "{between}{start}-{end}")?,
            }
        }
        Ok(())
    }
}

/// A CloudWatch metric or expression, and the values that pass.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricCheck {
    /// Namespace of the metric. None, as is `metric`, if `expression` says what to compute.
    pub namespace: Option<String>,
    pub metric: Option<String>,
    pub dimensions: BTreeMap<String, String>,
    pub statistic: String,
    /// An expression of metric math, or a Metrics Insights query.
    pub expression: Option<String>,
    pub period: Duration,
    pub expect: Expectation,
    pub within: Duration,
}

/// A comparison with a number, such as `< 0.5`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Expectation {
    pub comparison: Comparison,
    pub value: f64,
}

/// The sign of a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Equal,
    NotEqual,
}

impl Comparison {
    /// Returns the sign as suites write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::Equal => "==",
            Self::NotEqual => "!=",
        }
    }
}

impl Expectation {
    /// Compares a measured value, and returns a text with the value and the expectation.
    ///
    /// # Errors
    ///
    /// The error is the same text, for a value that is not as expected.
    pub fn compare(self, value: f64) -> Result<String, String> {
        // The result of a division by zero must not read like a measured value that is too high or too low.
        if !value.is_finite() {
            return Err(format!("{value} cannot be compared, expected {self}"));
        }
        let comparison = format!("{value}, expected {self}");
        if self.holds(value) { Ok(comparison) } else { Err(comparison) }
    }

    /// Returns `true` if a measured value is as expected. NaN and infinity never are: they are what a
    /// division by zero leaves, and they say nothing of the system.
    #[expect(clippy::float_cmp, reason = "whoever asks for == means the very number")]
    pub fn holds(self, value: f64) -> bool {
        let wanted = self.value;
        value.is_finite()
            && match self.comparison {
                Comparison::Less => value < wanted,
                Comparison::LessOrEqual => value <= wanted,
                Comparison::Greater => value > wanted,
                Comparison::GreaterOrEqual => value >= wanted,
                Comparison::Equal => value == wanted,
                Comparison::NotEqual => value != wanted,
            }
    }
}

impl fmt::Display for Expectation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.comparison.as_str(), self.value)
    }
}
