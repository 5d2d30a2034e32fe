//! Tests of the probes in a suite: what their keys become, and what is a mistake.

use std::time::Duration;

use super::*;
use crate::{file, suite};
use faultgate_core::environment::Environment;
use faultgate_core::model::{Access, Comparison, Credentials, Expectation, Hidden, PrometheusCheck, Signing};

const QUICK: Duration = Duration::from_secs(2);
const SLOW: Duration = Duration::from_secs(10);

/// The probes of the only experiment, or all mistakes without their origin.
fn read(probes: &str, env: &[(&str, &str)]) -> Result<Vec<ProbePlan>, Vec<String>> {
    let dir = tempfile::tempdir().unwrap();
    let text = format!(
        "version: 1\nexperiments:\n  - name: a\n    fis: {{ template: EXT1 }}\n    probes:\n{probes}"
    );
    std::fs::write(dir.path().join(".faultgate.yml"), text).unwrap();
    let env = Environment::from_pairs(env.iter().copied());
    let mut mistakes = Vec::new();
    let document = file::load(None, dir.path(), &env, &mut mistakes).unwrap().unwrap();
    let suite = suite::read(&document, dir.path(), &mut mistakes);
    if mistakes.is_empty() {
        return Ok(suite.experiments.unwrap().swap_remove(0).probes);
    }
    let told = mistakes
        .into_iter()
        .map(|mistake| mistake.at(None).to_string().replace(" (from .faultgate.yml)", ""));
    Err(told.map(|told| told.replace("experiments[0].probes", "P")).collect())
}

