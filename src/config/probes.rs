//! The probes of a suite's experiment: which keys there are, what each means.

use std::collections::BTreeMap;
use std::time::Duration;

use ::config::{Value, ValueKind};
use http::{HeaderName, HeaderValue};

use super::file::{Table, below};
use super::kind::{Kind, Parsed};
use super::mistake::{Problem, quoted};
use super::suite::{DEFAULT_WEIGHT, Reader, WEIGHT, sorted};
use super::trust;
use crate::model::{Check, Comparison, Expectation, HttpCheck, MetricCheck, Phase, ProbePlan};

const KEYS: &[&str] = &["name", "when", "every", "weight", "recovers-within"];
/// Of these a probe has one.
const KINDS: &[&str] = &["http", "tcp", "command", "cloudwatch-alarm", "cloudwatch-metric", "prometheus"];
const HTTP_KEYS: &[&str] = &[
    "url",
    "method",
    "headers",
    "body",
    "status",
    "contains",
    "expect-headers",
    "within",
    "ca-bundle",
    "insecure",
];
const TCP_KEYS: &[&str] = &["address", "within"];
const COMMAND_KEYS: &[&str] = &["run", "exit-code", "output", "within"];
const ALARM_KEYS: &[&str] = &["name", "within"];
const METRIC_KEYS: &[&str] =
    &["namespace", "metric", "dimensions", "statistic", "expression", "period", "expect", "within"];
const PROMETHEUS_KEYS: &[&str] = &["url", "query", "expect", "within"];

const PHASES: Kind = Kind::Choice(&["before", "during", "after"]);
const METHODS: Kind = Kind::Choice(&["get", "head", "post", "put", "patch", "delete", "options"]);
const NAME: Kind = Kind::Text { max: 100 };
const TEXT: Kind = Kind::Text { max: 1_000 };
const LONG: Kind = Kind::Lines { max: 10_000 };
const HOUR: Duration = Duration::from_secs(3600);
const EVERY: Kind = Kind::Duration { min: Duration::from_millis(100), max: HOUR };
const WITHIN: Kind = Kind::Duration { min: Duration::from_millis(1), max: HOUR };
const RECOVERY: Kind =
    Kind::Duration { min: Duration::from_millis(100), max: Duration::from_secs(12 * 3600) };
const PERIOD: Kind = Kind::Duration { min: Duration::from_secs(1), max: Duration::from_secs(24 * 3600) };

const DEFAULT_EVERY: Duration = Duration::from_secs(5);
/// For what answers at once, and for what has to think.
const QUICK: Duration = Duration::from_secs(2);
const SLOW: Duration = Duration::from_secs(10);
const DEFAULT_PERIOD: Duration = Duration::from_secs(60);

impl<'a> Reader<'a> {
    pub(super) fn probes(&mut self, value: Option<&'a Value>, path: &str) -> Vec<ProbePlan> {
        let list = match value.map(|value| &value.kind) {
            None | Some(ValueKind::Nil) => return Vec::new(),
            Some(ValueKind::Array(list)) => list,
            Some(_) => {
                self.mistake(&format!("{path}:"), "is not a list", "write each probe as - name: …");
                return Vec::new();
            }
        };
        let before = self.mistakes.len();
        let probes: Vec<(usize, ProbePlan)> = list
            .iter()
            .enumerate()
            .filter_map(|(place, value)| Some((place, self.probe(value, &format!("{path}[{place}]"))?)))
            .collect();
        for (number, (place, probe)) in probes.iter().enumerate() {
            if let Some((first, _)) = probes[..number].iter().find(|(_, other)| other.name == probe.name) {
                let what = format!("is the same as that of {path}[{first}]");
                let hint = "give each probe of an experiment a name of its own";
                self.mistake(&format!("{path}[{place}].name:"), &what, hint);
            }
        }
        let probes: Vec<ProbePlan> = probes.into_iter().map(|(_, probe)| probe).collect();
        let weightless = !probes.is_empty() && probes.iter().all(|probe| probe.weight == 0);
        if self.mistakes.len() == before && weightless {
            let hint = "give one a weight from 1 to 1000";
            self.mistake(&format!("{path}:"), "all weights are 0, so that there is no score", hint);
        }
        probes
    }

