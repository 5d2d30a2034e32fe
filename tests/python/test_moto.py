"""`faultgate run` against moto: events that come, come twice, come in any order, or do not come."""

from __future__ import annotations

import json

import pytest
from account import make_alarm, make_template, set_alarm
from moto_world import Moto
from publisher import Publisher
from support import Faultgate

LAUNCHED = ("pending", "launch")
WHOLE_LIFE = [
    LAUNCHED,
    ("initiating", "event"),
    ("running", "event"),
    ("completed", "event"),
]


@pytest.fixture
def template(moto: Moto) -> str:
    """A template whose alarm is OK."""
    make_alarm(moto)
    return make_template(moto)


def test_a_healthy_run_passes_by_events_alone(moto: Moto, faultgate: Faultgate, template: str) -> None:
    run = faultgate.run("--experiment-template-id", template)
    experiment = moto.started()
    Publisher(moto, experiment, template).complete()
    ended = faultgate.ended(run).expect(0, "passed")

    result, told = ended.result, ended.experiment
    assert result["schema_version"] == 1
    assert (ended.gate["resilience_score"], ended.gate["expected_resilience_score"]) == (100, 100)
    assert (told["id"], told["engine"], told["score"]) == (experiment, "fis", 100)
    assert (told["state"], told["raw_state"], told["verdict"]) == ("completed", "completed", "passed")
    assert told["started_at"] and told["ended_at"] and told["weight"] >= 1
    assert [(action["name"], action["state"]) for action in told["actions"]] == [("stop", "completed")]
    assert [(target["name"], target["resolved"]) for target in told["targets"]] == [("one", 1)]
    assert ended.transitions() == WHOLE_LIFE
    for each in told["transitions"]:
        assert each["at"] and each["observed_at"] and each["state"]
    monitor = told["monitor"]
    assert (monitor["mode"], monitor["events"], monitor["duplicates"]) == ("events", 3, 0)
    assert monitor["reconciliations"] == 0

    fis = moto.calls("fis")
    assert fis.total() <= 6 and set(fis.values()) == {1}, f"more requests than needed, or repeated: {fis}"
    served = moto.calls()
    told_calls = monitor["api_calls"]
    # A poll that was open at the end may be on either side of the count.
    assert abs(told_calls.pop("ReceiveMessage") - served.pop("ReceiveMessage")) <= 1
    assert told_calls == dict(served), "api_calls is not what moto has seen"

    start = moto.wait_for("StartExperiment").input
    assert start["clientToken"].startswith("faultgate-") and not start.get("experimentOptions")
    tags = moto.fis.get_experiment(id=experiment)["experiment"]["tags"]
    assert tags["faultgate:run-id"] == result["run"]["id"]


def test_the_subscription_is_what_the_contract_says(moto: Moto, faultgate: Faultgate, template: str) -> None:
    run = faultgate.run("--experiment-template-id", template)
    experiment = moto.started()
    (name,) = moto.inventory()["rules"]
    rule = moto.events.describe_rule(Name=name)
    tags = {tag["Key"]: tag["Value"] for tag in moto.events.list_tags_for_resource(ResourceARN=rule["Arn"])["Tags"]}
    (queue,) = moto.inventory()["queues"]
    assert queue.endswith(f"/{name}") and name.startswith("faultgate-")
    assert moto.sqs.list_queue_tags(QueueUrl=queue)["Tags"] == tags
    assert name == f"faultgate-{tags['faultgate:run-id']}" and tags["faultgate:expires-at"].endswith("Z")
    assert template in rule["EventPattern"] and "faultgate.handshake" in rule["EventPattern"]
    made = moto.wait_for("CreateQueue").input["Attributes"]
    allowed = json.loads(made["Policy"])["Statement"][0]
    assert allowed["Condition"]["ArnEquals"]["aws:SourceArn"] in (rule["Arn"], [rule["Arn"]])
    assert not moto.requests("SetQueueAttributes")

    order = [each.operation for each in moto.requests()]
    assert order.index("PutEvents") < order.index("StartExperiment"), "launched before the handshake"
    Publisher(moto, experiment, template).complete()
    faultgate.ended(run).expect(0, "passed")


