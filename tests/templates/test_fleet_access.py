"""Who may do what in a fleet: its members, and what its sweepers hear."""

from __future__ import annotations

import json

import pytest
from stacks import FILES, TEMPLATES, load
from test_templates import arns, as_list, documents, matches, policy


def test_a_member_lets_a_fleet_do_what_one_gate_may() -> None:
    """The container what its manual says, the other one what the gate of its own account may."""
    manual = json.loads((TEMPLATES / "iam" / "events.json").read_text())["Statement"]
    for said in manual:
        (here,) = [each for each in policy("Container") if each["Sid"] == said["Sid"]]
        more = {"cloudwatch:GetMetricData"} if said["Sid"] == "Looks" else set()
        assert set(as_list(here["Action"])) == set(said["Action"]) | more
        assert [arn for each in as_list(here["Resource"]) for arn in arns(each)] == said["Resource"]
        assert set(here.get("Condition", {})) == set(said.get("Condition", {}))
    assert len(policy("Container")) == len(manual)
    gate = {action: each.get("Condition") for each in documents(load(FILES[2]))["ExperimentsRole"] for action in as_list(each["Action"])}
    member = {action: each.get("Condition") for each in policy("NoContainer") for action in as_list(each["Action"])}
    assert member == gate


def test_a_member_trusts_its_organization_alone() -> None:
    (trust,) = load(FILES[7])["Resources"]["Member"]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"AWS": {"Ref": "TrustedRoleArns"}}
    assert trust["Condition"] == {"StringEquals": {"aws:PrincipalOrgID": {"Ref": "OrganizationId"}}}


@pytest.mark.parametrize("name", FILES[5:7])
@pytest.mark.parametrize(
    ("status", "heard"), [("ABORTED", True), ("FAILED", True), ("TIMED_OUT", True), ("SUCCEEDED", False), ("RUNNING", False)]
)
def test_the_sweeper_of_a_fleet_hears_executions_that_did_not_succeed(name: str, status: str, heard: bool) -> None:
    detail = {"stateMachineArn": "Fleet", "status": status, "executionArn": "x", "name": "x"}
    event = {"source": "aws.states", "detail-type": "Step Functions Execution Status Change", "detail": detail}
    assert matches(name, "DeadExecution", event) is heard
    assert not matches(name, "DeadExecution", event | {"detail": detail | {"stateMachineArn": "another"}})
