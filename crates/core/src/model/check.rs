//! What probes look at, and what is expected of it.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

/// What a probe checks.
#[derive(Debug, Clone, PartialEq)]
pub enum Check {
    Http(HttpCheck),
    Tcp {
        address: String,
        within: Duration,
    },
    Command {
        run: Vec<String>,
        /// Besides what every command inherits.
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
    /// The word for it, in suites and reports.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Http(_) => "http",
            Self::Tcp { .. } => "tcp",
            Self::Command { .. } => "command",
            Self::CloudwatchAlarm { .. } => "cloudwatch-alarm",
            Self::CloudwatchMetric(_) => "cloudwatch-metric",
            Self::Prometheus(_) => "prometheus",
        }
    }

    /// How long one evaluation may take.
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

    /// How its server is asked, where that is a matter of the probe.
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

#[derive(Debug, Clone, PartialEq)]
pub struct HttpCheck {
    /// It may hold a secret.
    pub url: Hidden<String>,
    pub method: String,
    pub access: Access,
    pub body: Option<Hidden<String>>,
    pub statuses: Statuses,
    /// The answer's body contains this text.
    pub contains: Option<String>,
    /// The answer has these headers, with values that contain these texts.
    pub expect_headers: BTreeMap<String, String>,
    /// The answer is complete within this time.
    pub within: Duration,
}

#[derive(Debug, Clone, PartialEq)]
pub struct PrometheusCheck {
    /// What stands before `/api/v1/query`.
    pub url: Hidden<String>,
    pub query: String,
    pub expect: Expectation,
    pub access: Access,
    pub signing: Option<Signing>,
    pub within: Duration,
}

/// How a server is asked: by whom, and by which of its certificates it is trusted.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Access {
    /// Sent with each request.
    pub headers: BTreeMap<String, Hidden<String>>,
    pub credentials: Option<Credentials>,
    /// PEM certificates to trust for this probe, besides those of the run.
    pub ca_bundle: Option<Vec<u8>>,
    /// The PEM certificate that is shown to the server, its chain, and its key.
    pub identity: Option<Hidden<Vec<u8>>>,
    /// Do not verify the certificate.
    pub insecure: bool,
}

impl Access {
    /// Whether a header of the probe's own says who is asking.
    pub fn authorizes(&self) -> bool {
        self.headers.keys().any(|name| name.eq_ignore_ascii_case("authorization"))
    }
}

/// What is sent in the header `Authorization`.
#[derive(Debug, Clone, PartialEq)]
pub enum Credentials {
    Bearer(Hidden<String>),
    Basic { username: String, password: Hidden<String> },
}

/// Requests are signed for Amazon Managed Service for Prometheus.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signing {
    pub region: String,
    /// None: by the credentials of the experiment.
    pub role_arn: Option<String>,
}

/// A value that is not printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Hidden<T>(pub T);

impl<T> fmt::Debug for Hidden<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// The statuses of HTTP that pass.
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

#[derive(Debug, Clone, PartialEq)]
pub struct MetricCheck {
    /// A metric, or None where `expression` says what to compute.
    pub namespace: Option<String>,
    pub metric: Option<String>,
    pub dimensions: BTreeMap<String, String>,
    pub statistic: String,
    /// Metric math or a Metrics Insights query.
    pub expression: Option<String>,
    pub period: Duration,
    pub expect: Expectation,
    pub within: Duration,
}

/// A comparison with a number: `< 0.5`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Expectation {
    pub comparison: Comparison,
    pub value: f64,
}

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
    /// What is to be said of a measured value: it is as expected, or it is not.
    pub fn compare(self, value: f64) -> Result<String, String> {
        if !value.is_finite() {
            return Err(format!("{value} cannot be compared, expected {self}"));
        }
        let said = format!("{value}, expected {self}");
        if self.holds(value) { Ok(said) } else { Err(said) }
    }

    /// Whether a measured value is as expected. NaN and infinity never are: they are what a division by zero leaves, and
    /// say nothing of the system.
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
