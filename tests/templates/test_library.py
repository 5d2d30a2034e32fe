"""What holds for every experiment of the library: it is guarded, bounded, logged and reported, and may do what it has to."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import boto3
import cfnlint
import jmespath
import pytest
import yaml
from moto import mock_aws

from fis_actions import ACTIONS, TARGETS
from library import FOLDERS, GIVEN, LIBRARY, MADE, properties, stack, statements
from stacks import Loader

POLICIES = json.loads((Path(cfnlint.__file__).parent / "data" / "AdditionalSpecs" / "Policies.json").read_text())
FILES = {"README.md", "main.tf", "records.tf", "role.tf", "suite.yml", "template.yml", "variables.tf"}
BOUNDED = re.compile(r"(COUNT\([1-9][0-9]*\)|PERCENT\((100|[1-9][0-9]?)\))")
# Logs and the report.
ALWAYS = {
    "logs:CreateLogDelivery",
    "logs:PutResourcePolicy",
    "logs:DescribeResourcePolicies",
    "logs:DescribeLogGroups",
    "s3:PutObject",
    "s3:GetObject",
}
# What reads, and has no narrower resource or is asked for all of them.
READS = re.compile(r"\w[\w-]*:(Describe|List|Get)\w+$")


def experiment(folder: str) -> dict[str, Any]:
    return properties(folder, "ExperimentTemplate")


each_folder = pytest.mark.parametrize("folder", FOLDERS)


# --- whole, and the same where they are the same


def test_every_experiment_is_here_and_in_the_table() -> None:
    folders = {path.name for path in LIBRARY.iterdir() if path.is_dir()}
    listed = re.findall(r"^\| \[([\w-]+)\]\(\1/README.md\)", (LIBRARY / "README.md").read_text(), re.MULTILINE)
    assert set(FOLDERS) == folders == set(GIVEN) == set(listed)
    assert len(listed) == len(folders)


@each_folder
def test_a_folder_is_whole(folder: str) -> None:
    extra = {"rbac.yml"} if folder.startswith("eks-") else set()
    assert {path.name for path in (LIBRARY / folder).iterdir()} == FILES | extra


@pytest.mark.parametrize("name", ["ExperimentLogs", "Reports", "ReportsPolicy"])
def test_what_is_left_to_read_is_the_same_everywhere(name: str) -> None:
    found = {json.dumps(stack(folder)["Resources"][name], sort_keys=True) for folder in FOLDERS}
    assert len(found) == 1
    assert len({(LIBRARY / folder / "records.tf").read_text() for folder in FOLDERS}) == 1


def test_what_both_need_in_kubernetes_is_the_same() -> None:
    assert len({path.read_text() for path in LIBRARY.glob("eks-*/rbac.yml")}) == 1


@each_folder
def test_outputs_and_tags_are_the_same_everywhere(folder: str) -> None:
    assert set(stack(folder)["Outputs"]) == {"TemplateId", "AlarmName", "ReportBucket"}
    tags = {"Name": folder, "environment": "staging", "faultgate": "library"}
    assert experiment(folder)["Tags"] == tags
    for resource in ("ExperimentRole", "ExperimentLogs", "Reports"):
        assert {tag["Key"]: tag["Value"] for tag in properties(folder, resource)["Tags"]} == tags


@each_folder
def test_the_manual_names_what_it_needs(folder: str) -> None:
    manual = (LIBRARY / folder / "README.md").read_text()
    assert len(manual.splitlines()) <= 22
    for row in ("Blast radius", "Needs", "Ends", "Stops early", "Reversible", "Cost"):
        assert f"| {row} |" in manual
    required = {name for name, about in stack(folder)["Parameters"].items() if "Default" not in about}
    assert required <= set(re.findall(r"(\w+)=", manual)) and required <= set(GIVEN[folder])
    asked = set(re.findall(r"\$\{(\w+)(?::-[^}]*)?\}", (LIBRARY / folder / "suite.yml").read_text()))
    assert asked <= set(re.findall(r"(\w+)=", manual)), "variables of the suite"
    assert set(re.findall(r"`(\w+)` \(\d", manual)) <= set(stack(folder)["Parameters"])


@each_folder
def test_the_cost_is_that_of_the_actions(folder: str) -> None:
    """Ten cents a minute of each action, one minute for what has no duration, and FIS's report that is not reckoned."""
    minutes = 0
    for action in experiment(folder)["Actions"].values():
        texts = [value for key, value in action.get("Parameters", {}).items() if "duration" in key.lower()]
        minutes += int(re.fullmatch(r"PT(\d+)M", texts[0])[1]) if texts else 1  # type: ignore[index]
    manual = (LIBRARY / folder / "README.md").read_text()
    (told,) = re.findall(r"\| Cost \| about \$([\d.]+) a run.*, plus FIS's report \|", manual)
    (listed,) = re.findall(rf"\[{folder}\].* \$([\d.]+) \|", (LIBRARY / "README.md").read_text())
    assert told == listed and abs(float(told) * 10 - minutes) < 0.04 * minutes


