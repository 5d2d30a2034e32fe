"""boto3 drives the embedded FIS through whole lives, so that it is no private dialect.

botocore checks each request against the service's own model, and parses each answer by it.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from botocore.exceptions import ClientError
from embedded import ALARM, SECOND_TEMPLATE, TEMPLATE, Embedded, states
from support import ACCOUNT, REGION

SHAPE = Path(__file__).with_name("shapes") / "fis-experiment-state-change.schema.json"
DOCUMENTED = jsonschema.Draft202012Validator(json.loads(SHAPE.read_text(encoding="utf-8")))
NEW_TEMPLATE: dict[str, Any] = {
    "description": "stop one named instance",
    "roleArn": f"arn:aws:iam::{ACCOUNT}:role/chaos",
    "targets": {
        "one": {
            "resourceType": "aws:ec2:instance",
            "resourceArns": [f"arn:aws:ec2:{REGION}:{ACCOUNT}:instance/i-0123456789abcdef0"],
            "selectionMode": "ALL",
        }
    },
    "actions": {"stop": {"actionId": "aws:ec2:stop-instances", "targets": {"Instances": "one"}}},
    "stopConditions": [{"source": "none"}],
    "tags": {"team": "chaos"},
}

Serve = Callable[..., Embedded]


def code_of(error: pytest.ExceptionInfo[ClientError]) -> str:
    return error.value.response["Error"]["Code"]


def check_events(events: list[dict[str, Any]], experiment: str, template: str = TEMPLATE) -> None:
    """Each is the documented event, and is about this experiment."""
    for event in events:
        DOCUMENTED.validate(event)
        assert event["account"] == ACCOUNT and event["region"] == REGION
        assert event["resources"] == [f"arn:aws:fis:{REGION}:{ACCOUNT}:experiment/{experiment}"]
        detail = event["detail"]
        assert (detail["experiment-id"], detail["experiment-template-id"]) == (experiment, template)
    for before, after in zip(events, events[1:], strict=False):
        assert after["detail"]["old-state"]["status"] == before["detail"]["new-state"]["status"]
    assert len({event["id"] for event in events}) == len(events)


def test_the_system_suffers_from_the_first_action_to_the_last(serve: Serve) -> None:
    world = serve("not-recovered")
    line = world.process.wait_for_line("# the system that suffers from its fault is ")
    target = line.rsplit(" ", 1)[1].strip()
    assert target == world.url + "/target"
    assert asked(target + "/checkout") == 200
    world.until(world.start("one"), "completed")
    assert asked(target + "/checkout") == 503


def asked(url: str) -> int:
    try:
        return urllib.request.urlopen(url, timeout=10).status
    except urllib.error.HTTPError as refused:
        return refused.code


def test_an_experiment_completes_and_announces_each_change(serve: Serve) -> None:
    world = serve()
    queue = world.subscribe()
    world.mark("ready")
    (marker,) = world.events_until(queue, "ready")
    assert (marker["source"], marker["detail-type"]) == ("test.marker", "Marker")

    started = world.fis.start_experiment(
        clientToken="one", experimentTemplateId=TEMPLATE, tags={"pipeline": "7"}
    )["experiment"]
    assert started["state"]["status"] == "pending" and started["tags"] == {"pipeline": "7"}
    assert started["arn"] == f"arn:aws:fis:{REGION}:{ACCOUNT}:experiment/{started['id']}"

    events = world.events_until(queue, "completed")
    assert states(events) == ["initiating", "running", "completed"]
    check_events(events, started["id"])

    ended = world.fis.get_experiment(id=started["id"])["experiment"]
    assert ended["state"]["status"] == "completed" and "error" not in ended["state"]
    assert ended["creationTime"] <= ended["startTime"] < ended["endTime"]
    assert {action["state"]["status"] for action in ended["actions"].values()} == {"completed"}
    assert all(action["startTime"] <= action["endTime"] for action in ended["actions"].values())
    assert ended["experimentOptions"]["actionsMode"] == "run-all"
    assert ended["stopConditions"] == [
        {"source": "aws:cloudwatch:alarm", "value": f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:{ALARM}"}
    ]

    resolved = world.fis.list_experiment_resolved_targets(experimentId=started["id"])["resolvedTargets"]
    assert resolved and {target["targetName"] for target in resolved} <= set(ended["targets"])
    assert all(target["targetInformation"]["arn"].startswith("arn:aws:") for target in resolved)
    by_name = world.fis.list_experiment_resolved_targets(experimentId=started["id"], targetName="nothing")
    assert by_name["resolvedTargets"] == []


def test_templates_are_made_found_listed_and_deleted(serve: Serve) -> None:
    fis = serve().fis
    made = fis.create_experiment_template(clientToken="t", **NEW_TEMPLATE)["experimentTemplate"]
    again = fis.create_experiment_template(clientToken="t", **NEW_TEMPLATE)["experimentTemplate"]
    assert made["id"].startswith("EXT") and again["id"] == made["id"]

    found = fis.get_experiment_template(id=made["id"])["experimentTemplate"]
    for member in ("description", "roleArn", "targets", "actions", "stopConditions", "tags"):
        assert found[member] == NEW_TEMPLATE[member], member
    assert found["arn"] == f"arn:aws:fis:{REGION}:{ACCOUNT}:experiment-template/{made['id']}"

    listed = fis.get_paginator("list_experiment_templates").paginate(PaginationConfig={"PageSize": 1})
    pages = [page["experimentTemplates"] for page in listed]
    assert [len(page) for page in pages] == [1, 1, 1]
    assert {page[0]["id"] for page in pages} == {TEMPLATE, SECOND_TEMPLATE, made["id"]}

    assert fis.delete_experiment_template(id=made["id"])["experimentTemplate"]["id"] == made["id"]
    for refused in (fis.get_experiment_template, fis.delete_experiment_template):
        with pytest.raises(fis.exceptions.ResourceNotFoundException):
            refused(id=made["id"])
    with pytest.raises(fis.exceptions.ResourceNotFoundException):
        fis.start_experiment(clientToken="late", experimentTemplateId=made["id"])
    with pytest.raises(fis.exceptions.ValidationException):
        fis.create_experiment_template(clientToken="empty", **(NEW_TEMPLATE | {"actions": {}}))


def test_target_accounts_are_configured_listed_changed_and_removed(serve: Serve) -> None:
    fis = serve().fis
    several = NEW_TEMPLATE | {"experimentOptions": {"accountTargeting": "multi-account"}}
    template = fis.create_experiment_template(clientToken="t", **several)["experimentTemplate"]["id"]
    role = "arn:aws:iam::{}:role/target".format
    for account in ("111111111111", "222222222222"):
        made = fis.create_target_account_configuration(
            experimentTemplateId=template, accountId=account, roleArn=role(account), description="staging"
        )["targetAccountConfiguration"]
        assert made == {"accountId": account, "roleArn": role(account), "description": "staging"}
    pages = fis.get_paginator("list_target_account_configurations").paginate(
        experimentTemplateId=template, PaginationConfig={"PageSize": 1}
    )
    listed = [one["accountId"] for page in pages for one in page["targetAccountConfigurations"]]
    assert listed == ["111111111111", "222222222222"]
    found = fis.get_experiment_template(id=template)["experimentTemplate"]
    assert found["targetAccountConfigurationsCount"] == 2

    first = {"experimentTemplateId": template, "accountId": "111111111111"}
    with pytest.raises(fis.exceptions.ConflictException):
        fis.create_target_account_configuration(**first, roleArn=role("111111111111"))
    fis.update_target_account_configuration(**first, description="production")
    changed = fis.get_target_account_configuration(**first)["targetAccountConfiguration"]
    assert changed == {
        "accountId": "111111111111", "roleArn": role("111111111111"), "description": "production"
    }
    assert fis.delete_target_account_configuration(**first)["targetAccountConfiguration"] == changed
    for refused in (fis.get_target_account_configuration, fis.delete_target_account_configuration):
        with pytest.raises(fis.exceptions.ResourceNotFoundException):
            refused(**first)
    with pytest.raises(fis.exceptions.ValidationException):
        fis.create_target_account_configuration(**(first | {"accountId": "11111111111x"}), roleArn=role("11111111111x"))


def test_a_template_of_ones_own_runs(serve: Serve) -> None:
    world = serve()
    template = world.fis.create_experiment_template(clientToken="t", **NEW_TEMPLATE)["experimentTemplate"]["id"]
    queue = world.subscribe(template=template)
    experiment = world.start("one", template)
    events = world.events_until(queue, "completed")
    check_events(events, experiment, template)
    (target,) = world.fis.list_experiment_resolved_targets(experimentId=experiment)["resolvedTargets"]
    assert target["targetInformation"]["arn"] == NEW_TEMPLATE["targets"]["one"]["resourceArns"][0]
    assert target["resourceType"] == "aws:ec2:instance"


def test_a_client_token_starts_one_experiment(serve: Serve) -> None:
    world = serve()
    first = world.start("same")
    assert world.start("same") == first
    with pytest.raises(world.fis.exceptions.ConflictException):
        world.start("same", SECOND_TEMPLATE)
    assert world.start("another") != first
    assert len(world.fis.list_experiments()["experiments"]) == 2


def test_experiments_are_listed_in_pages(serve: Serve) -> None:
    world = serve("never-ends")
    mine = {world.start(f"mine {number}") for number in range(3)}
    other = world.start("other", SECOND_TEMPLATE)
    paginator = world.fis.get_paginator("list_experiments")

    pages = list(paginator.paginate(PaginationConfig={"PageSize": 2}))
    assert [len(page["experiments"]) for page in pages] == [2, 2]
    assert {each["id"] for page in pages for each in page["experiments"]} == mine | {other}

    found = paginator.paginate(experimentTemplateId=TEMPLATE, PaginationConfig={"PageSize": 1})
    assert {each["id"] for each in found.search("experiments[]")} == mine
    with pytest.raises(world.fis.exceptions.ValidationException):
        world.fis.list_experiments(nextToken="not a token")
    with pytest.raises(world.fis.exceptions.ValidationException):
        world.fis.list_experiments(maxResults=101)


def test_somebody_stops_an_experiment(serve: Serve) -> None:
    world = serve("never-ends")
    queue = world.subscribe()
    experiment = world.start("one")
    world.events_until(queue, "running")
    answer = world.fis.stop_experiment(id=experiment)["experiment"]
    assert (answer["id"], answer["state"]["status"]) == (experiment, "stopping")

    events = world.events_until(queue, "stopped")
    assert states(events) == ["stopping", "stopped"]
    check_events(events, experiment)
    ended = world.until(experiment, "stopped")
    assert ended["endTime"] and ended["actions"]["latency"]["state"]["status"] == "stopped"
    with pytest.raises(world.fis.exceptions.ValidationException):
        world.fis.stop_experiment(id=experiment)


def test_an_alarm_stops_what_has_it_as_a_stop_condition(serve: Serve) -> None:
    world = serve("never-ends")
    queue = world.subscribe()
    experiment = world.start("one")
    world.events_until(queue, "running")
    world.cloudwatch.set_alarm_state(AlarmName=ALARM, StateValue="ALARM", StateReason="errors: 7 > 1")
    events = world.events_until(queue, "stopped")
    assert states(events) == ["stopping", "stopped"]
    check_events(events, experiment)
    assert "stop condition" in events[-1]["detail"]["new-state"]["reason"]


def test_a_failure_is_announced_and_has_a_code(serve: Serve) -> None:
    world = serve("failed")
    queue = world.subscribe()
    experiment = world.start("one")
    events = world.events_until(queue, "failed")
    assert states(events) == ["initiating", "running", "failed"]
    check_events(events, experiment)
    state = world.state(experiment)
    assert state["status"] == "failed"
    assert state["error"]["code"] == "AuthorizationFailure" and state["error"]["location"]


def test_the_safety_lever_stops_what_runs_and_cancels_what_comes(serve: Serve) -> None:
    world = serve("never-ends")
    queue = world.subscribe()
    before = world.fis.get_safety_lever(id="default")["safetyLever"]
    assert before["state"]["status"] == "disengaged" and before["arn"].startswith("arn:aws:fis:")
    running = world.start("before")
    world.events_until(queue, "running")

    wanted = {"status": "engaged", "reason": "freeze"}
    engaged = world.fis.update_safety_lever_state(id="default", state=wanted)["safetyLever"]
    assert engaged["state"] == wanted
    with pytest.raises(world.fis.exceptions.ConflictException):
        world.fis.update_safety_lever_state(id="default", state=wanted)
    events = world.events_until(queue, "stopped")
    check_events(events, running)

    cancelled = world.start("after")
    ended = world.until(cancelled, "cancelled")
    assert {action["state"]["status"] for action in ended["actions"].values()} == {"cancelled"}
    world.mark("end")
    silence = world.events_until(queue, "end")
    assert states(silence) == [], "nothing announces a cancellation"

    world.fis.update_safety_lever_state(id="default", state={"status": "disengaged", "reason": "over"})
    assert world.fis.get_safety_lever(id="default")["safetyLever"]["state"]["status"] == "disengaged"
    with pytest.raises(world.fis.exceptions.ResourceNotFoundException):
        world.fis.get_safety_lever(id="another")


def test_a_target_preview_skips_every_action(serve: Serve) -> None:
    world = serve()
    queue = world.subscribe()
    started = world.fis.start_experiment(
        clientToken="one", experimentTemplateId=TEMPLATE, experimentOptions={"actionsMode": "skip-all"}
    )["experiment"]
    world.events_until(queue, "completed")
    ended = world.fis.get_experiment(id=started["id"])["experiment"]
    assert ended["experimentOptions"]["actionsMode"] == "skip-all"
    assert {action["state"]["status"] for action in ended["actions"].values()} == {"skipped"}
    assert world.fis.list_experiment_resolved_targets(experimentId=started["id"])["resolvedTargets"]


def test_a_launch_may_find_more_than_its_preview(serve: Serve) -> None:
    world = serve("grows-after-preview")
    preview = world.fis.start_experiment(
        clientToken="one", experimentTemplateId=TEMPLATE, experimentOptions={"actionsMode": "skip-all"}
    )["experiment"]["id"]
    world.until(preview, "completed")
    launched = world.start("two")
    world.until(launched, "running")
    found = lambda id: world.fis.list_experiment_resolved_targets(experimentId=id)["resolvedTargets"]  # noqa: E731
    assert [len(found(preview)), len(found(launched))] == [2, 3]
    modes = {one["id"]: one["experimentOptions"]["actionsMode"] for one in world.fis.list_experiments()["experiments"]}
    assert modes == {preview: "skip-all", launched: "run-all"}


def test_another_pipeline_is_in_the_account(serve: Serve) -> None:
    world = serve("never-alone")
    [other] = world.fis.list_experiments()["experiments"]
    assert other["experimentTemplateId"] != TEMPLATE
    assert other["tags"]["faultgate:url"].startswith("https://")
    world.until(other["id"], "running")


def test_tags_of_templates_and_experiments(serve: Serve) -> None:
    world = serve("never-ends")
    fis, experiment = world.fis, world.start("one")
    arn = fis.get_experiment(id=experiment)["experiment"]["arn"]
    template = fis.get_experiment_template(id=TEMPLATE)["experimentTemplate"]["arn"]
    for resource in (arn, template):
        fis.tag_resource(resourceArn=resource, tags={"a": "1", "b": "with a space", "c": "3"})
        fis.untag_resource(resourceArn=resource, tagKeys=["a", "c"])
        tags = fis.list_tags_for_resource(resourceArn=resource)["tags"]
        assert (tags.get("b"), tags.keys() & {"a", "c"}) == ("with a space", set())
    assert fis.get_experiment(id=experiment)["experiment"]["tags"] == {"b": "with a space"}
    with pytest.raises(ClientError) as missing:
        fis.list_tags_for_resource(resourceArn=f"{arn}x")
    assert code_of(missing) == "ResourceNotFoundException"


def test_what_is_missing_is_told_by_typed_errors(serve: Serve) -> None:
    fis = serve().fis
    missing = fis.exceptions.ResourceNotFoundException
    for call in (
        lambda: fis.get_experiment(id="EXPnone"),
        lambda: fis.stop_experiment(id="EXPnone"),
        lambda: fis.list_experiment_resolved_targets(experimentId="EXPnone"),
    ):
        with pytest.raises(missing, match="EXPnone"):
            call()


def test_throttled_requests_are_retried_by_botocore(serve: Serve) -> None:
    world = serve("throttled")
    with pytest.raises(ClientError) as refused:
        world.start("one")
    assert code_of(refused) == "ThrottlingException"
    patient = world.client("fis", attempts=5)
    started = patient.start_experiment(clientToken="one", experimentTemplateId=TEMPLATE)
    assert started["ResponseMetadata"]["RetryAttempts"] == 1, "two in all are throttled"
    got = patient.get_experiment(id=started["experiment"]["id"])
    assert got["ResponseMetadata"]["RetryAttempts"] == 2
    queues = world.client("sqs", attempts=5)
    made = queues.create_queue(QueueName="patient")
    assert made["ResponseMetadata"]["RetryAttempts"] == 2 and made["QueueUrl"]
