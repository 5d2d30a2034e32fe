//! Tests of the probes in a suite: what their keys become, and what is a mistake.

use std::time::Duration;

use faultgate_core::environment::Environment;
use faultgate_core::model::{Access, Comparison, Expectation, Hidden, PrometheusCheck};

use super::*;
use crate::layers::file;
use crate::suite::content;

const QUICK: Duration = Duration::from_secs(2);
const SLOW: Duration = Duration::from_secs(10);

/// The probes of the only experiment, or all mistakes without their origin.
pub(crate) fn read(probes: &str, env: &[(&str, &str)]) -> Result<Vec<ProbePlan>, Vec<String>> {
    let dir = tempfile::tempdir().unwrap();
    let text = format!(
        "version: 1\nexperiments:\n  - name: a\n    fis: {{ template: EXT1 }}\n    probes:\n{probes}"
    );
    std::fs::write(dir.path().join(".faultgate.yml"), text).unwrap();
    let env = Environment::from_pairs(env.iter().copied());
    let mut mistakes = Vec::new();
    let document = file::load(None, dir.path(), &env, &mut mistakes).unwrap().unwrap();
    let suite = content::read(&document, dir.path(), &mut mistakes);
    if mistakes.is_empty() {
        return Ok(suite.experiments.unwrap().swap_remove(0).probes);
    }
    let told = mistakes
        .into_iter()
        .map(|mistake| mistake.at(None).to_string().replace(" (from .faultgate.yml)", ""));
    Err(told.map(|told| told.replace("experiments[0].probes", "P")).collect())
}

#[track_caller]
pub(crate) fn mistake(probe: &str) -> String {
    let told = read(&format!("      - {probe}\n"), &[]).unwrap_err();
    assert_eq!(told.len(), 1, "{probe}\n{told:#?}");
    told[0].clone()
}

#[test]
fn the_suite_of_the_documentation_is_read() {
    let probes = read(
        r#"
      - name: checkout answers
        http: { url: "${STAGING_URL}/health", status: 200, within: 2s }
        when: [before, during, after]
        every: 5s
        weight: 5
      - name: shop has no alarm
        cloudwatch-alarm: { name: shop-5xx }
        when: [during, after]
      - name: p99 under half a second
        prometheus: { url: "http://prometheus:9090", query: "p99", expect: "< 0.5" }
        when: [during]
      - { name: port open, tcp: { address: "db:5432", within: 1s }, when: [after], recovers-within: 60s }
      - { name: smoke, command: { run: ["./smoke.sh"] }, when: [after] }
"#,
        &[("STAGING_URL", "https://staging.example")],
    )
    .unwrap();
    let http = &probes[0];
    assert_eq!(http.when, [Phase::Before, Phase::During, Phase::After]);
    assert_eq!((http.every, http.weight), (Duration::from_secs(5), 5));
    let Check::Http(check) = &http.check else { panic!("{http:?}") };
    assert_eq!((check.url.0.as_str(), check.method.as_str()), ("https://staging.example/health", "GET"));
    assert_eq!((check.statuses.to_string().as_str(), check.within), ("200", QUICK));
    assert_eq!(probes[1].check, Check::CloudwatchAlarm { name: "shop-5xx".to_owned(), within: SLOW });
    assert_eq!((probes[1].weight, probes[1].every), (10, Duration::from_secs(5)));
    let expect = Expectation { comparison: Comparison::Less, value: 0.5 };
    let url = Hidden("http://prometheus:9090".to_owned());
    let (query, access) = ("p99".to_owned(), Access::default());
    let wanted = PrometheusCheck { url, query, expect, access, signing: None, within: SLOW };
    assert_eq!(probes[2].check, Check::Prometheus(wanted));
    let tcp = Check::Tcp { address: "db:5432".to_owned(), within: Duration::from_secs(1) };
    assert_eq!((&probes[3].check, probes[3].recovers_within), (&tcp, Some(Duration::from_secs(60))));
    let run = vec!["./smoke.sh".to_owned()];
    assert_eq!(
        probes[4].check,
        Check::Command {
            run,
            env: std::collections::BTreeMap::new(),
            exit_code: 0,
            output: None,
            within: SLOW
        }
    );
}

