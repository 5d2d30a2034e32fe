"""The list of `faultgate iam` against the code, AWS's own service models, and the service authorization reference."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
from botocore import xform_name
from botocore.loaders import Loader
from iam_list import LISTED, MODES, OTHERS, printed, statements
from policy_sentry.querying.actions import get_action_data
from support import ACCOUNT, REGION, ROOT

SERVICES = ("fis", "events", "sqs", "sts")


def is_shipped(path: Path) -> bool:
    """Neither a test, nor the embedded endpoints, nor the command line, which asks the flags for their actions."""
    parts = path.relative_to(ROOT).parts
    return not {"rehearsal", "cli"} & set(parts) and not any("test" in part for part in parts)


def requests_in_the_code() -> set[str]:
    """The operations for which the SDK's builders are called, such as `.put_rule()`, and those of CloudWatch by name."""
    files = (path for folder in ("src", "crates") for path in (ROOT / folder).rglob("*.rs"))
    code = "\n".join(path.read_text(encoding="utf-8") for path in files if is_shipped(path))
    called = set(re.findall(r"\.\s*([a-z_]+)\(\)", code))
    models = (Loader().load_service_model(service, "service-2") for service in SERVICES)
    by_builder = {operation for model in models for operation in model["operations"] if xform_name(operation) in called}
    cloudwatch = Loader().load_service_model("cloudwatch", "service-2")["operations"]
    return by_builder | (set(re.findall(r'\.ask\("(\w+)"', code)) & set(cloudwatch))


# The query API of Prometheus, for which there is no SDK, and S3, Organizations and CodeCommit, whose SDKs are too large
# for a few requests: all are signed here.
WITHOUT_SDK = {
    "QueryMetrics",
    *("PutObject", "ListObjectsV2", "GetObject"),
    *("ListAccountsForParent", "ListChildren"),
    *("GetPullRequest", "GetCommentsForPullRequest", "PostCommentForPullRequest"),
    *("GetCommentsForComparedCommit", "PostCommentForComparedCommit", "UpdateComment"),
}


def test_the_list_is_exactly_what_the_code_asks_for() -> None:
    assert requests_in_the_code() | WITHOUT_SDK == LISTED


def test_the_code_uses_the_sdks_of_no_other_service() -> None:
    manifest = (ROOT / "Cargo.toml").read_text(encoding="utf-8")
    crates = set(re.findall(r"^aws-sdk-(\w+) =", manifest, re.MULTILINE))
    assert crates == {"fis", "eventbridge", "sqs", "sts"}


def rows_of(action: str) -> list[dict[str, Any]]:
    """What the service authorization reference says of an action."""
    found = get_action_data(*action.split(":"))
    assert found, f"there is no action {action}"
    return [row for rows in found.values() for row in rows]


def pattern(arn_format: str) -> str:
    """`arn:${Partition}:fis:…/${Id}` as a pattern for our own ARNs, with this account and Region."""
    known = {"Partition": "aws", "Region": REGION, "Account": ACCOUNT}
    return re.sub(r"\$\{(\w+)\}", lambda name: known.get(name[1], "*"), arn_format)


OF_ALARMS = {"cloudwatch:DescribeAlarms", "cloudwatch:DescribeAlarmHistory"}


@pytest.mark.parametrize("use", MODES + OTHERS)
def test_each_action_exists_and_knows_the_resources_and_conditions(use: str) -> None:
    for statement in statements(use):
        keys = [key for block in statement.get("Condition", {}).values() for key in block]
        for action in statement["Action"]:
            rows = rows_of(action)
            formats = {row["resource_arn_format"] for row in rows}
            for resource in statement["Resource"]:
                if resource == "*":
                    # By AWS's API reference, composite alarms are only shown on all resources.
                    assert formats == {"*"} or action in OF_ALARMS, action
                else:
                    assert any(fnmatchcase(resource, pattern(each)) for each in formats - {"*"}), (action, resource)
            supported = {re.sub(r"\$\{TagKey\}", "", key) for row in rows for key in row["condition_keys"]}
            for key in keys:
                assert key in supported or re.sub(r"/.*", "/", key) in supported, (action, key)


@pytest.mark.parametrize("use", MODES)
def test_nothing_of_others_can_be_changed(use: str) -> None:
    """Only looks go beyond what is faultgate's own by its name or its tag, but for templates and the user's queue."""
    for statement in statements(use):
        own = all("faultgate-" in resource for resource in statement["Resource"]) or "Condition" in statement
        verbs = {action.partition(":")[2] for action in statement["Action"]}
        looks = all(re.match(r"Get|List|Describe", verb) for verb in verbs)
        assert own or looks or statement["Sid"] == "EventQueue", statement


def test_modes_differ_by_what_they_need() -> None:
    prefixes = {
        mode: {action.partition(":")[0] for each in statements(mode) for action in each["Action"]} for mode in MODES
    }
    assert prefixes["events"] == {"fis", "cloudwatch", "events", "sqs"}
    assert prefixes["queue"] == {"fis", "cloudwatch", "events", "sqs"}
    assert prefixes["poll"] == {"fis", "cloudwatch"}
    assert prefixes["sweep"] == {"fis", "events", "sqs"}
    assert prefixes["stop-all"] == {"fis"}


def test_a_sweep_makes_nothing_and_changes_only_what_is_tagged() -> None:
    for statement in statements("sweep"):
        changes = {action for action in statement["Action"] if not action.partition(":")[2].startswith(("Get", "List"))}
        assert changes <= {"fis:StopExperiment", "events:RemoveTargets", "events:DeleteRule", "sqs:DeleteQueue"}
        if changes:
            (key,) = statement["Condition"]["Null"]
            assert key.startswith("aws:ResourceTag/faultgate:") and statement["Condition"]["Null"][key] == "false"


def test_an_emergency_stop_asks_for_little_and_the_lever_for_two_actions_more() -> None:
    allowed = {action for each in statements("stop-all") for action in each["Action"]}
    assert allowed == {"fis:ListExperiments", "fis:GetExperiment", "fis:StopExperiment"}
    (lever,) = statements("safety-lever")
    assert set(lever["Action"]) == {"fis:GetSafetyLever", "fis:UpdateSafetyLeverState"}
    assert lever["Resource"] == [f"arn:aws:fis:{REGION}:{ACCOUNT}:safety-lever/*"]


@pytest.mark.parametrize("use", [use for use in MODES + OTHERS if use != "safety-lever"])
def test_nothing_else_may_turn_the_lever(use: str) -> None:
    assert not any("fis:UpdateSafetyLeverState" in each["Action"] for each in statements(use))


def test_flags_narrow_it() -> None:
    flags = ("--template", "EXT1,EXT2", "--account", ACCOUNT, "--region", "cn-north-1")
    text = str(printed("--mode", "poll", *flags))
    for template in ("EXT1", "EXT2"):
        assert f"arn:aws-cn:fis:cn-north-1:{ACCOUNT}:experiment-template/{template}" in text
    assert "experiment-template/*" not in text


@pytest.mark.parametrize("use", MODES)
def test_a_policy_fits_into_a_role(use: str) -> None:
    """IAM counts no white space; an inline policy of a role takes 10,240 characters, a managed one 6,144."""
    assert len(re.sub(r"\s", "", str(printed("--mode", use)))) < 6144