def test_a_bucket_of_reports_is_emptied_as_the_manual_says() -> None:
    (query,) = re.findall(r"--query '(.*)' > versions.json", (LIBRARY / "README.md").read_text())
    with mock_aws():
        s3 = boto3.client("s3", region_name="us-east-1")
        s3.create_bucket(Bucket="reports")
        s3.put_bucket_versioning(Bucket="reports", VersioningConfiguration={"Status": "Enabled"})
        for key in ("one", "one", "two"):
            s3.put_object(Bucket="reports", Key=key)
        s3.delete_object(Bucket="reports", Key="two")
        s3.delete_objects(Bucket="reports", Delete=jmespath.search(query, s3.list_object_versions(Bucket="reports")))
        s3.delete_bucket(Bucket="reports")


@each_folder
def test_cloudformation_takes_no_yaml_aliases(folder: str) -> None:
    events = yaml.parse((LIBRARY / folder / "template.yml").read_text(), Loader)
    assert not [event for event in events if isinstance(event, yaml.AliasEvent)]


def test_cfn_lint_is_content() -> None:
    files = sorted(LIBRARY.glob("*/template.yml"))
    command = [
        Path(sys.executable).parent / "cfn-lint",
        "--non-zero-exit-code",
        "warning",
        "--regions",
        "us-east-1",
        "eu-west-1",
        "--",
        *files,
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


# --- guarded and bounded


@each_folder
def test_it_is_guarded_logged_and_reported(folder: str) -> None:
    made = experiment(folder)
    assert made["StopConditions"] == [{"Source": "aws:cloudwatch:alarm", "Value": alarm_of(folder)}]
    assert made["LogConfiguration"]["LogSchemaVersion"] == 2
    assert made["LogConfiguration"]["CloudWatchLogsConfiguration"]["LogGroupArn"].endswith(":*")
    assert made["ExperimentReportConfiguration"]["Outputs"]["ExperimentReportS3Configuration"]["BucketName"]
    skips = folder in ("az-power-interruption", "cross-region-connectivity")
    assert made["ExperimentOptions"]["EmptyTargetResolutionMode"] == ("skip" if skips else "fail")
    if skips:
        assert "EmptyTargetResolutionMode: skip" in (LIBRARY / folder / "README.md").read_text()


def alarm_of(folder: str) -> str:
    alarm = properties(folder, "Alarm")
    assert alarm["TreatMissingData"] == "notBreaching" and alarm["Period"] == 60
    assert ("Statistic" in alarm) != ("ExtendedStatistic" in alarm)
    return MADE["Alarm.Arn"]


def test_what_an_instant_fault_is_allowed_does_not_stop_it() -> None:
    """The wait after it is as long as the outage may be, and the alarm needs a longer one."""
    for folder in ("aurora-failover", "ecs-task-stop", "eks-pod-delete"):
        *_, (_, wait) = experiment(folder)["Actions"].items()
        assert (wait["ActionId"], wait["Parameters"]) == ("aws:fis:wait", {"duration": "PT1M"})
        alarm = properties(folder, "Alarm")
        # A minute that does not begin with a period touches two.
        assert alarm["EvaluationPeriods"] * alarm["Period"] > 60 + alarm["Period"] and "DatapointsToAlarm" not in alarm
        manual = (LIBRARY / folder / "README.md").read_text()
        assert "| Counts |" in manual and "an outage may last a minute" in manual


@pytest.mark.parametrize("folder", ["cross-region-connectivity", "dynamodb-replication-pause"])
def test_replication_may_take_five_minutes_to_stop_but_has_to_stop(folder: str) -> None:
    suite = yaml.safe_load((LIBRARY / folder / "suite.yml").read_text())
    weights = {probe["name"]: probe.get("weight", 10) for probe in suite["experiments"][0]["probes"]}
    behind = weights.pop("other Region is behind")
    minutes = stack(folder)["Parameters"]["Minutes"]

    def score(share: float) -> float:
        """With nothing amiss but that: the other Region is behind for that share of the fault."""
        return 100 * (sum(weights.values()) + behind * share) / (sum(weights.values()) + behind)

    floor = suite["gate"]["expected-resilience-score"]
    assert score(0) < floor <= min(score(1 - 5 / minutes[key]) for key in ("MinValue", "Default"))


@each_folder
def test_targets_are_few_and_wanted(folder: str) -> None:
    made = experiment(folder)
    used = {target for action in made["Actions"].values() for target in action.get("Targets", {}).values()}
    assert used == set(made["Targets"])
    for name, target in made["Targets"].items():
        assert BOUNDED.fullmatch(target["SelectionMode"]), name
        found_by = [key for key in ("ResourceTags", "ResourceArns", "Parameters") if target.get(key)]
        assert found_by, f"{name} is found by nothing"
        if "ResourceTags" in target:
            assert target["ResourceTags"] == {"chaos": "staging"}


@pytest.mark.parametrize(
    ("mode", "taken"),
    [
        ("COUNT(1)", True),
        ("PERCENT(50)", True),
        ("PERCENT(100)", True),
        ("ALL", False),
        ("COUNT(0)", False),
        ("PERCENT(101)", False),
    ],
)
def test_a_selection_is_bounded_by_its_pattern(mode: str, taken: bool) -> None:
    patterns = {
        about["AllowedPattern"]
        for folder in FOLDERS
        for name, about in stack(folder)["Parameters"].items()
        if name == "Selection"
    }
    (pattern,) = patterns
    assert bool(re.search(pattern, mode)) is taken


@each_folder
def test_actions_are_what_fis_knows(folder: str) -> None:
    made = experiment(folder)
    for name, action in made["Actions"].items():
        targets, must, may, _ = ACTIONS[action["ActionId"]]
        given = action.get("Parameters", {})
        assert must <= set(given) <= must | may, name
        assert all(isinstance(value, str | int) for value in given.values())
        acts_on = {key: made["Targets"][target]["ResourceType"] for key, target in action.get("Targets", {}).items()}
        assert acts_on == targets, name
        assert set(action.get("StartAfter", [])) <= set(made["Actions"]) - {name}
        for key, value in given.items():
            if "duration" in key.lower():
                assert re.fullmatch(r"PT[1-9][0-9]*M", value), f"{name}: {key}"
    assert any(
        action["ActionId"] not in ("aws:fis:wait", "aws:arc:start-zonal-autoshift")
        for action in made["Actions"].values()
    )


@each_folder
def test_numbers_and_durations_have_bounds(folder: str) -> None:
    for name, about in stack(folder)["Parameters"].items():
        if about["Type"] == "Number":
            assert about["MinValue"] <= about["Default"] <= about["MaxValue"], name
        else:
            assert "AllowedPattern" in about or "AllowedValues" in about, name
        default = GIVEN[folder].get(name, about.get("Default"))
        assert re.search(about.get("AllowedPattern", ""), str(default)), name
        assert str(default) in about.get("AllowedValues", [str(default)]), name


# --- permissions


@each_folder
def test_only_fis_may_be_the_role_for_experiments_of_this_account(folder: str) -> None:
    (statement,) = stack(folder)["Resources"]["ExperimentRole"]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": "fis.amazonaws.com"}
    assert statement["Condition"]["StringEquals"] == {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}
    source = statement["Condition"]["ArnLike"]["aws:SourceArn"]["Fn::Sub"]
    assert source == "arn:${AWS::Partition}:fis:${AWS::Region}:${AWS::AccountId}:experiment/*"


@each_folder
def test_the_role_may_do_what_its_actions_and_targets_need_and_nothing_else(folder: str) -> None:
    made = experiment(folder)
    needs = [ACTIONS[action["ActionId"]][3] for action in made["Actions"].values()]
    needs += [
        TARGETS[target["ResourceType"]][name]
        for target in made["Targets"].values()
        for name in target.get("Parameters", {})
    ]
    needed = {permission for each in needs for permission in each.split()}
    assert {action for each in statements(folder) for action in each["Action"]} == needed | ALWAYS


@each_folder
def test_permissions_exist_and_are_for_resources_that_they_have(folder: str) -> None:
    for each in statements(folder):
        arns = [re.compile(form(arn)) for arn in each["Resource"] if arn != "*"]
        met: Counter[int] = Counter()
        for action in each["Action"]:
            service, name = action.split(":")
            types = POLICIES[service]["Actions"][name.lower()].get("Resources", [])
            about = POLICIES[service]["Resources"]
            forms = {kind: about.get(kind, about.get(kind.lower()))["ARNFormats"] for kind in types}
            fit = {
                kind
                for kind in types
                for arn in each["Resource"]
                if any(re.fullmatch(form(one), arn) for one in forms[kind])
            }
            if each["Resource"] == ["*"]:
                assert not types or READS.match(action), f"{each['Sid']}: {action} has resources: {types}"
                continue
            assert fit, f"{each['Sid']}: {action} is not for {each['Resource']}"
            met.update(
                index
                for index, arn in enumerate(each["Resource"])
                for kind in fit
                if any(re.fullmatch(form(one), arn) for one in forms[kind])
            )
            for key in tag_keys(each):
                keys = [about.get(kind, about.get(kind.lower()))["ConditionKeys"] for kind in fit]
                general = {key, key.split("/")[0] + "/${TagKey}", key.split("/")[0] + "/tag-key"}
                assert all(general & set(one) for one in keys), f"{each['Sid']}: {action} knows no {key}"
        assert len(met) == len(arns), f"{each['Sid']}: a resource that none of its actions has"


def form(arn: str) -> str:
    """An ARN, or the form of one, as an expression."""
    return re.sub(r"\$\{\w+\}", "[^:]*", arn)


def tag_keys(statement: dict[str, Any]) -> list[str]:
    return [
        key
        for keys in statement.get("Condition", {}).values()
        for key in keys
        if re.match(r"\w+:resourcetag/", key, re.IGNORECASE)
    ]


# Conditions that bind a statement: to what is tagged, to what FIS makes, or to what the fault is.
BINDS = re.compile(
    r"(aws|ssm|ec2):resourcetag/|aws:requesttag/managedbyfis$|ec2:fis(actionid|targetarns)$|fis:(service|targets)$|s3:\w+$",
    re.IGNORECASE,
)
# Wide without such a condition: AWS has no narrower resource, or what is meant has neither tag nor name.
WIDE: dict[str, set[str]] = {
    "az-power-interruption": {"MakeNetworkAclsIn", "SwapNetworkAcls"},
    "cross-region-connectivity": {"MakeIn", "Endpoints", "SwapRouteTables", "Gateways", "StronglyConsistent"},
    "dynamodb-replication-pause": {"StronglyConsistent"},
    "ec2-latency": {"Find"},
    "ecs-task-cpu": {"Find"},
}


@each_folder
def test_what_changes_something_is_bound(folder: str) -> None:
    wide = set()
    for each in statements(folder):
        if each["Sid"] in ("Log", "Report") or all(READS.match(action) for action in each["Action"]):
            continue
        bound = any(BINDS.match(key) for keys in each.get("Condition", {}).values() for key in keys)
        if not bound and any(arn == "*" or re.search(r":[\w-]+[/:]\*$", arn) for arn in each["Resource"]):
            wide.add(each["Sid"])
    assert wide == WIDE.get(folder, set())
