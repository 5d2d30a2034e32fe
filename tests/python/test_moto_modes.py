"""Other ways to watch and to ask: a queue of the user's own, polling, suites, dry runs, and `faultgate check`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from account import bodies_in, count_in, make_alarm, make_shared_queue, make_template
from moto_world import Moto
from publisher import Publisher
from support import Faultgate, eventually

LOOKING = {"GetExperimentTemplate", "GetSafetyLever", "DescribeAlarms"}


@pytest.fixture
def template(moto: Moto) -> str:
    make_alarm(moto)
    return make_template(moto)


def test_a_queue_of_the_users_own(moto: Moto, faultgate: Faultgate, template: str) -> None:
    queue = make_shared_queue(moto)
    foreign = Publisher(moto, "EXPforeign", "EXTforeign")
    foreign.put("initiating", "running")
    before = moto.inventory()
    run = faultgate.run("--experiment-template-id", template, "--monitor", "queue", "--event-queue-url", queue)
    publisher = Publisher(moto, moto.started(), template)
    publisher.put("initiating", "running")
    foreign.put("completed")
    run.wait_for_line("running")
    # Ours are deleted while the run goes on, not when it ends.
    moto.wait_for("DeleteMessageBatch")
    moto.let_go()
    publisher.put("completed")
    ended = faultgate.ended(run).expect(0, "passed")

    assert ended.transitions()[1:] == [("initiating", "event"), ("running", "event"), ("completed", "event")]
    assert ended.experiment["monitor"]["mode"] == "queue" and ended.result["subscriptions"] == []
    after = moto.inventory()
    assert (after["rules"], after["queues"]) == (before["rules"], before["queues"])
    assert not moto.requests("CreateQueue", "PutRule", "PutTargets", "DeleteQueue", "DeleteRule")
    # The queue hides for ten minutes what is taken. The run gives back what it took, or took it for seconds
    # only: moto goes on with a poll whose client has gone, as SQS may.
    assert count_in(moto, queue) == 3, "ours are deleted, and only ours"
    left: list[dict[str, Any]] = []
    eventually(lambda: left.extend(bodies_in(moto, queue)) or len(left) == 3, "messages of others are given back")
    assert {event["detail"]["experiment-id"] for event in left} == {"EXPforeign"}
    assert sorted(event["detail"]["new-state"]["status"] for event in left) == ["completed", "initiating", "running"]


def test_a_queue_that_is_not_there(moto: Moto, faultgate: Faultgate, template: str) -> None:
    queue = make_shared_queue(moto)
    moto.sqs.delete_queue(QueueUrl=queue)
    run = faultgate.run("--experiment-template-id", template, "--monitor", "queue", "--event-queue-url", queue)
    ended = faultgate.ended(run).expect(3, "errored")
    assert "team-fis-events" in ended.experiment["reason"] and moto.experiments() == {}


def test_polling(moto: Moto, faultgate: Faultgate, template: str) -> None:
    run = faultgate.run("--experiment-template-id", template, "--monitor", "poll")
    moto.started()
    moto.let_go()
    ended = faultgate.ended(run).expect(0, "passed")
    assert ended.transitions() == [("pending", "launch"), ("completed", "poll")]
    monitor = ended.experiment["monitor"]
    assert (monitor["mode"], monitor["events"], monitor["reconciliations"]) == ("poll", 0, 0)
    assert moto.calls("events").total() == moto.calls("sqs").total() == 0


def test_a_dry_run_asks_for_a_target_preview(moto: Moto, faultgate: Faultgate, template: str) -> None:
    run = faultgate.run("--experiment-template-id", template, "--dry-run")
    Publisher(moto, moto.started(), template).complete()
    ended = faultgate.ended(run).expect(0, "passed")
    # moto ignores skip-all and says that the actions completed, so only the request can be checked.
    start = moto.wait_for("StartExperiment").input
    assert start["experimentOptions"] == {"actionsMode": "skip-all"}
    assert ended.experiment["score"] is None and "dry run" in ended.experiment["reason"]


def test_a_dry_run_whose_targets_do_not_resolve(moto: Moto, faultgate: Faultgate) -> None:
    make_alarm(moto)
    # moto resolves nothing that goes by tags.
    by_tag = {
        "one": {"resourceType": "aws:ec2:instance", "resourceTags": {"no": "such"}, "selectionMode": "ALL"}
    }
    template = make_template(moto, targets=by_tag)
    run = faultgate.run("--experiment-template-id", template, "--dry-run")
    Publisher(moto, moto.started(), template).complete()
    ended = faultgate.ended(run).expect(3, "errored")
    assert "no resource for the target one" in ended.experiment["reason"]


@pytest.mark.parametrize(("flags", "code", "verdict"), [([], 3, "errored"), (["--allow-empty-targets"], 0, "passed")])
def test_completed_with_nothing_injected(
    moto: Moto, faultgate: Faultgate, flags: list[str], code: int, verdict: str
) -> None:
    make_alarm(moto)
    template = make_template(moto, actions={"wait": {"actionId": "aws:fis:wait", "parameters": {"duration": "PT1M"}}})
    run = faultgate.run("--experiment-template-id", template, *flags)
    Publisher(moto, moto.started(), template).complete()
    ended = faultgate.ended(run).expect(code, verdict)
    assert "nothing was injected" in ended.experiment["reason"]


def write(path: Path, text: str) -> str:
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_two_experiments_share_one_subscription(moto: Moto, faultgate: Faultgate) -> None:
    make_alarm(moto)
    first, second = make_template(moto), make_template(moto)
    suite = write(
        faultgate.home / "suite.toml",
        f"""
        version = 1
        parallel = 2
        [[experiments]]
        name = "first"
        weight = 3
        fis = {{ template = "{first}" }}
        [[experiments]]
        name = "second"
        fis = {{ template = "{second}" }}
        """,
    )
    run = faultgate.run("--config", suite)
    # Both run before either has ended.
    moto.started(2)
    starts = moto.requests("StartExperiment")
    begun = {each.input["experimentTemplateId"]: each.output()["experiment"]["id"] for each in starts}
    publishers = [Publisher(moto, begun[template], template) for template in (first, second)]
    assert len(moto.inventory()["rules"]) == len(moto.inventory()["queues"]) == 1
    for publisher in publishers:
        publisher.put("initiating", "running")
    moto.let_go()
    for publisher in publishers:
        publisher.put("completed")
    ended = faultgate.ended(run)
    assert (ended.code, ended.gate["verdict"], ended.gate["resilience_score"]) == (0, "passed", 100)
    told = {each["name"]: each for each in ended.result["experiments"]}
    assert {name: each["id"] for name, each in told.items()} == {"first": begun[first], "second": begun[second]}
    assert [each["monitor"]["events"] for each in told.values()] == [3, 3]
    assert len(ended.result["subscriptions"]) == 1
    once = ("CreateQueue", "PutRule", "PutTargets", "RemoveTargets", "DeleteRule", "DeleteQueue")
    calls = moto.calls()
    assert {operation: calls[operation] for operation in once} == dict.fromkeys(once, 1)
    assert calls["GetExperiment"] == calls["StartExperiment"] == 2


def test_of_two_experiments_one_finds_a_weakness(moto: Moto, faultgate: Faultgate) -> None:
    make_alarm(moto)
    first, second = make_template(moto), make_template(moto)
    run = faultgate.run("--experiment-template-id", f"{first},{second}")
    one = moto.started()
    assert len(moto.experiments()) == 1, "one at a time by default"
    moto.fis.stop_experiment(id=one)
    moto.let_go()
    Publisher(moto, one, first).put("stopped", reason="Experiment halted by stop condition.")
    # The next one is looked at only once it has been announced: moto ends it at the first look.
    two = moto.started(2)
    Publisher(moto, two, second).complete()
    ended = faultgate.ended(run)
    assert (ended.code, ended.gate["verdict"]) == (1, "failed")
    assert [each["verdict"] for each in ended.result["experiments"]] == ["failed", "passed"]
    assert ended.gate["resilience_score"] == 50


def test_a_suite_in_yaml_is_found_and_filled_in(moto: Moto, faultgate: Faultgate, template: str) -> None:
    write(
        faultgate.home / ".faultgate.yml",
        """
        version: 1
        gate: { expected-resilience-score: 95 }
        experiments:
          - name: az-latency
            fis: { template: "${TEMPLATE}", region: "${PLACE:-us-east-1}" }
            weight: 10
            timeout: 20m
        """,
    )
    run = faultgate.run(TEMPLATE=template)
    Publisher(moto, moto.started(), template).complete()
    ended = faultgate.ended(run).expect(0, "passed")
    assert (ended.experiment["name"], ended.experiment["weight"]) == ("az-latency", 10)
    assert ended.gate["expected_resilience_score"] == 95


def test_mistakes_in_a_suite_send_no_request(moto: Moto, faultgate: Faultgate) -> None:
    write(
        faultgate.home / ".faultgate.yml",
        "version: 1\nexperimnts: []\nexperiments:\n  - {name: A, fis: {template: EXT1}, timeout: soon}\n",
    )
    run = faultgate.run("--expected-resilience-score", "101")
    assert run.wait() == 2, run.transcript()
    for mistake in ("experimnts", "soon", "101", "nothing was launched"):
        assert mistake in run.stderr, run.stderr
    assert moto.requests() == []


def test_check_says_ready_and_changes_nothing(moto: Moto, faultgate: Faultgate, template: str) -> None:
    before = moto.inventory()
    check = faultgate.start("check", "--experiment-template-id", template)
    assert check.wait() == 0, check.transcript()
    assert check.stdout.splitlines()[-1] == "ready"
    for line in (f"ok      template {template}", "ok      stop condition shop-5xx", "note    safety lever"):
        assert line in check.stdout, check.stdout
    assert moto.inventory() == before
    assert set(moto.calls()) == LOOKING


def test_check_reads_a_shared_queue_without_taking_from_it(moto: Moto, faultgate: Faultgate, template: str) -> None:
    queue = make_shared_queue(moto)
    Publisher(moto, "EXPforeign", "EXTforeign").put("running")
    check = faultgate.start(
        "check", "--experiment-template-id", template, "--monitor", "queue", "--event-queue-url", queue
    )
    assert check.wait() == 0 and "ok      event queue" in check.stdout, check.transcript()
    assert eventually(lambda: bodies_in(moto, queue), "the message is still there", 5)


def test_check_tells_all_that_is_wrong(moto: Moto, faultgate: Faultgate) -> None:
    make_alarm(moto, "ALARM")
    templates = f"{make_template(moto)},EXTnone"
    before = moto.inventory()
    check = faultgate.start("check", "--experiment-template-id", templates)
    assert check.wait() == 3, check.transcript()
    errors = [line for line in check.stdout.splitlines() if line.startswith("error")]
    assert len(errors) == 2 and "EXTnone" in errors[0] and "shop-5xx" in errors[1], check.stdout
    assert check.stdout.splitlines()[-1].startswith("not ready")
    assert moto.inventory() == before
    assert set(moto.calls()) == LOOKING


def test_a_template_without_a_stop_condition_is_a_warning(moto: Moto, faultgate: Faultgate) -> None:
    template = make_template(moto, stopConditions=[{"source": "none"}])
    check = faultgate.start("check", "--experiment-template-id", template)
    assert check.wait() == 0, check.transcript()
    assert "warning template" in check.stdout and "no stop condition" in check.stdout
    assert "DescribeAlarms" not in moto.calls()
