"""Probes of CloudWatch against moto: an alarm's state, and a metric's values."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from account import make_alarm, make_template
from moto_world import Moto
from publisher import Publisher
from support import Faultgate, Process

STEADY = "probe-alarm"


@pytest.fixture
def template(moto: Moto) -> str:
    make_alarm(moto)
    return make_template(moto)


def suite(template: str, probe: str) -> str:
    return (
        "version: 1\nexperiments:\n"
        f"  - name: measured\n    fis: {{ template: {template} }}\n    probes:\n"
        f"      - {{ name: steady, when: [before], {probe} }}\n"
    )


def alarm(moto: Moto, state: str) -> None:
    moto.cloudwatch.put_metric_alarm(
        AlarmName=STEADY, Namespace="Shop", MetricName="Errors", Statistic="Sum", Period=60,
        EvaluationPeriods=1, Threshold=1, ComparisonOperator="GreaterThanThreshold",
    )  # fmt: skip
    moto.cloudwatch.set_alarm_state(AlarmName=STEADY, StateValue=state, StateReason="set by the test")


def run_of(faultgate: Faultgate, template: str, probe: str) -> Process:
    (faultgate.home / ".faultgate.yml").write_text(suite(template, probe), encoding="utf-8")
    return faultgate.run()


def passes(moto: Moto, faultgate: Faultgate, template: str, probe: str) -> dict:
    run = run_of(faultgate, template, probe)
    Publisher(moto, moto.started(), template).complete()
    (seen,) = faultgate.ended(run).expect(0, "passed").experiment["probes"]
    assert (seen["passed"], seen["total"], seen["score"]) == (1, 1, 100)
    return seen["samples"][0]


def fails(moto: Moto, faultgate: Faultgate, template: str, probe: str) -> str:
    ended = faultgate.ended(run_of(faultgate, template, probe)).expect(3, "errored")
    assert not moto.requests("StartExperiment"), "the system was not steady"
    (seen,) = ended.experiment["probes"]
    assert (seen["passed"], seen["total"]) == (0, 1)
    return seen["samples"][0]["reason"]


def test_an_alarm_that_is_ok_passes(moto: Moto, faultgate: Faultgate, template: str) -> None:
    alarm(moto, "OK")
    assert passes(moto, faultgate, template, f"cloudwatch-alarm: {{ name: {STEADY} }}")["reason"] == "OK"


@pytest.mark.parametrize("state", ["ALARM", "INSUFFICIENT_DATA"])
def test_an_alarm_in_another_state_fails(moto: Moto, faultgate: Faultgate, template: str, state: str) -> None:
    alarm(moto, state)
    reason = fails(moto, faultgate, template, f"cloudwatch-alarm: {{ name: {STEADY} }}")
    assert reason == f"{state}: set by the test"


def test_an_alarm_that_is_not_there_fails(moto: Moto, faultgate: Faultgate, template: str) -> None:
    reason = fails(moto, faultgate, template, "cloudwatch-alarm: { name: nowhere }")
    assert "no alarm of that name" in reason


METRIC = "cloudwatch-metric: {{ namespace: Shop, metric: Latency, dimensions: {{ Service: web }}, expect: '{}' }}"


def put(moto: Moto, *values: float) -> None:
    at = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(seconds=60)
    moto.cloudwatch.put_metric_data(
        Namespace="Shop",
        MetricData=[
            {
                "MetricName": "Latency", "Value": value, "Timestamp": at,
                "Dimensions": [{"Name": "Service", "Value": "web"}],
            }
            for value in values
        ],
    )  # fmt: skip


def test_a_metric_is_compared(moto: Moto, faultgate: Faultgate, template: str) -> None:
    put(moto, 100, 300)
    assert passes(moto, faultgate, template, METRIC.format("< 250"))["reason"] == "200 is < 250"
    assert moto.requests("GetMetricData"), "over the wire"


def test_a_metric_past_its_threshold_fails(moto: Moto, faultgate: Faultgate, template: str) -> None:
    put(moto, 100, 300)
    assert fails(moto, faultgate, template, METRIC.format("< 200")).startswith("200 is not < 200")


def test_a_metric_without_data_fails(moto: Moto, faultgate: Faultgate, template: str) -> None:
    assert "no data" in fails(moto, faultgate, template, METRIC.format("< 200"))