    fn probe(&mut self, value: &'a Value, path: &str) -> Option<ProbePlan> {
        let table = self.table(Some(value), path)?;
        self.known_keys(table, path, &[KEYS, KINDS].concat());
        let name = self.needed(table, path, "name", &NAME, "say in a few words what is looked at");
        let when = self.when(table, path);
        let every = self.time(table, path, "every", &EVERY).unwrap_or(DEFAULT_EVERY);
        let weight = self.number(table, path, "weight", &WEIGHT).unwrap_or(DEFAULT_WEIGHT);
        let recovers_within = self.time(table, path, "recovers-within", &RECOVERY);
        if recovers_within.is_some() && when.as_ref().is_some_and(|when| !when.contains(&Phase::After)) {
            let path = format!("{}:", below(path, "recovers-within"));
            self.mistake(&path, "has no effect without after", "add after to when");
        }
        let check = self.check(table, path);
        Some(ProbePlan { name: name?, check: check?, when: when?, every, weight, recovers_within })
    }

    /// The phases, in order. A single word stands for a list of one.
    fn when(&mut self, table: &Table, path: &str) -> Option<Vec<Phase>> {
        let Some(value) = table.get("when").filter(|value| !matches!(value.kind, ValueKind::Nil)) else {
            return Some(vec![Phase::During, Phase::After]);
        };
        let words = match &value.kind {
            ValueKind::Array(items) => self.items(items, &below(path, "when"), &PHASES)?,
            _ => vec![self.text(table, path, "when", &PHASES)?],
        };
        let mut phases: Vec<Phase> = words
            .iter()
            .map(|word| match word.as_str() {
                "before" => Phase::Before,
                "during" => Phase::During,
                _ => Phase::After,
            })
            .collect();
        phases.sort_unstable();
        phases.dedup();
        if phases.is_empty() {
            let hint = "write one or more of before, during, after";
            self.mistake(&format!("{}:", below(path, "when")), "is an empty list", hint);
            return None;
        }
        Some(phases)
    }

    fn check(&mut self, table: &'a Table, path: &str) -> Option<Check> {
        let kinds: Vec<&str> = KINDS.iter().filter(|kind| table.contains_key(**kind)).copied().collect();
        let kind = match kinds.as_slice() {
            [kind] => *kind,
            [] => {
                self.mistake(path, "looks at nothing", format!("add one of {}", KINDS.join(", ")));
                return None;
            }
            several => {
                let what = format!("looks at {} things at once: {}", several.len(), several.join(", "));
                self.mistake(path, &what, "keep one; write a probe for each");
                return None;
            }
        };
        let path = below(path, kind);
        let block = table.get(kind).filter(|value| !matches!(value.kind, ValueKind::Nil));
        if block.is_none() {
            self.mistake(&path, "is empty", "write key: value pairs below it");
        }
        let block = self.table(block, &path)?;
        match kind {
            "http" => self.http(block, &path),
            "tcp" => self.tcp(block, &path),
            "command" => self.command(block, &path),
            "cloudwatch-alarm" => self.alarm(block, &path),
            "cloudwatch-metric" => self.metric(block, &path),
            _ => self.prometheus(block, &path),
        }
    }

    fn http(&mut self, block: &'a Table, path: &str) -> Option<Check> {
        self.known_keys(block, path, HTTP_KEYS);
        let url =
            self.needed(block, path, "url", &Kind::Url, "write for example https://shop.example/health");
        let method = self.text(block, path, "method", &METHODS).unwrap_or_else(|| "get".to_owned());
        let status = self.number(block, path, "status", &Kind::Count { min: 100, max: 599 }).unwrap_or(200);
        let check = HttpCheck {
            url: url.unwrap_or_default(),
            method: method.to_ascii_uppercase(),
            headers: self.headers(block, path, "headers"),
            body: self.text(block, path, "body", &LONG),
            status: u16::try_from(status).unwrap_or(200),
            contains: self.text(block, path, "contains", &LONG),
            expect_headers: self.headers(block, path, "expect-headers"),
            within: self.within(block, path, QUICK),
            ca_bundle: self.ca_bundle(block, path),
            insecure: self.flag(block, path, "insecure"),
        };
        (!check.url.is_empty()).then_some(Check::Http(check))
    }

    fn tcp(&mut self, block: &Table, path: &str) -> Option<Check> {
        const HINT: &str = "write host:port, for example db:5432";
        self.known_keys(block, path, TCP_KEYS);
        let address = self.needed(block, path, "address", &TEXT, HINT);
        let within = self.within(block, path, QUICK);
        let address = address?;
        let port = address.rsplit_once(':').filter(|(host, _)| !host.is_empty()).map(|(_, port)| port);
        if port.and_then(|port| port.parse::<u16>().ok()).is_none_or(|port| port == 0) {
            self.wrong(path, "address", &address, "is not a host and a port", HINT);
            return None;
        }
        Some(Check::Tcp { address, within })
    }