#[test]
fn every_key_is_read() {
    let probes = read(
        r#"
      - name: a
        http:
          url: https://shop.example
          method: post
          headers: { Authorization: "Bearer ${T}" }
          body: |
            {"a":
             1}
          contains: ok
          expect-headers: { X-Shop: open }
          insecure: true
      - name: b
        when: after
        command: { run: [sh, -c, "exit 3", ""], exit-code: 3, output: ready, within: 1m }
      - name: c
        cloudwatch-metric:
          { namespace: Shop, metric: Errors, dimensions: { Service: web }, statistic: Sum, period: 5m, expect: ">=1" }
      - name: d
        cloudwatch-metric: { expression: "SELECT MAX(x) FROM y", expect: "!= -1.5" }
"#,
        &[("T", "s3cr3t")],
    )
    .unwrap();
    assert_eq!(probes[0].when, [Phase::During, Phase::After], "by default");
    let Check::Http(check) = &probes[0].check else { panic!("{probes:?}") };
    assert_eq!((check.method.as_str(), &check.body), ("POST", &Some(Hidden("{\"a\":\n 1}".to_owned()))));
    assert_eq!(check.access.headers["Authorization"].0, "Bearer s3cr3t");
    assert_eq!(check.expect_headers["X-Shop"], "open");
    assert!(check.access.insecure && check.contains.as_deref() == Some("ok"));
    assert_eq!(probes[1].when, [Phase::After]);
    let Check::Command { run, exit_code, output, within, .. } = &probes[1].check else {
        panic!("{probes:?}")
    };
    assert_eq!((run.len(), *exit_code, output.as_deref()), (4, 3, Some("ready")));
    assert_eq!(*within, Duration::from_secs(60));
    let Check::CloudwatchMetric(metric) = &probes[2].check else { panic!("{probes:?}") };
    assert_eq!((metric.statistic.as_str(), metric.period), ("Sum", Duration::from_secs(300)));
    assert_eq!(metric.dimensions["Service"], "web");
    let Check::CloudwatchMetric(metric) = &probes[3].check else { panic!("{probes:?}") };
    assert_eq!((metric.statistic.as_str(), metric.expect.to_string().as_str()), ("Average", "!= -1.5"));
}

#[test]
fn mistakes_are_told_with_their_path() {
    for (probe, want) in [
        ("{ name: x }", "P[0] looks at nothing; add one of http, tcp"),
        (
            "{ name: x, http: { url: 'http://a' }, tcp: { address: 'a:1' } }",
            "P[0] looks at 2 things at once: http, tcp",
        ),
        (
            "{ name: x, htpt: {} , tcp: { address: 'a:1' } }",
            "P[0].htpt: is not a known key; did you mean http?",
        ),
        ("{ tcp: { address: 'a:1' } }", "P[0].name: is missing"),
        ("{ name: x, tcp: }", "P[0].tcp is empty"),
        (
            "{ name: x, tcp: { adress: 'a:1', address: 'a:1' } }",
            "P[0].tcp.adress: is not a known key; did you mean address?",
        ),
        ("{ name: x, tcp: { address: db } }", "P[0].tcp.address: \"db\" is not a host and a port"),
        ("{ name: x, tcp: { address: 'a:1' }, every: 99ms }", "P[0].every: \"99ms\" is out of range"),
        (
            "{ name: x, tcp: { address: 'a:1' }, when: [durin] }",
            "P[0].when[0]: \"durin\" is not a choice here; did you mean during?",
        ),
        ("{ name: x, tcp: { address: 'a:1' }, when: [] }", "P[0].when: is an empty list"),
        (
            "{ name: x, tcp: { address: 'a:1' }, when: [during], recovers-within: 5s }",
            "P[0].recovers-within: has no effect without after",
        ),
        ("{ name: x, tcp: { address: 'a:1' }, weight: 0 }", "P: all weights are 0"),
        ("{ name: x, http: { url: 'ftp://a' } }", "P[0].http.url: \"ftp://a\" is not an http or https URL"),
        (
            "{ name: x, http: { url: 'http://a', status: 99 } }",
            "P[0].http.status: \"99\" is not a status of HTTP",
        ),
        (
            "{ name: x, http: { url: 'http://a', status: 100 } }",
            "P[0].http.status: \"100\" is not a status of HTTP",
        ),
        (
            "{ name: x, http: { url: 'http://a', status: [204, 304], contains: ok } }",
            "P[0].http.contains: can never pass: an answer of this status has no body",
        ),
        (
            "{ name: x, http: { url: 'http://$HOST/x' } }",
            "P[0].http.url: \"http://$HOST/x\" is a URL with a $ in its host",
        ),
        (
            "{ name: x, tcp: { address: '999.1.1.1:80' } }",
            "P[0].tcp.address: \"999.1.1.1:80\" is an address whose host cannot be one",
        ),
        (
            "{ name: x, prometheus: { url: 'http://p', query: 'up ==', expect: '< 1' } }",
            "P[0].prometheus.query: ends with the operator ==",
        ),
        (
            "{ name: x, http: { url: 'http://a', headers: { 'a b': c } } }",
            "P[0].http.headers: \"a b\" is not a header's name",
        ),
        (
            "{ name: x, http: { url: 'http://a', ca-bundle: none.pem } }",
            "P[0].http.ca-bundle: \"none.pem\" is not there",
        ),
        ("{ name: x, http: { url: '${NONE}' } }", "P[0].http.url: ${NONE} is not set"),
        ("{ name: x, command: { run: ./smoke.sh --quick } }", "P[0].command.run: is not a list"),
        ("{ name: x, command: { run: [] } }", "P[0].command.run: names no program"),
        ("{ name: x, command: { run: [sleep, 1] } }", "P[0].command.run[1]: \"1\" must be text"),
        (
            "{ name: x, cloudwatch-metric: { namespace: S, expect: '< 1' } }",
            "P[0].cloudwatch-metric.metric: is missing",
        ),
        (
            "{ name: x, cloudwatch-metric: { expression: e, statistic: Sum, expect: '< 1' } }",
            "P[0].cloudwatch-metric.statistic: has no effect with expression",
        ),
        (
            "{ name: x, cloudwatch-metric: { expression: 'SELECT MAX(x) FROM y', period: 45s, expect: '< 1' } }",
            "P[0].cloudwatch-metric.period: is not a period of CloudWatch",
        ),
        (
            "{ name: x, prometheus: { url: 'http://p', query: q, expect: '0.5' } }",
            "P[0].prometheus.expect: \"0.5\" is not a comparison with a number",
        ),
        (
            "{ name: x, prometheus: { url: 'http://p', query: q, expect: '< NaN' } }",
            "P[0].prometheus.expect: \"< NaN\" is not a comparison",
        ),
        ("{ name: x, prometheus: { url: 'http://p', query: q } }", "P[0].prometheus.expect: is missing"),
        ("EXT1", "P[0] is not a table of keys"),
    ] {
        let told = mistake(probe);
        assert!(told.starts_with(want), "{probe}\n{want}\n{told}");
    }
}

