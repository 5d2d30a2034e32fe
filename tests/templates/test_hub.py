"""The stacks of a hub: what their rules take, and who may do what."""

from __future__ import annotations

import json
from typing import Any

import pytest
from stacks import TEMPLATES, load
from test_templates import as_list, matches

HUB, MEMBER = load("hub/hub.yml")["Resources"], load("hub/member-account.yml")["Resources"]
RULES = [("hub/hub.yml", "ToQueue"), ("hub/member-account.yml", "ToHub")]


@pytest.mark.parametrize(("name", "rule"), RULES)
@pytest.mark.parametrize(
    ("source", "detail_type", "taken"),
    [
        ("aws.fis", "FIS Experiment State Change", True),
        ("faultgate.handshake", "Faultgate Handshake", True),
        ("aws.fis", "AWS API Call via CloudTrail", False),
        ("aws.ec2", "EC2 Instance State-change Notification", False),
    ],
)
def test_the_rules_take_changes_and_handshakes_alone(
    name: str, rule: str, source: str, detail_type: str, taken: bool
) -> None:
    assert matches(name, rule, {"source": source, "detail-type": detail_type, "detail": {}}) == taken


def test_a_member_forwards_to_the_hub_and_to_nobody_else() -> None:
    (target,) = MEMBER["ToHub"]["Properties"]["Targets"]
    assert (target["Arn"], target["RoleArn"]) == ({"Ref": "HubBusArn"}, {"Fn::GetAtt": ["Forwarder", "Arn"]})
    ((policy,),) = [[each["PolicyDocument"]["Statement"] for each in MEMBER["Forwarder"]["Properties"]["Policies"]]]
    (statement,) = policy
    assert (statement["Action"], statement["Resource"]) == ("events:PutEvents", {"Ref": "HubBusArn"})


def test_only_the_rule_of_the_hub_may_send_to_the_queue() -> None:
    (statement,) = HUB["QueuePolicy"]["Properties"]["PolicyDocument"]["Statement"]
    assert statement["Condition"] == {"ArnEquals": {"aws:SourceArn": {"Fn::GetAtt": ["ToQueue", "Arn"]}}}
    assert statement["Principal"] == {"Service": "events.amazonaws.com"}
    assert "RedrivePolicy" not in HUB["Queue"]["Properties"], "events pass through the hands of many runs"


def test_nobody_may_put_events_but_the_organization_or_the_list() -> None:
    def statement(resource: str) -> dict[str, Any]:
        return HUB[resource]["Properties"]["Statement"]

    everyone, listed = statement("MembersOfTheOrganization"), statement("MembersOfTheList")
    assert everyone["Condition"] == {"StringEquals": {"aws:PrincipalOrgID": {"Ref": "OrganizationId"}}}
    assert listed["Principal"] == {"AWS": {"Ref": "AccountIds"}}
    assert HUB["MembersOfTheOrganization"]["Condition"] == "HasOrganization"
    assert HUB["MembersOfTheList"]["Condition"] == "HasAccounts"


def test_readers_may_do_what_the_policy_of_queue_says_of_the_queue() -> None:
    (given,) = HUB["Readers"]["Properties"]["PolicyDocument"]["Statement"]
    printed = json.loads((TEMPLATES / "iam" / "queue.json").read_text())["Statement"]
    (wanted,) = [each for each in printed if each["Sid"] == "EventQueue"]
    assert sorted(as_list(given["Action"])) == sorted(as_list(wanted["Action"]))
    assert given["Resource"] == {"Fn::GetAtt": ["Queue", "Arn"]}
