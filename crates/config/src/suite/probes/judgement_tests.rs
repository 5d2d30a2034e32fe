//! Tests of what is wrong with a probe on its face.

use super::tests::{mistake, read};

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
        ("tcp: { address: ' d b:5432' }", "address: \" d b:5432\" is not a host and a port"),
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
