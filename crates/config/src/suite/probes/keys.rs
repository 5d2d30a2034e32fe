//! The tables of keys of a probe, and of each kind of probe.

use std::time::Duration;

use faultgate_core::model::{Phase, ProbeKind};

use crate::inputs::kind::Kind;
use crate::inputs::parse::{ADDRESS_HINT, COMPARISON_HINT};
use crate::suite::keys::{Form, Item, Key, Names};
use crate::suite::tables::{ARGUMENT, DEFAULT_WEIGHT_TEXT, WEIGHT};

/// The keys of the block of a kind of probe.
pub(crate) const fn keys(kind: ProbeKind) -> &'static [Key] {
    match kind {
        ProbeKind::Http => HTTP,
        ProbeKind::Tcp => TCP,
        ProbeKind::Command => COMMAND,
        ProbeKind::CloudwatchAlarm => ALARM,
        ProbeKind::CloudwatchMetric => METRIC,
        ProbeKind::Prometheus => PROMETHEUS,
    }
}

/// The description of the block of a kind of probe, in one line.
pub(crate) const fn help(kind: ProbeKind) -> &'static str {
    match kind {
        ProbeKind::Http => "An HTTP request and what is expected of its answer",
        ProbeKind::Tcp => "An address that takes a connection",
        ProbeKind::Command => "A command of this machine",
        ProbeKind::CloudwatchAlarm => "An alarm of CloudWatch that is OK",
        ProbeKind::CloudwatchMetric => "A metric or an expression of CloudWatch against a threshold",
        ProbeKind::Prometheus => "An instant query of Prometheus against a threshold",
    }
}

pub(crate) const PHASES: Kind = Kind::Choice(Phase::WORDS);
pub(crate) const PHASES_HINT: &str = "write one or more of before, during, after";
pub(crate) const RUN_HINT: &str =
    "write the program and its arguments, for example [\"./smoke.sh\", \"--quick\"]";
pub(crate) const STATUSES_HINT: &str = "write statuses or ranges of them, for example [200, 300-399]";
const METHODS: Kind = Kind::Choice(&["get", "head", "post", "put", "patch", "delete", "options"]);
const NAME: Kind = Kind::Text { max: 100 };
const AWS_NAME: Kind = Kind::Text { max: 255 };
const TEXT: Kind = Kind::Text { max: 1_000 };
const LONG: Kind = Kind::Lines { max: 10_000 };
const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_hours(1);
const EVERY: Kind = Kind::Duration { min: Duration::from_millis(100), max: HOUR };
const WITHIN: Kind = Kind::Duration { min: Duration::from_millis(1), max: HOUR };
const RECOVERY: Kind = Kind::Duration { min: Duration::from_millis(100), max: Duration::from_hours(12) };
const PERIOD: Kind = Kind::Duration { min: SECOND, max: Duration::from_hours(24) };

/// The timeout of probes that are answered at once.
const QUICK: Key = within("2s");
/// The timeout of probes whose server has to compute an answer.
const SLOW: Key = within("10s");

const fn within(default: &'static str) -> Key {
    Key::new("within", WITHIN, "The look ends in this time, or has failed").default(default)
}

const HEADERS: Key = Key::of(
    "headers",
    Form::Texts(Names::Headers, Item::Trimmed(TEXT)),
    "Headers that are sent; they are never shown",
);
const BEARER_TOKEN: Key =
    Key::new("bearer-token", Kind::Variable, "Token that is sent as Authorization: Bearer")
        .example("${PROM_TOKEN}");
const USERNAME: Key = Key::new("username", AWS_NAME, "User of basic authentication").example("chaos");
const PASSWORD: Key =
    Key::new("password", Kind::Variable, "Password of basic authentication").example("${PROM_PASSWORD}");
const CA_BUNDLE: Key = Key::new(
    "ca-bundle",
    Kind::Path,
    "File of PEM certificates to trust for this probe, besides those of the run",
);
const CLIENT_CERTIFICATE: Key = Key::new(
    "client-certificate",
    Kind::Path,
    "File of the PEM certificate that is shown to the server, with its chain; its key may stand in it",
);
const CLIENT_KEY: Key = Key::new("client-key", Kind::Path, "File of the PEM key of client-certificate");
const INSECURE: Key = Key::new("insecure", Kind::Bool, "Do not verify the certificate").default("false");

const EXPECT: Key =
    Key::new("expect", Kind::Comparison, "What the value must be").needed(COMPARISON_HINT).example("< 0.5");

/// The keys of a probe, besides the block of its kind.
#[rustfmt::skip]
pub(crate) const PROBE: &[Key] = &[
    Key::new("name", NAME, "What is looked at, in a few words; unique in its experiment")
        .needed("say in a few words what is looked at").example("checkout answers"),
    Key::of("when", Form::Values(PHASES), "When it looks")
        .default("during after").example("before during after"),
    Key::new("every", EVERY, "From the beginning of one look to the beginning of the next").default("5s"),
    Key::new("weight", WEIGHT, "Its weight in the experiment's score").default(DEFAULT_WEIGHT_TEXT),
    Key::new("recovers-within", RECOVERY, "How long after the end it may still fail, as long as it passes at last")
        .example("60s"),
    Key::new("aborts-after", Kind::Count { min: 1, max: 1_000 },
        "So many looks that fail in a row while the fault is in stop the experiment, as a stop condition would")
        .example("3"),
];

