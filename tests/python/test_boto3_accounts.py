"""boto3 in several accounts of the embedded world: by roles, and by keys that lead into an account."""

from __future__ import annotations

from typing import Any

from embedded import TEMPLATE, Embedded
from support import ACCOUNT, REGION
from test_boto3_embedded import Serve

OTHER = "000011112222"
ROLE = f"arn:aws:iam::{OTHER}:role/chaos/gate"


def keys_of(world: Embedded, role: str) -> tuple[str, str, str]:
    assumed = world.client("sts").assume_role(RoleArn=role, RoleSessionName="test")
    assert assumed["AssumedRoleUser"]["Arn"] == f"arn:aws:sts::{OTHER}:assumed-role/gate/test"
    given = assumed["Credentials"]
    return given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"]


def account_of(world: Embedded, **settings: Any) -> str:
    return world.client("sts", **settings).get_caller_identity()["Account"]


def test_what_a_role_makes_is_of_its_account(serve: Serve) -> None:
    world = serve()
    keys = keys_of(world, ROLE)
    assert (account_of(world), account_of(world, keys=keys)) == (ACCOUNT, OTHER)

    fis = world.client("fis", keys=keys)
    template = fis.get_experiment_template(id=TEMPLATE)["experimentTemplate"]
    assert template["arn"] == f"arn:aws:fis:{REGION}:{OTHER}:experiment-template/{TEMPLATE}"
    started = fis.start_experiment(clientToken="one", experimentTemplateId=TEMPLATE)["experiment"]
    assert [one["id"] for one in fis.list_experiments()["experiments"]] == [started["id"]]
    assert world.fis.list_experiments()["experiments"] == []

    events = world.client("events", keys=keys)
    rule = events.put_rule(Name="listener", EventPattern='{"source": ["aws.fis"]}')
    assert rule["RuleArn"] == f"arn:aws:events:{REGION}:{OTHER}:rule/listener"
    assert world.events.list_rules()["Rules"] == []


def test_a_key_tells_its_account(serve: Serve) -> None:
    world = serve()
    line = world.process.wait_for_line("# in another account")
    key = next(word for word in line.split() if word.startswith("AWS_ACCESS_KEY_ID=")).partition("=")[2]
    assert account_of(world, keys=(key.replace("111122223333", OTHER), "any", None)) == OTHER