    fn command(&mut self, block: &Table, path: &str) -> Option<Check> {
        const HINT: &str = "write the program and its arguments, for example [\"./smoke.sh\", \"--quick\"]";
        self.known_keys(block, path, COMMAND_KEYS);
        let exit_code = self.number(block, path, "exit-code", &Kind::Count { min: 0, max: 255 }).unwrap_or(0);
        let output = self.text(block, path, "output", &LONG);
        let within = self.within(block, path, SLOW);
        let at = below(path, "run");
        let run = match block.get("run").map(|value| &value.kind) {
            Some(ValueKind::Array(items)) => self.items(items, &at, &LONG)?,
            None | Some(ValueKind::Nil) => {
                self.mistake(&format!("{at}:"), "is missing", HINT);
                return None;
            }
            Some(_) => {
                self.mistake(&format!("{at}:"), "is not a list: there is no shell that would split it", HINT);
                return None;
            }
        };
        if run.first().is_none_or(String::is_empty) {
            self.mistake(&format!("{at}:"), "names no program", HINT);
            return None;
        }
        Some(Check::Command { run, exit_code: exit_code.cast_signed(), output, within })
    }

    fn alarm(&mut self, block: &Table, path: &str) -> Option<Check> {
        self.known_keys(block, path, ALARM_KEYS);
        let name = self.needed(block, path, "name", &Kind::Text { max: 255 }, "write the alarm's name");
        let within = self.within(block, path, SLOW);
        Some(Check::CloudwatchAlarm { name: name?, within })
    }

    fn metric(&mut self, block: &'a Table, path: &str) -> Option<Check> {
        self.known_keys(block, path, METRIC_KEYS);
        let expect = self.expect(block, path);
        let period = self.time(block, path, "period", &PERIOD).unwrap_or(DEFAULT_PERIOD);
        let seconds = period.as_secs();
        if period.subsec_millis() != 0 || !(matches!(seconds, 1 | 5 | 10 | 30) || seconds.is_multiple_of(60))
        {
            let hint = "write 1s, 5s, 10s, 30s or whole minutes";
            self.mistake(&format!("{}:", below(path, "period")), "is not a period of CloudWatch", hint);
        }
        let check = MetricCheck {
            namespace: self.text(block, path, "namespace", &Kind::Text { max: 255 }),
            metric: self.text(block, path, "metric", &Kind::Text { max: 255 }),
            dimensions: self.texts(block, path, "dimensions"),
            statistic: self.text(block, path, "statistic", &NAME).unwrap_or_else(|| "Average".to_owned()),
            expression: self.text(block, path, "expression", &LONG),
            period,
            expect: expect.unwrap_or(Expectation { comparison: Comparison::Equal, value: 0.0 }),
            within: self.within(block, path, SLOW),
        };
        let has = |name: &str| block.contains_key(name);
        let of_metric =
            ["namespace", "metric", "dimensions", "statistic"].into_iter().filter(|name| has(name));
        if let (true, Some(name)) = (has("expression"), of_metric.clone().next()) {
            let path = format!("{}:", below(path, name));
            self.mistake(&path, "has no effect with expression", "keep one of them");
        } else if !has("expression") {
            for name in ["namespace", "metric"] {
                self.missing(block, path, name, "write namespace and metric, or an expression");
            }
        }
        let whole = check.expression.is_some() || (check.namespace.is_some() && check.metric.is_some());
        (whole && expect.is_some()).then_some(Check::CloudwatchMetric(check))
    }

    fn prometheus(&mut self, block: &Table, path: &str) -> Option<Check> {
        self.known_keys(block, path, PROMETHEUS_KEYS);
        let url = self.needed(block, path, "url", &Kind::Url, "write for example http://prometheus:9090");
        let query = self.needed(block, path, "query", &LONG, "write an instant query of PromQL");
        let expect = self.expect(block, path);
        let within = self.within(block, path, SLOW);
        Some(Check::Prometheus { url: url?, query: query?, expect: expect?, within })
    }

    /// `< 0.5`
    fn expect(&mut self, block: &Table, path: &str) -> Option<Expectation> {
        const HINT: &str = "write a comparison in quotes, for example \"< 0.5\"; there are < <= > >= == !=";
        let text = self.needed(block, path, "expect", &NAME, HINT)?;
        let expectation = expectation(&text);
        if expectation.is_none() {
            self.wrong(path, "expect", &text, "is not a comparison with a number", HINT);
        }
        expectation
    }

    fn ca_bundle(&mut self, block: &Table, path: &str) -> Option<Vec<u8>> {
        let file = self.text(block, path, "ca-bundle", &Kind::Path)?;
        trust::certificates(&self.dir.join(&file))
            .inspect_err(|(what, hint)| self.wrong(path, "ca-bundle", &file, what, hint))
            .ok()
    }

