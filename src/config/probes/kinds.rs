//! What each kind of probe looks at.

use std::collections::BTreeMap;

use ::config::ValueKind;
use http::{HeaderName, HeaderValue};

use super::super::file::below;
use super::super::keys::Section;
use super::super::kind::Parsed;
use super::super::mistake::{Problem, quoted};
use super::super::suite::{Reader, sorted};
use super::super::trust;
use super::keys::{NEEDED_OF_METRIC, OF_METRIC, RUN_HINT};
use crate::model::{Check, Comparison, Expectation, HttpCheck, MetricCheck};

impl<'a> Reader<'a> {
    pub(super) fn http(&mut self, block: &Section<'a>) -> Option<Check> {
        let check = HttpCheck {
            url: self.text(block, "url").unwrap_or_default(),
            method: self.text(block, "method").unwrap_or_default().to_ascii_uppercase(),
            headers: self.headers(block, "headers"),
            body: self.text(block, "body"),
            status: u16::try_from(self.count(block, "status")?).ok()?,
            contains: self.text(block, "contains"),
            expect_headers: self.headers(block, "expect-headers"),
            within: self.time(block, "within")?,
            ca_bundle: self.ca_bundle(block),
            insecure: self.yes(block, "insecure"),
        };
        (!check.url.is_empty()).then_some(Check::Http(check))
    }

    pub(super) fn tcp(&mut self, block: &Section<'a>) -> Option<Check> {
        let address = self.text(block, "address");
        let within = self.time(block, "within")?;
        Some(Check::Tcp { address: address?, within })
    }

    pub(super) fn command(&mut self, block: &Section<'a>) -> Option<Check> {
        let exit_code = self.count(block, "exit-code")?;
        let output = self.text(block, "output");
        let within = self.time(block, "within")?;
        let at = block.at("run");
        let run = match block.value("run").map(|value| &value.kind) {
            Some(ValueKind::Array(items)) => self.items(items, &at, block.key("run")?.kind()?)?,
            None => {
                self.mistake(&format!("{at}:"), "is missing", RUN_HINT);
                return None;
            }
            Some(_) => {
                let what = "is not a list: there is no shell that would split it";
                self.mistake(&format!("{at}:"), what, RUN_HINT);
                return None;
            }
        };
        if run.first().is_none_or(String::is_empty) {
            self.mistake(&format!("{at}:"), "names no program", RUN_HINT);
            return None;
        }
        Some(Check::Command { run, exit_code: exit_code.cast_signed(), output, within })
    }

    pub(super) fn alarm(&mut self, block: &Section<'a>) -> Option<Check> {
        let name = self.text(block, "name");
        let within = self.time(block, "within")?;
        Some(Check::CloudwatchAlarm { name: name?, within })
    }

    pub(super) fn metric(&mut self, block: &Section<'a>) -> Option<Check> {
        let expect = self.expect(block);
        let period = self.time(block, "period")?;
        let seconds = period.as_secs();
        if period.subsec_millis() != 0 || !(matches!(seconds, 1 | 5 | 10 | 30) || seconds.is_multiple_of(60))
        {
            let hint = "write 1s, 5s, 10s, 30s or whole minutes";
            self.mistake(&format!("{}:", block.at("period")), "is not a period of CloudWatch", hint);
        }
        let check = MetricCheck {
            namespace: self.text(block, "namespace"),
            metric: self.text(block, "metric"),
            dimensions: self.texts(block, "dimensions"),
            statistic: self.text(block, "statistic").unwrap_or_else(|| "Average".to_owned()),
            expression: self.text(block, "expression"),
            period,
            expect: expect.unwrap_or(Expectation { comparison: Comparison::Equal, value: 0.0 }),
            within: self.time(block, "within")?,
        };
        if !block.is_set("expression") {
            for name in NEEDED_OF_METRIC {
                self.missing(block.table, &block.path, name, "write namespace and metric, or an expression");
            }
        } else if let Some(name) = OF_METRIC.into_iter().find(|name| block.is_set(name)) {
            let path = format!("{}:", block.at(name));
            self.mistake(&path, "has no effect with expression", "keep one of them");
        }
        let whole = check.expression.is_some() || (check.namespace.is_some() && check.metric.is_some());
        (whole && expect.is_some()).then_some(Check::CloudwatchMetric(check))
    }

    pub(super) fn prometheus(&mut self, block: &Section<'a>) -> Option<Check> {
        let url = self.text(block, "url");
        let query = self.text(block, "query");
        let expect = self.expect(block);
        let within = self.time(block, "within")?;
        Some(Check::Prometheus { url: url?, query: query?, expect: expect?, within })
    }

    fn expect(&mut self, block: &Section<'a>) -> Option<Expectation> {
        match self.parsed(block, "expect") {
            Some(Parsed::Expectation(expectation)) => Some(expectation),
            _ => None,
        }
    }

    fn ca_bundle(&mut self, block: &Section<'a>) -> Option<Vec<u8>> {
        let file = self.text(block, "ca-bundle")?;
        trust::certificates(&self.dir.join(&file))
            .inspect_err(|(what, hint)| {
                let path = block.at("ca-bundle");
                let written = self.document.written.get(&path).map(String::as_str);
                let problem = Problem::new(what).hint(hint);
                self.mistakes.push(problem.at(&path, &file, &self.document.origin, written));
            })
            .ok()
    }

    /// Names and values of headers that HTTP takes.
    fn headers(&mut self, block: &Section<'a>, name: &str) -> BTreeMap<String, String> {
        let headers = self.texts(block, name);
        for (header, value) in &headers {
            if header.parse::<HeaderName>().is_err() {
                let path = format!("{}:", block.at(name));
                let what = format!("{} is not a header's name", quoted(header));
                self.mistake(&path, &what, "write letters, digits and hyphens");
            } else if value.parse::<HeaderValue>().is_err() {
                // The value may be a secret.
                let path = format!("{}:", below(&block.at(name), header));
                self.mistake(&path, "the value is not one of a header", "remove control characters");
            }
        }
        headers
    }

    /// A table of texts.
    fn texts(&mut self, block: &Section<'a>, name: &str) -> BTreeMap<String, String> {
        let path = block.at(name);
        let Some(kind) = block.key(name).and_then(|key| key.kind()) else { return BTreeMap::new() };
        let Some(table) = self.table(block.value(name), &path) else { return BTreeMap::new() };
        let mut texts = BTreeMap::new();
        for (key, _) in sorted(table) {
            if let Some(Parsed::Text(text)) = self.leaf(table, &path, key, kind) {
                texts.insert(key.clone(), text);
            }
        }
        texts
    }
}