#[track_caller]
fn mistake(probe: &str) -> String {
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

/// A probe that can never pass, whatever the system does, is a mistake and no failed evaluation.
#[test]
#[expect(clippy::too_many_lines, reason = "one table")]
fn what_is_wrong_on_its_face_is_a_mistake() {
    let mut wrong = Vec::new();
    for (check, want) in [
        // Addresses.
        (
            "tcp: { address: 'tcp://db:5432' }",
            "address: \"tcp://db:5432\" is a URL, not a host and a port; write db:5432",
        ),
        (
            "tcp: { address: 'https://db/x' }",
            "address: \"https://db/x\" is a URL, not a host and a port; write db:443",
        ),
        ("tcp: { address: 'db:5432/x' }", "address: \"db:5432/x\" is not a host and a port; write db:5432"),
        (
            "tcp: { address: 'tcp://db' }",
            "address: \"tcp://db\" is a URL, not a host and a port; write host:port",
        ),
        (
            "tcp: { address: 'tcp://u:s3cr3t@db:1' }",
            "address: the value is a URL, not a host and a port; write host:port",
        ),
        ("tcp: { address: ' d b:5432' }", "address: \"d b:5432\" is not a host and a port"),
        ("tcp: { address: '::1:5432' }", "address: \": :1:5432\" is not a host and a port"),
        ("tcp: { address: '[::1:5432' }", "address: \"[::1:5432\" is not a host and a port"),
        ("tcp: { address: '[x]:5432' }", "address: \"[x]:5432\" is not a host and a port"),
        ("tcp: { address: 'db:0' }", "address: \"db:0\" is not a host and a port"),
        ("tcp: { address: 'db:65536' }", "address: \"db:65536\" is not a host and a port"),
        ("tcp: { address: 'db:+80' }", "address: \"db:+80\" is not a host and a port"),
        ("http: { url: 'shop.example/health' }", "url: \"shop.example/health\" is not an http or https URL"),
        ("http: { url: 'http://' }", "url: \"http://\" is not an http or https URL"),
        ("http: { url: 'http://u:s3cr3t@a' }", "url: the value is a URL with a user name"),
        ("http: { url: 'http://a:0' }", "url: \"http://a:0\" is not an http or https URL"),
        ("http: { url: 'http://a:65536' }", "url: \"http://a:65536\" is not an http or https URL"),
        (
            "http: { url: 'http://1.2.3.400/' }",
            "url: \"http://1.2.3.400/\" is a URL whose host cannot be one",
        ),
        // Statuses.
        (
            "http: { url: 'http://a', status: 2xx }",
            "status: \"2xx\" is not a status of HTTP; write a status or a range",
        ),
        (
            "http: { url: 'http://a', status: 299-200 }",
            "status: \"299-200\" is a range that ends before it begins",
        ),
        ("http: { url: 'http://a', status: [200, 99] }", "status[1]: \"99\" is not a status of HTTP"),
        ("http: { url: 'http://a', status: [] }", "status: is an empty list"),
        ("http: { url: 'http://a', status: [200, ''] }", "status[1]: is empty"),
        // Headers, bodies and credentials.
        (
            "http: { url: 'http://a', expect-headers: { 'a:': b } }",
            "expect-headers: \"a:\" is not a header's name",
        ),
        (
            "http: { url: 'http://a', method: head, contains: x }",
            "contains: can never pass: an answer to HEAD",
        ),
        (
            "http: { url: 'http://a', bearer-token: s3cr3t }",
            "bearer-token: the value is a secret, and a secret may not",
        ),
        (
            "http: { url: 'http://a', bearer-token: 'x${T}' }",
            "bearer-token: the value is a secret, and a secret may not",
        ),
        ("http: { url: 'http://a', bearer-token: '${NONE:-s3cr3t}' }", "bearer-token: the value is a secret"),
        ("http: { url: 'http://a', bearer-token: '${SPACED}' }", "bearer-token: the value is not a token"),
        ("http: { url: 'http://a', username: u }", "password: is needed beside username"),
        ("http: { url: 'http://a', password: '${T}' }", "username: is needed beside password"),
        ("http: { url: 'http://a', username: 'a:b', password: '${T}' }", "username: the value has a colon"),
        (
            "http: { url: 'http://a', bearer-token: '${T}', username: u, password: '${T}' }",
            "username: is set beside bearer-token",
        ),
        (
            "http: { url: 'http://a', bearer-token: '${T}', headers: { authorization: x } }",
            "headers.authorization: is set beside other credentials",
        ),
        (
            "http: { url: 'http://a', client-key: k.pem }",
            "client-key: has no effect without client-certificate",
        ),
        (
            "http: { url: 'http://a', client-certificate: none.pem }",
            "client-certificate: \"none.pem\" is not there",
        ),
        // Queries.
        (
            "prometheus: { url: 'http://p', query: 'sum(up', expect: '< 1' }",
            "query: has a ( that is never closed",
        ),
        ("prometheus: { url: 'http://p', query: 'up[5m]', expect: '< 1' }", "query: ends with a range"),
        (
            "prometheus: { url: 'http://p/api/v1/query', query: up, expect: '< 1' }",
            "url: names the API, whose path is added to it; write what stands before /api/v1",
        ),
        ("prometheus: { url: 'http://p', query: up, expect: '< 1', sigv4: {} }", "sigv4: needs a region"),
        (
            "prometheus: { url: 'http://p', query: up, expect: '< 1', sigv4: { region: x } }",
            "sigv4.region: \"x\" is not an AWS Region",
        ),
        (
            "prometheus: { url: 'http://p', query: up, expect: '< 1', sigv4: { region: eu-west-1 }, bearer-token: '${T}' }",
            "sigv4: is set beside other credentials",
        ),
        (
            "prometheus: { url: 'http://p', query: up, expect: '< inf' }",
            "expect: \"< inf\" is not a comparison",
        ),
        // CloudWatch.
        (
            "cloudwatch-alarm: { name: 'arn:aws:cloudwatch:eu-west-1:111122223333:alarm:a' }",
            "name: is an ARN",
        ),
        (
            "cloudwatch-metric: { namespace: S, metric: m, statistic: average, expect: '< 1' }",
            "statistic: \"average\" is not a statistic of CloudWatch; did you mean Average?",
        ),
        (
            "cloudwatch-metric: { namespace: S, metric: m, statistic: p101, expect: '< 1' }",
            "statistic: \"p101\" is not a statistic of CloudWatch",
        ),
        (
            "cloudwatch-metric: { expression: 'm1 / m2', expect: '< 1' }",
            "expression: refers to m1, which nothing defines",
        ),
        (
            "cloudwatch-metric: { expression: 'SUM(SEARCH(\"x\")', expect: '< 1' }",
            "expression: has a ( that is never",
        ),
    ] {
        let probe = format!("      - {{ name: x, {check} }}\n");
        let told = read(&probe, &[("T", "t0ken"), ("SPACED", "two s3cr3t words")]);
        let told = told.err().unwrap_or_default().join(" | ");
        let kind = check.split_once(':').unwrap().0;
        let is_told = told.starts_with(&format!("P[0].{kind}.{want}")) && !told.contains(" | ");
        if !is_told || told.contains("s3cr3t") || told.contains("t0ken") {
            wrong.push(format!("{check}\n  wanted {want}\n  told   {told}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let told = mistake("{ name: x, tcp: { address: 'a:1' }, every: 5s, recovers-within: 4s }");
    assert!(told.starts_with("P[0].recovers-within: is shorter than every"), "{told}");
    let dimensions: Vec<String> = (0..31).map(|number| format!("d{number}: x")).collect();
    let metric =
        format!("namespace: S, metric: m, dimensions: {{ {} }}, expect: '< 1'", dimensions.join(", "));
    let told = mistake(&format!("{{ name: x, cloudwatch-metric: {{ {metric} }} }}"));
    assert!(
        told.starts_with("P[0].cloudwatch-metric.dimensions: has 31 dimensions; a metric has at most 30"),
        "{told}"
    );
}

/// The corrected address would show the content of a variable.
#[test]
fn an_address_from_a_variable_is_not_corrected() {
    let told =
        read("      - { name: x, tcp: { address: '${T}' } }\n", &[("T", "tcp://s3cr3t:1")]).unwrap_err();
    assert!(
        told[0].contains("is a URL") && told[0].ends_with("write host:port, for example db:5432"),
        "{told:?}"
    );
}

#[test]
fn who_is_asking_is_read() {
    let probes = read(
        r#"
      - name: a
        prometheus: { url: "http://p", query: up, expect: "< 1", bearer-token: "${T}", headers: { X-Scope-OrgID: shop } }
      - name: b
        http: { url: "http://a", username: chaos, password: " ${T:-} ", status: [200, "300 - 399"] }
      - name: c
        prometheus: { url: "https://aps-workspaces.eu-west-1.amazonaws.com/workspaces/ws-1", query: up, expect: "< 1" }
      - name: d
        prometheus: { url: "https://p", query: up, expect: "< 1", sigv4: { region: eu-west-1, role-arn: "arn:aws:iam::111122223333:role/m" } }
      - name: e
        prometheus: { url: "https://aps-workspaces.eu-west-1.amazonaws.com", query: up, expect: "< 1", sigv4: { role-arn: "arn:aws:iam::111122223333:role/m" } }
      - name: f
        prometheus: { url: "https://aps-workspaces.eu-west-1.amazonaws.com", query: up, expect: "< 1", bearer-token: "${T}", sigv4: }
"#,
        &[("T", "t0ken")],
    )
    .unwrap();
    let prometheus = |place: usize| match &probes[place].check {
        Check::Prometheus(check) => check.clone(),
        other => panic!("{other:?}"),
    };
    let bearer = Credentials::Bearer(Hidden("t0ken".to_owned()));
    assert_eq!(prometheus(0).access.credentials, Some(bearer.clone()));
    assert_eq!(prometheus(0).access.headers["X-Scope-OrgID"].0, "shop");
    let Check::Http(check) = &probes[1].check else { panic!("{probes:?}") };
    let basic = Credentials::Basic { username: "chaos".to_owned(), password: Hidden("t0ken".to_owned()) };
    assert_eq!(check.access.credentials, Some(basic));
    assert_eq!(check.statuses.to_string(), "200 or 300-399");
    let signing = |role: Option<&str>| {
        Some(Signing { region: "eu-west-1".to_owned(), role_arn: role.map(ToOwned::to_owned) })
    };
    let role = Some("arn:aws:iam::111122223333:role/m");
    assert_eq!(prometheus(0).signing, None);
    assert_eq!(
        [2, 3, 4].map(|place| prometheus(place).signing),
        [signing(None), signing(role), signing(role)]
    );
    assert_eq!((prometheus(5).signing, prometheus(5).access.credentials), (None, Some(bearer)));
    assert!(!format!("{probes:?}").contains("t0ken"));
}

#[test]
fn a_client_certificate_and_its_key_are_tried() {
    let own = rcgen::generate_simple_self_signed(["a".to_owned()]).unwrap();
    let (certificate, key) = (own.cert.pem(), own.signing_key.serialize_pem());
    let other = rcgen::KeyPair::generate().unwrap().serialize_pem();
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let both = file("both.pem", &format!("{key}\n{certificate}"));
    let certificate = file("certificate.pem", &certificate);
    let key = file("key.pem", &key);
    let other = file("other.pem", &other);
    let encrypted = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
    let encrypted = file("encrypted.pem", encrypted);
    let with = |keys: &str| format!("{{ name: x, http: {{ url: 'https://a', {keys} }} }}");
    for keys in [
        format!("client-certificate: {both}"),
        format!("client-certificate: {certificate}, client-key: {key}"),
    ] {
        let probes = read(&format!("      - {}\n", with(&keys)), &[]).unwrap();
        let Check::Http(check) = &probes[0].check else { panic!("{probes:?}") };
        assert!(check.access.identity.is_some() && !format!("{check:?}").contains("BEGIN"));
    }
    for (keys, name, what) in [
        (format!("client-certificate: {certificate}"), "client-certificate", "holds no private key in PEM"),
        (format!("client-certificate: {key}"), "client-certificate", "holds no certificate in PEM"),
        (
            format!("client-certificate: {certificate}, client-key: {other}"),
            "client-key",
            "holds a private key that does not fit the certificate",
        ),
        (
            format!("client-certificate: {certificate}, client-key: {encrypted}"),
            "client-key",
            "holds a private key that is encrypted",
        ),
        (
            format!("client-certificate: {certificate}, client-key: {certificate}"),
            "client-key",
            "holds no private key",
        ),
        (format!("client-certificate: {certificate}, client-key: none.pem"), "client-key", "is not there"),
    ] {
        let told = mistake(&with(&keys));
        assert!(told.starts_with(&format!("P[0].http.{name}: ")) && told.contains(what), "{told}");
    }
}