def test_nothing_starts_before_the_handshake_is_through(moto: Moto, faultgate: Faultgate, template: str) -> None:
    handshake = moto.hold("ReceiveMessage")
    run = faultgate.run("--experiment-template-id", template)
    handshake.until_reached()
    moto.wait_for("PutEvents", 2)
    assert not moto.requests("StartExperiment"), "launched on an unproved subscription"
    handshake.release()
    Publisher(moto, moto.started(), template).complete()
    faultgate.ended(run).expect(0, "passed")


def test_events_that_come_twice_count_once(moto: Moto, faultgate: Faultgate, template: str) -> None:
    run = faultgate.run("--experiment-template-id", template)
    publisher = Publisher(moto, moto.started(), template)
    publisher.send(publisher.envelope("initiating"), times=3)
    publisher.send(publisher.envelope("running"), times=2)
    run.wait_for_line("running")
    moto.let_go()
    publisher.put("completed")
    ended = faultgate.ended(run).expect(0, "passed")
    assert ended.transitions() == WHOLE_LIFE
    assert (ended.experiment["monitor"]["events"], ended.experiment["monitor"]["duplicates"]) == (3, 3)


def test_events_in_any_order(moto: Moto, faultgate: Faultgate, template: str) -> None:
    run = faultgate.run("--experiment-template-id", template)
    publisher = Publisher(moto, moto.started(), template)
    publisher.put("running", "initiating")
    run.wait_for_line("initiating")
    moto.let_go()
    publisher.put("completed")
    ended = faultgate.ended(run).expect(0, "passed")
    assert ended.transitions() == WHOLE_LIFE, "they are told in the order of an experiment's life"
    assert set(moto.calls("fis").values()) == {1}


def test_an_end_that_is_announced_too_early_is_not_believed(
    moto: Moto, faultgate: Faultgate, template: str
) -> None:
    run = faultgate.run("--experiment-template-id", template)
    publisher = Publisher(moto, moto.started(), template)
    publisher.put("completed")
    # FIS's own record goes on saying `pending`.
    moto.wait_for("GetExperiment", 2)
    publisher.put("initiating", "running")
    assert run.popen.poll() is None
    moto.let_go()
    ended = faultgate.ended(run).expect(0, "passed")
    assert ended.experiment["raw_state"] == "completed"


def test_the_record_counts_and_not_the_event(moto: Moto, faultgate: Faultgate, template: str) -> None:
    run = faultgate.run("--experiment-template-id", template)
    experiment = moto.started()
    moto.fis.stop_experiment(id=experiment)
    moto.let_go()
    Publisher(moto, experiment, template).put("completed")
    ended = faultgate.ended(run).expect(3, "errored")
    assert ended.experiment["raw_state"] == "stopped"


def test_foreign_and_malformed_messages_are_left_aside(moto: Moto, faultgate: Faultgate, template: str) -> None:
    run = faultgate.run("--experiment-template-id", template)
    publisher = Publisher(moto, moto.started(), template)
    neighbour = Publisher(moto, "EXPneighbour", template)
    neighbour.put("initiating", "running", "completed")
    torn = publisher.envelope("running")
    torn["detail"]["new-state"] = "stopped"
    rubbish = ["not json", "[]", '"text"', "null", '{"source": "aws.fis"}', torn, {"detail": None}]
    for body in rubbish:
        publisher.send(body)
    publisher.send(publisher.envelope("stopped", **{"detail-type": "AWS API Call via CloudTrail"}))
    publisher.send(publisher.envelope("failed", source="shop.checkout"))
    publisher.put("initiating", "running")
    run.wait_for_line("running")
    assert not moto.requests("GetExperiment"), "somebody else's end was taken for ours"
    moto.let_go()
    publisher.put("completed")
    ended = faultgate.ended(run).expect(0, "passed")
    assert ended.transitions() == WHOLE_LIFE
    assert ended.experiment["monitor"]["events"] == 3
    assert ended.experiment["monitor"]["malformed"] == 2, "`not json` and the torn event"