#[rustfmt::skip]
const HTTP: &[Key] = &[
    Key::new("url", Kind::Url, "What is requested")
        .needed("write for example https://shop.example/health").example("https://shop.example/health"),
    Key::new("method", METHODS, "Method of the request").default("get"),
    HEADERS,
    BEARER_TOKEN,
    USERNAME,
    PASSWORD,
    Key::new("body", LONG, "Body that is sent"),
    Key::of("status", Form::Values(Kind::Status), "Statuses that pass; a redirect is an answer").default("200"),
    Key::new("contains", LONG, "Text that the first MiB of the body contains"),
    Key::of("expect-headers", Form::Texts(Names::Headers, Item::Trimmed(TEXT)),
        "Headers of the answer, and texts that their values contain"),
    QUICK,
    CA_BUNDLE,
    CLIENT_CERTIFICATE,
    CLIENT_KEY,
    INSECURE,
];

#[rustfmt::skip]
const TCP: &[Key] = &[
    Key::new("address", Kind::Address, "What takes a connection").needed(ADDRESS_HINT).example("db:5432"),
    QUICK,
];

#[rustfmt::skip]
const COMMAND: &[Key] = &[
    Key::of("run", Form::Arguments(Item::Trimmed(LONG)), "The program and its arguments; there is no shell")
        .needed(RUN_HINT).example("./smoke.sh --quick"),
    Key::of("env", Form::Texts(Names::Variables, ARGUMENT), "Variables for it, besides those that every command inherits"),
    Key::new("exit-code", Kind::Count { min: 0, max: 255 }, "Exit code that passes").default("0"),
    Key::new("output", LONG, "Text that the first 64 KiB of its standard output or error contain"),
    SLOW,
];

#[rustfmt::skip]
const ALARM: &[Key] = &[
    Key::new("name", AWS_NAME, "Name of a metric or composite alarm")
        .needed("write the alarm's name").example("shop-5xx"),
    SLOW,
];

/// Limit of CloudWatch for the number of dimensions of one metric.
pub(crate) const MOST_DIMENSIONS: usize = 30;
/// Keys that describe one metric. They have no effect beside an expression.
pub(crate) const OF_METRIC: [&str; 4] = ["namespace", "metric", "dimensions", "statistic"];
/// Keys that are needed where there is no expression.
pub(crate) const NEEDED_OF_METRIC: [&str; 2] = ["namespace", "metric"];

#[rustfmt::skip]
const METRIC: &[Key] = &[
    Key::new("namespace", AWS_NAME, "Namespace of the metric").example("AWS/ApplicationELB"),
    Key::new("metric", AWS_NAME, "Name of the metric").example("HTTPCode_Target_5XX_Count"),
    Key::of("dimensions", Form::Texts(Names::Any, Item::Trimmed(TEXT)), "Dimensions of the metric, at most 30"),
    // The key has no default here: a statistic that is set would stand beside an expression.
    Key::new("statistic", Kind::Statistic, "Statistic of the metric; Average unless said otherwise").example("Sum"),
    Key::new("expression", LONG, "Metric math or a Metrics Insights query, instead of a metric"),
    Key::new("period", PERIOD, "Period of the values: 1s, 5s, 10s, 30s or whole minutes").default("1m"),
    EXPECT,
    SLOW,
];

#[rustfmt::skip]
const PROMETHEUS: &[Key] = &[
    Key::new("url", Kind::Url, "Where /api/v1/query is, with a path in front of it if there is one")
        .needed("write for example http://prometheus:9090").example("http://prometheus:9090"),
    Key::new("query", LONG, "Instant query of PromQL: a scalar, or a vector of which every sample must hold")
        .needed("write an instant query of PromQL").example("sum(up) / count(up)"),
    EXPECT,
    HEADERS,
    BEARER_TOKEN,
    USERNAME,
    PASSWORD,
    Key::of("sigv4", Form::Block(SIGV4), "Sign requests for Amazon Managed Service for Prometheus; not needed for its own hosts"),
    SLOW,
    CA_BUNDLE,
    CLIENT_CERTIFICATE,
    CLIENT_KEY,
    INSECURE,
];

/// The keys of the block by which requests to AWS are signed.
#[rustfmt::skip]
pub(crate) const SIGV4: &[Key] = &[
    Key::new("region", Kind::Region, "Region of the workspace; that of the host of url where it names one")
        .example("eu-west-1"),
    Key::new("role-arn", Kind::RoleArn, "Role to ask with; that of the experiment where it is left out")
        .example("arn:aws:iam::111122223333:role/metrics"),
];

/// The kinds of probe that may prove that a command has injected its fault: those that need no account.
pub(crate) fn proofs() -> impl Iterator<Item = ProbeKind> {
    ProbeKind::ALL.into_iter().filter(|kind| match kind {
        ProbeKind::Http | ProbeKind::Tcp | ProbeKind::Command => true,
        ProbeKind::CloudwatchAlarm | ProbeKind::CloudwatchMetric | ProbeKind::Prometheus => false,
    })
}
