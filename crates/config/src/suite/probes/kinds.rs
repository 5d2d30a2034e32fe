//! The readers of each kind of probe: a block of the suite becomes a check.

use std::collections::BTreeMap;

use ::config::ValueKind;
use faultgate_core::model::{
    Access, Check, Comparison, Expectation, Hidden, HttpCheck, MetricCheck, PrometheusCheck, Signing,
    Statuses,
};
use http::Uri;

use crate::inputs::kind::Parsed;
use crate::suite::keys::Section;
use crate::suite::probes::keys::{
    MOST_DIMENSIONS, NEEDED_OF_METRIC, OF_METRIC, RUN_HINT, SIGV4, STATUSES_HINT,
};
use crate::suite::probes::queries;
use crate::suite::reader::{Reader, sort_entries};

impl<'a> Reader<'a> {
    /// Reads the block of an HTTP probe.
    pub(crate) fn http(&mut self, block: &Section<'a>) -> Option<Check> {
        let url = self.text(block, "url");
        let check = HttpCheck {
            // A missing address is told at its key, and the other keys are read all the same.
            url: Hidden(url.clone().unwrap_or_default()),
            method: self.text(block, "method").unwrap_or_default().to_ascii_uppercase(),
            access: self.access(block),
            body: self.text(block, "body").map(Hidden),
            statuses: self.statuses(block)?,
            contains: self.text(block, "contains"),
            expect_headers: self.headers(block, "expect-headers"),
            within: self.time(block, "within")?,
        };
        if check.contains.is_some() && check.method == "HEAD" {
            let path = format!("{}:", block.at("contains"));
            self.mistake(&path, "can never pass: an answer to HEAD has no body", "write another method");
        } else if check.contains.is_some() && !may_have_a_body(&check.statuses) {
            let path = format!("{}:", block.at("contains"));
            self.mistake(
                &path,
                "can never pass: an answer of this status has no body",
                "write another status",
            );
        }
        url.is_some().then_some(Check::Http(check))
    }

    /// The statuses that pass: a single one, a range, or a list of both.
    fn statuses(&mut self, block: &Section<'a>) -> Option<Statuses> {
        let path = block.at("status");
        let parsed = match block.value("status").map(|value| &value.kind) {
            Some(ValueKind::Array(items)) if items.is_empty() => {
                self.mistake(&format!("{path}:"), "is an empty list", STATUSES_HINT);
                return None;
            }
            Some(ValueKind::Array(items)) => self.parsed_items(items, &path, block.key("status")?.kind()?)?,
            _ => vec![self.parse_value(block, "status")],
        };
        let mut statuses = Vec::new();
        for (place, parsed) in parsed.into_iter().enumerate() {
            let Some(Parsed::Statuses(range)) = parsed else {
                self.mistake(&format!("{path}[{place}]:"), "is empty", STATUSES_HINT);
                return None;
            };
            statuses.push(range);
        }
        Some(Statuses(statuses))
    }

    /// Reads the block of a TCP probe.
    pub(crate) fn tcp(&mut self, block: &Section<'a>) -> Option<Check> {
        let address = self.text(block, "address");
        let within = self.time(block, "within")?;
        Some(Check::Tcp { address: address?, within })
    }