def test_events_may_be_wrapped_by_a_topic_and_lack_fields(moto: Moto, faultgate: Faultgate, template: str) -> None:
    run = faultgate.run("--experiment-template-id", template)
    publisher = Publisher(moto, moto.started(), template)
    wrapped = {"Type": "Notification", "Message": json.dumps(publisher.envelope("initiating"))}
    publisher.send(wrapped)
    bare = publisher.envelope("running")
    for name in ("account", "version", "resources", "region", "time", "id"):
        del bare[name]
    publisher.send(bare)
    run.wait_for_line("running")
    moto.let_go()
    publisher.put("completed")
    assert faultgate.ended(run).expect(0, "passed").transitions() == WHOLE_LIFE


def test_events_before_the_launch_is_answered(moto: Moto, faultgate: Faultgate, template: str) -> None:
    launch = moto.hold("StartExperiment")
    run = faultgate.run("--experiment-template-id", template)
    launch.until_reached()
    (experiment,) = moto.experiments()
    Publisher(moto, experiment, template).complete()
    moto.wait_for("ReceiveMessage", where=lambda each: b"completed" in each.answer)
    assert not moto.requests("GetExperiment")
    launch.release()
    ended = faultgate.ended(run).expect(0, "passed")
    assert ended.transitions() == WHOLE_LIFE and ended.experiment["id"] == experiment
    assert set(moto.calls("fis").values()) == {1}


def test_without_any_event_the_record_is_asked(moto: Moto, faultgate: Faultgate, template: str) -> None:
    run = faultgate.run("--experiment-template-id", template, "--reconcile-interval", "2s")
    moto.started()
    moto.let_go()
    ended = faultgate.ended(run).expect(0, "passed")
    assert ended.transitions() == [LAUNCHED, ("completed", "reconcile")]
    monitor = ended.experiment["monitor"]
    assert (monitor["events"], monitor["reconciliations"]) == (0, 1)
    assert monitor["api_calls"]["GetExperiment"] == 1


def test_a_stop_condition_is_a_weakness(moto: Moto, faultgate: Faultgate, template: str) -> None:
    run = faultgate.run("--experiment-template-id", template)
    experiment = moto.started()
    publisher = Publisher(moto, experiment, template)
    publisher.put("initiating", "running")
    run.wait_for_line("running")
    # moto evaluates no stop condition: the test does what FIS would. Neither moto's reason nor the event's
    # tells why, so the alarm alone has to.
    set_alarm(moto, "ALARM")
    moto.fis.stop_experiment(id=experiment)
    publisher.put("stopping", reason="Stopping.")
    moto.let_go()
    publisher.put("stopped", reason="Stopped.")
    ended = faultgate.ended(run).expect(1, "failed")
    told = ended.experiment
    assert (told["state"], told["verdict"], told["score"]) == ("stopped", "failed", 0)
    assert ended.gate["resilience_score"] == 0
    assert "stop condition" in told["reason"] and "shop-5xx" in told["reason"]
    assert ended.transitions()[-2:] == [("stopping", "event"), ("stopped", "event")]
    assert not moto.requests("StopExperiment"), "it is not ours to stop"


def test_stopped_by_somebody_else_is_no_verdict_on_the_system(
    moto: Moto, faultgate: Faultgate, template: str
) -> None:
    run = faultgate.run("--experiment-template-id", template)
    experiment = moto.started()
    moto.fis.stop_experiment(id=experiment)
    moto.let_go()
    Publisher(moto, experiment, template).put("stopping", "stopped")
    ended = faultgate.ended(run).expect(3, "errored")
    told = ended.experiment
    assert (told["state"], told["score"], ended.gate["resilience_score"]) == ("stopped", None, None)
    assert "somebody else" in told["reason"]
