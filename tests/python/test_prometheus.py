"""Probes of the kind `prometheus` against a real one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_world import BINARY, Prometheus
from signing_gate import SigningGate
from support import Faultgate

pytestmark = pytest.mark.skipif(not BINARY, reason="PROMETHEUS names no binary: make python-test looks for one")


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    server = Prometheus(tmp_path_factory.mktemp("prometheus"))
    yield server
    server.stop()


# A query, what is expected, whether it holds, and why.
CASES = [
    ("scalar(shop_up)", "== 1", True, "1, expected == 1"),
    ("scalar(shop_up)", "> 1", False, "1, expected > 1"),
    ("1 / 4", "< 0.5", True, "0.25, expected < 0.5"),
    ("shop_up", ">= 1", True, "1, expected >= 1"),
    ("shop_up", "!= 1", False, "1, expected != 1: shop_up{instance=\"127.0.0.1:"),
    ("shop_latency_seconds", "< 0.8", True, "2 samples, each < 0.8"),
    ("shop_latency_seconds", "< 0.5", False, "0.7, expected < 0.5: shop_latency_seconds{instance="),
    ("max(shop_latency_seconds)", "< 0.5", False, "0.7, expected < 0.5"),
    ("shop_limit", "> 1000", False, "inf cannot be compared, expected > 1000"),
    ("1 / 0", "> 0.99", False, "inf cannot be compared, expected > 0.99"),
    ("-1 / 0", "< 0", False, "-inf cannot be compared, expected < 0"),
    ("shop_share", "< 0.5", False, "NaN cannot be compared, expected < 0.5"),
    ("shop_share", "!= 0", False, "NaN cannot be compared, expected != 0"),
    ("0 / 0", "== 0", False, "NaN cannot be compared, expected == 0"),
    ("shop_down", "< 1", False, "the query has no result: no series matches it now"),
    ("scalar(shop_down)", "< 1", False, "NaN cannot be compared, expected < 1"),
    ("shop_up[1m] offset 1s", "< 1", False, "the result is a matrix; an instant vector or a scalar is needed"),
    ("shop_up shop_up", "< 1", False, 'the query failed: bad_data: invalid parameter "query": 1:9: parse error'),
    ("rate(shop_up)", "< 1", False, "expected type range vector in call to function"),
    ("shop_up + on(job) shop_latency_seconds", "< 1", False, "the query failed: execution: "),
    ('shop_up{job=~".*",instance!=""} + 0', "== 1", True, "1, expected == 1"),
]


def probe(name: str, prometheus: str, query: str, expect: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "prometheus": {"url": prometheus, "query": query, "expect": expect}, **more}


def write(faultgate: Faultgate, command: list[str], probes: list[dict[str, Any]]) -> None:
    experiment = {"name": "measured", "command": {"run": command}, "probes": probes}
    suite = {"version": 1, "experiments": [experiment]}
    (faultgate.home / ".faultgate.json").write_text(json.dumps(suite), encoding="utf-8")


def test_every_kind_of_answer_is_judged(prometheus: Prometheus, rehearsing: Faultgate) -> None:
    probes = [
        probe(str(number), prometheus.url, query, expect, when=["after"])
        for number, (query, expect, *_) in enumerate(CASES)
    ]
    write(rehearsing, ["true"], probes)
    seen = rehearsing.ended(rehearsing.run()).expect(1, "failed").experiment["probes"]
    for (query, expect, passes, reason), each in zip(CASES, seen, strict=True):
        (sample,) = each["samples"]
        assert sample["passed"] == passes and reason in sample["reason"], f"{query} {expect}: {sample}"


def test_what_is_not_the_api_is_told(prometheus: Prometheus, rehearsing: Faultgate) -> None:
    root = prometheus.url.removesuffix("/monitoring")
    places = [(f"{root}/", "status 404, and not an answer of Prometheus"), (f"{prometheus.url}/", "1, expected == 1")]
    probes = [probe(str(n), url, "shop_up", "== 1", when=["after"]) for n, (url, _) in enumerate(places)]
    write(rehearsing, ["true"], probes)
    ended = rehearsing.ended(rehearsing.run()).expect(1, "failed")
    reasons = [each["samples"][0]["reason"] for each in ended.experiment["probes"]]
    for (url, reason), told in zip(places, reasons, strict=True):
        assert reason in told, url


# What Prometheus itself refuses, or answers with what cannot be compared.
WRONG = [
    ("shop_up{", "has a { that is never closed"),
    ("sum(shop_up))", "has a ) too many"),
    ("sum(rate(shop_up[1m)])", "closes a [ with a )"),
    ("'text", "has a ' that is never closed"),
    ("# a comment", "holds no expression"),
    ("shop_up[1m]", "ends with a range, which has no single value"),
    ("rate(shop_up[1m])[5m:1m]", "ends with a range, which has no single value"),
    ('"text"', "is a text, which cannot be compared"),
]


def test_what_is_told_before_a_run_is_wrong_to_prometheus(prometheus: Prometheus, rehearsing: Faultgate) -> None:
    probes = [probe(str(n), prometheus.url, query, "< 1", when=["after"]) for n, (query, _) in enumerate(WRONG)]
    write(rehearsing, ["true"], probes)
    run = rehearsing.run()
    assert run.wait() == 2, run.stderr
    for query, what in WRONG:
        assert what in run.stderr, query
        told = prometheus.asked(query)
        assert told["status"] == "error" or told["data"]["resultType"] in ("matrix", "string"), query


def test_requests_are_signed_as_botocore_signs_them(prometheus: Prometheus, rehearsing: Faultgate) -> None:
    gate = SigningGate(prometheus, "eu-west-1", "AKIDGATE", "s3cr3t-of-the-gate", "t0ken-of-the-session")
    query = 'sum(shop_up{instance=~".+",path!="a b/+&%é"}) + 1'
    suite = {"sigv4": {"region": "eu-west-1"}}
    wrong = {"sigv4": {"region": "eu-central-1"}}
    probes = [
        probe("signed", gate.url, query, "== 2", when=["after"]),
        probe("in another Region", gate.url, query, "== 2", when=["after"]),
        probe("unsigned", gate.url, query, "== 2", when=["after"]),
    ]
    probes[0]["prometheus"] |= suite
    probes[1]["prometheus"] |= wrong
    write(rehearsing, ["true"], probes)
    environment = {
        "AWS_ACCESS_KEY_ID": "AKIDGATE", "AWS_SECRET_ACCESS_KEY": "s3cr3t-of-the-gate",
        "AWS_SESSION_TOKEN": "t0ken-of-the-session", "AWS_REGION": "us-east-1",
    }  # fmt: skip
    try:
        ended = rehearsing.ended(rehearsing.run(**environment)).expect(1, "failed")
    finally:
        gate.stop()
    told = [(each["passed"], each["samples"][0]["reason"]) for each in ended.experiment["probes"]]
    assert told == [
        (1, "2, expected == 2"),
        (0, "status 403: the signature does not match that of ***"),
        (0, "status 403, and not an answer of Prometheus: url is what stands before /api/v1/query"),
    ]
    assert sorted(gate.verified) == [False, False, True]


def test_a_run_tells_when_a_probe_turns(prometheus: Prometheus, rehearsing: Faultgate) -> None:
    done = rehearsing.home / "done"
    probes = [
        probe("shop is up", prometheus.url, "shop_up", "== 1", when=["before", "during", "after"], every="100ms"),
        probe("always", prometheus.url, "1", "== 1", when=["during"], every="100ms"),
    ]
    write(rehearsing, ["sh", "-c", "until test -e done; do sleep 0.1; done"], probes)
    run = rehearsing.run("--expected-resilience-score", "0", "--log-format", "json")
    try:
        run.wait_for_line("measured running")
        prometheus.target.metrics["shop_up"] = "0"
        line = run.wait_for_line("measured: probe shop is up fails")
        assert "fails: 0, expected == 1: shop_up{instance=\"127.0.0.1:" in line
    finally:
        prometheus.target.metrics["shop_up"] = "1"
    run.wait_for_line("measured: probe shop is up passes again, after ")
    done.touch()
    ended = rehearsing.ended(run).expect(0, "passed")
    passed = {each["name"]: each["passed"] < each["total"] for each in ended.experiment["probes"]}
    assert passed == {"shop is up": True, "always": False}
    told = [line for line in run.stdout.splitlines() if ": probe " in line]
    assert len(told) == 2, told
    logged = [json.loads(line)["fields"] for line in run.stderr.splitlines()]
    assert [(each["message"], each["probe"]) for each in logged] == [
        ("a probe fails", "shop is up"),
        ("a probe passes again", "shop is up"),
    ]
    assert logged[0]["reason"].startswith("0, expected == 1") and logged[1]["failed_for_ms"] > 0