#[test]
fn names_are_unique_and_all_mistakes_are_told() {
    let one = "      - { name: x, tcp: { address: 'a:1' } }\n";
    assert_eq!(
        read(&one.repeat(2), &[]).unwrap_err(),
        ["P[1].name: is the same as that of P[0]; give each probe of an experiment a name of its own"]
    );
    let told =
        read("      - { every: 1, http: { urll: 1 } }\n      - { name: y, weight: -1 }\n", &[]).unwrap_err();
    assert_eq!(told.len(), 6, "{told:#?}");
}

#[test]
fn what_is_blank_is_not_set_and_no_probe_is_lost() {
    let one = |keys: &str| {
        let probes = read(&format!("      - {{ name: x, {keys} }}\n"), &[]).unwrap();
        assert_eq!(probes.len(), 1, "{keys}");
        probes.into_iter().next().unwrap()
    };
    for blank in ["''", "' '", "~", "'${NONE:-}'"] {
        let probe =
            one(&format!("tcp: {{ address: 'a:1', within: {blank} }}, when: {blank}, every: {blank}"));
        assert_eq!(probe.when, [Phase::During, Phase::After], "{blank}");
        let probe = one(&format!(
            "cloudwatch-metric: {{ expression: {blank}, namespace: S, metric: m, expect: '< 1' }}"
        ));
        assert!(matches!(probe.check, Check::CloudwatchMetric(_)));
        let told = mistake(&format!("{{ name: x, tcp: {{ address: 'a:1' }}, when: [before, {blank}] }}"));
        assert_eq!(told, "P[0].when[1]: is empty; write one or more of before, during, after");
    }
    let told =
        read("      - { name: x, cloudwatch-metric: { expression: '', expect: '< 1' } }\n", &[]).unwrap_err();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].starts_with("P[0].cloudwatch-metric.namespace: is missing"), "{told:?}");
}

#[test]
fn what_variables_hold_is_not_repeated() {
    let told = read("      - { name: x, tcp: { address: '${T}' } }\n", &[("T", "s3cr3t")]).unwrap_err();
    assert!(told[0].contains("${T}") && !told[0].contains("s3cr3t"), "{told:?}");
}