    /// Reads the block of a command probe.
    pub(crate) fn command(&mut self, block: &Section<'a>) -> Option<Check> {
        let exit_code = self.count(block, "exit-code")?;
        let env = self.variables(block).into_iter().map(|(name, value)| (name, Hidden(value))).collect();
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
                self.tell_shape(&format!("{at}:"), what, RUN_HINT);
                return None;
            }
        };
        if run.first().is_none_or(String::is_empty) {
            self.mistake(&format!("{at}:"), "names no program", RUN_HINT);
            return None;
        }
        Some(Check::Command { run, env, exit_code: exit_code.cast_signed(), output, within })
    }

    /// Reads the block of a probe for a CloudWatch alarm.
    pub(crate) fn alarm(&mut self, block: &Section<'a>) -> Option<Check> {
        let name = self.text(block, "name");
        let within = self.time(block, "within")?;
        if name.as_ref().is_some_and(|name| name.starts_with("arn:")) {
            let hint = "write the alarm's name, which is the end of its ARN";
            self.mistake(&format!("{}:", block.at("name")), "is an ARN, by which no alarm is found", hint);
        }
        Some(Check::CloudwatchAlarm { name: name?, within })
    }

    /// Reads the block of a probe for a CloudWatch metric or expression.
    pub(crate) fn metric(&mut self, block: &Section<'a>) -> Option<Check> {
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
            dimensions: self.dimensions(block),
            statistic: self.text(block, "statistic").unwrap_or_else(|| "Average".to_owned()),
            expression: self.text(block, "expression"),
            period,
            // The mistake has been told already; the value only lets the rest of the block be judged.
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
        } else if let Some(Err(problem)) = check.expression.as_deref().map(queries::expression) {
            self.problem(&format!("{}:", block.at("expression")), problem);
        }
        let whole = check.expression.is_some() || (check.namespace.is_some() && check.metric.is_some());
        (whole && expect.is_some()).then_some(Check::CloudwatchMetric(check))
    }

    fn dimensions(&mut self, block: &Section<'a>) -> BTreeMap<String, String> {
        let dimensions = self.texts(block, "dimensions");
        if dimensions.len() > MOST_DIMENSIONS {
            let what = format!("has {} dimensions", dimensions.len());
            let hint = format!("a metric has at most {MOST_DIMENSIONS}");
            self.mistake(&format!("{}:", block.at("dimensions")), &what, hint);
        }
        dimensions
    }

    /// Reads the block of a Prometheus probe.
    pub(crate) fn prometheus(&mut self, block: &Section<'a>) -> Option<Check> {
        let url = self.text(block, "url");
        let query = self.text(block, "query");
        let expect = self.expect(block);
        let within = self.time(block, "within")?;
        let access = self.access(block);
        if let Some(Err(problem)) = query.as_deref().map(queries::promql) {
            self.problem(&format!("{}:", block.at("query")), problem);
        }
        if url.as_deref().is_some_and(names_the_api) {
            let hint = "write what stands before /api/v1";
            self.mistake(&format!("{}:", block.at("url")), "names the API, whose path is added to it", hint);
        }
        let signing = self.signing(block, url.as_deref(), &access);
        let (url, query, expect) = (Hidden(url?), query?, expect?);
        Some(Check::Prometheus(PrometheusCheck { url, query, expect, access, signing, within }))
    }

    /// The signing of requests. The host tells whether the server is Amazon Managed Service for Prometheus.
    fn signing(&mut self, block: &Section<'a>, url: Option<&str>, access: &Access) -> Option<Signing> {
        let of_host = url.and_then(region_of_host);
        let Some(signing) = self.table(block.value("sigv4"), &block.at("sigv4")) else {
            // Requests that carry other credentials are not signed unless the suite says so.
            let is_open = access.credentials.is_none() && !access.authorizes();
            return of_host.filter(|_| is_open).map(|region| Signing { region, role_arn: None });
        };
        let signing = self.section(signing, &block.at("sigv4"), SIGV4);
        let (region, role_arn) = (self.text(&signing, "region"), self.text(&signing, "role-arn"));
        let path = format!("{}:", block.at("sigv4"));
        if access.credentials.is_some() || access.authorizes() {
            self.mistake(&path, "is set beside other credentials", "keep one of them");
        }
        if region.is_none() && of_host.is_none() && !signing.is_set("region") && url.is_some() {
            self.mistake(
                &path,
                "needs a region: the host of url names none",
                "add region, such as eu-west-1",
            );
        }
        Some(Signing { region: region.or(of_host)?, role_arn })
    }

    fn expect(&mut self, block: &Section<'a>) -> Option<Expectation> {
        match self.parse_value(block, "expect") {
            Some(Parsed::Expectation(expectation)) => Some(expectation),
            _ => None,
        }
    }

    /// The texts of a table, by their keys.
    pub(crate) fn texts(&mut self, block: &Section<'a>, name: &str) -> BTreeMap<String, String> {
        let path = block.at(name);
        let Some(kind) = block.key(name).and_then(|key| key.kind()) else { return BTreeMap::new() };
        let Some(table) = self.table(block.value(name), &path) else { return BTreeMap::new() };
        let mut texts = BTreeMap::new();
        for (key, _) in sort_entries(table) {
            if let Some(Parsed::Text(text)) = self.leaf(table, &path, key, kind) {
                texts.insert(key.clone(), text);
            }
        }
        texts
    }
}

/// `false` if no answer with one of these statuses has a body.
fn may_have_a_body(statuses: &Statuses) -> bool {
    let has_none = |status: u16| matches!(status, 100..=199 | 204 | 304);
    !statuses.0.iter().cloned().flatten().all(has_none)
}

/// `true` for an address that already contains the path of the API.
fn names_the_api(url: &str) -> bool {
    let path = url.parse::<Uri>().map(|uri| uri.path().trim_end_matches('/').to_owned()).unwrap_or_default();
    ["/api/v1", "/api/v1/query", "/api/v1/query_range"].iter().any(|end| path.ends_with(end))
}

/// The Region in `aps-workspaces.eu-west-1.amazonaws.com` and in endpoints of a private network, such as
/// `vpce-1.aps-workspaces.eu-west-1.vpce.amazonaws.com`.
fn region_of_host(url: &str) -> Option<String> {
    const DOMAINS: [&str; 3] = [".amazonaws.com", ".amazonaws.com.cn", ".api.aws"];
    let host = url.parse::<Uri>().ok()?.host()?.to_ascii_lowercase();
    if !DOMAINS.iter().any(|domain| host.ends_with(domain)) {
        return None;
    }
    let mut labels =
        host.split('.').skip_while(|label| !matches!(*label, "aps-workspaces" | "aps-workspaces-fips"));
    labels.nth(1).map(ToOwned::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_region_is_that_of_the_host() {
        for (url, region) in [
            ("https://aps-workspaces.eu-west-1.amazonaws.com/workspaces/ws-1", Some("eu-west-1")),
            ("https://APS-workspaces.us-gov-west-1.amazonaws.com/", Some("us-gov-west-1")),
            ("https://aps-workspaces-fips.us-east-1.amazonaws.com/", Some("us-east-1")),
            ("https://vpce-1.aps-workspaces.us-east-1.vpce.amazonaws.com/", Some("us-east-1")),
            ("https://aps-workspaces.cn-north-1.amazonaws.com.cn/", Some("cn-north-1")),
            ("https://aps-workspaces.eu-west-1.amazonaws.com.evil.example/", None),
            ("https://prometheus.eu-west-1.amazonaws.com/", None),
            ("http://prometheus:9090", None),
        ] {
            assert_eq!(region_of_host(url).as_deref(), region, "{url}");
        }
    }
}
