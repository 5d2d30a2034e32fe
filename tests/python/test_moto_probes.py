"""Probes of CloudWatch against moto: an alarm's state, and a metric's values."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import boto3
import pytest
from account import make_alarm, make_template
from moto_world import Moto
from publisher import Publisher
from support import Faultgate, Process, aws, eventually

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


def test_an_alarm_without_a_history_is_asked_at_its_interval(
    moto: Moto, faultgate: Faultgate, template: str
) -> None:
    """moto has no DescribeAlarmHistory, and answers as it does to whatever it does not know."""
    alarm(moto, "OK")
    probe = f"cloudwatch-alarm: {{ name: {STEADY} }}, every: 200ms"
    text = suite(template, probe).replace("when: [before]", "when: [during]")
    (faultgate.home / ".faultgate.yml").write_text(text, encoding="utf-8")
    run = faultgate.run()
    experiment = moto.started()
    eventually(lambda: len(moto.requests("DescribeAlarms")) > 5, "it is asked again and again")
    Publisher(moto, experiment, template).complete()
    ended = faultgate.ended(run)
    (seen,) = ended.experiment["probes"]
    assert moto.requests("DescribeAlarmHistory"), "it was tried"
    assert "by_time" not in seen and seen["passed"] == seen["total"] > 3
    (warning,) = ended.experiment["warnings"]
    assert warning.startswith("steady was asked every 200ms, and not measured by time: "), warning


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
    assert passes(moto, faultgate, template, METRIC.format("< 250"))["reason"] == "200, expected < 250"
    assert moto.requests("GetMetricData"), "over the wire"


def test_a_metric_past_its_threshold_fails(moto: Moto, faultgate: Faultgate, template: str) -> None:
    put(moto, 100, 300)
    assert fails(moto, faultgate, template, METRIC.format("< 200")).startswith("200, expected < 200")


def test_a_metric_without_data_fails(moto: Moto, faultgate: Faultgate, template: str) -> None:
    assert "no data" in fails(moto, faultgate, template, METRIC.format("< 200"))


# --- whose requests they are, and where they go


def test_their_requests_are_counted(moto: Moto, faultgate: Faultgate, template: str) -> None:
    alarm(moto, "OK")
    probe = f"cloudwatch-alarm: {{ name: {STEADY} }}"
    passes(moto, faultgate, template, probe)
    calls = json.loads((faultgate.home / "report" / "result.json").read_text(encoding="utf-8"))["api_calls"]
    served = moto.calls()
    assert calls["DescribeAlarms"] == served["DescribeAlarms"] == 2, "the stop condition's, and the probe's"
    # A poll that was open at the end may be on either side of the count.
    assert abs(calls.pop("ReceiveMessage") - served.pop("ReceiveMessage")) <= 1
    assert calls == dict(served)


ELSEWHERE, ROLE = "eu-west-1", "arn:aws:iam::210987654321:role/looker"


def test_those_of_a_command_look_where_the_inputs_say(moto: Moto, faultgate: Faultgate) -> None:
    role = aws("sts", moto.url).assume_role(RoleArn=ROLE, RoleSessionName="test")["Credentials"]
    there = boto3.client(
        "cloudwatch", endpoint_url=moto.url, region_name=ELSEWHERE, aws_access_key_id=role["AccessKeyId"],
        aws_secret_access_key=role["SecretAccessKey"], aws_session_token=role["SessionToken"],
    )  # fmt: skip
    there.put_metric_alarm(
        AlarmName=STEADY, Namespace="Shop", MetricName="Errors", Statistic="Sum", Period=60,
        EvaluationPeriods=1, Threshold=1, ComparisonOperator="GreaterThanThreshold",
    )  # fmt: skip
    there.set_alarm_state(AlarmName=STEADY, StateValue="OK", StateReason="set by the test")
    probe = {"name": "steady", "when": ["before"], "cloudwatch-alarm": {"name": STEADY}}
    experiment = {"name": "local", "command": {"run": ["true"]}, "probes": [probe]}
    suite = {"version": 1, "experiments": [experiment]}
    (faultgate.home / ".faultgate.json").write_text(json.dumps(suite), encoding="utf-8")
    for inputs, code in [
        (["--aws-region", ELSEWHERE, "--aws-role-arn", ROLE], 0),
        (["--aws-region", ELSEWHERE], 3),
        (["--aws-role-arn", ROLE], 3),
    ]:
        ended = faultgate.ended(faultgate.run(*inputs))
        assert ended.code == code, f"{inputs}\n{ended.process.transcript()}"
        assert ended.result["api_calls"] == {"DescribeAlarms": 1}


def test_check_tells_whether_the_system_is_steady(moto: Moto, faultgate: Faultgate, template: str) -> None:
    path = faultgate.home / ".faultgate.yml"
    path.write_text(suite(template, f"cloudwatch-alarm: {{ name: {STEADY} }}"), encoding="utf-8")
    for state, code, line in [
        ("OK", 0, "ok      probe steady of measured: steady: OK"),
        ("ALARM", 3, "error   probe steady of measured: not steady: ALARM: set by the test"),
    ]:
        alarm(moto, state)
        check = faultgate.start("check")
        assert check.wait() == code, check.transcript()
        assert line in check.stdout.splitlines(), check.transcript()
        assert check.stdout.endswith("ready" if code == 0 else "not ready: a run would launch nothing")
    assert not moto.requests("StartExperiment")