    /// Names and values of headers that HTTP takes.
    fn headers(&mut self, block: &'a Table, path: &str, name: &str) -> BTreeMap<String, String> {
        let headers = self.texts(block, path, name);
        for (header, value) in &headers {
            if header.parse::<HeaderName>().is_err() {
                let path = format!("{}:", below(path, name));
                let what = format!("{} is not a header's name", quoted(header));
                self.mistake(&path, &what, "write letters, digits and hyphens");
            } else if value.parse::<HeaderValue>().is_err() {
                // The value may be a secret.
                let path = format!("{}:", below(&below(path, name), header));
                self.mistake(&path, "the value is not one of a header", "remove control characters");
            }
        }
        headers
    }

    /// A table of texts.
    fn texts(&mut self, block: &'a Table, path: &str, name: &str) -> BTreeMap<String, String> {
        let path = below(path, name);
        let value = block.get(name).filter(|value| !matches!(value.kind, ValueKind::Nil));
        let Some(table) = self.table(value, &path) else { return BTreeMap::new() };
        let mut texts = BTreeMap::new();
        for (key, _) in sorted(table) {
            if let Some(text) = self.text(table, &path, key, &TEXT) {
                texts.insert(key.clone(), text);
            }
        }
        texts
    }

    /// The texts of a list: None if one of them is a mistake, which has been told.
    fn items(&mut self, items: &[Value], path: &str, kind: &Kind) -> Option<Vec<String>> {
        let before = self.mistakes.len();
        let mut texts = Vec::new();
        let mut broken = false;
        for (place, item) in items.iter().enumerate() {
            let path = format!("{path}[{place}]");
            if self.document.broken.contains(&path) {
                broken = true;
                continue;
            }
            let written = self.document.written.get(&path).map(String::as_str);
            match super::values::read(kind, &path, item, &self.document.origin, written) {
                Ok(Some(Parsed::Text(text))) => texts.push(text),
                // An empty argument is one.
                Ok(_) => texts.push(String::new()),
                Err(mistake) => self.mistakes.push(mistake),
            }
        }
        (self.mistakes.len() == before && !broken).then_some(texts)
    }

    /// A text without which there is no probe.
    fn needed(&mut self, table: &Table, path: &str, name: &str, kind: &Kind, hint: &str) -> Option<String> {
        let text = self.text(table, path, name, kind);
        if text.is_none() {
            self.missing(table, path, name, hint);
        }
        text
    }

    fn text(&mut self, table: &Table, path: &str, name: &str, kind: &Kind) -> Option<String> {
        match self.leaf(table, path, name, kind) {
            Some(Parsed::Text(text)) => Some(text),
            _ => None,
        }
    }

    fn number(&mut self, table: &Table, path: &str, name: &str, kind: &Kind) -> Option<u32> {
        match self.leaf(table, path, name, kind) {
            Some(Parsed::Count(count)) => Some(count),
            _ => None,
        }
    }

    fn time(&mut self, table: &Table, path: &str, name: &str, kind: &Kind) -> Option<Duration> {
        match self.leaf(table, path, name, kind) {
            Some(Parsed::Duration(duration)) => Some(duration),
            _ => None,
        }
    }

    fn within(&mut self, table: &Table, path: &str, default: Duration) -> Duration {
        self.time(table, path, "within", &WITHIN).unwrap_or(default)
    }

    /// A text that was read and is a mistake all the same.
    fn wrong(&mut self, path: &str, name: &str, value: &str, what: &str, hint: &str) {
        let path = below(path, name);
        let written = self.document.written.get(&path).map(String::as_str);
        let problem = Problem::new(what).hint(hint);
        self.mistakes.push(problem.at(&path, value, &self.document.origin, written));
    }
}

fn expectation(text: &str) -> Option<Expectation> {
    let text = text.trim();
    // The longer ones first: `<` is the beginning of `<=`.
    let (comparison, number) = [
        Comparison::LessOrEqual,
        Comparison::GreaterOrEqual,
        Comparison::Equal,
        Comparison::NotEqual,
        Comparison::Less,
        Comparison::Greater,
    ]
    .into_iter()
    .find_map(|comparison| Some((comparison, text.strip_prefix(comparison.as_str())?)))?;
    let value: f64 = number.trim().parse().ok().filter(|value: &f64| value.is_finite())?;
    Some(Expectation { comparison, value })
}

#[cfg(test)]
#[path = "probes_tests.rs"]
mod tests;
