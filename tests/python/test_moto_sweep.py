"""`faultgate sweep` against moto: what boto3 has made, in accounts and Regions that moto keeps apart."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from account import make_alarm, make_template
from iam_list import printed
from moto_world import Moto
from support import ACCOUNT, REGION, Faultgate, Process, aws

PAST, FUTURE = "2020-01-02T03:04:05Z", "2999-01-02T03:04:05Z"
OTHER_ACCOUNT, OTHER_REGION = "111122223333", "eu-west-1"
READS = {"ListRules", "ListTagsForResource", "ListTargetsByRule", "ListQueues", "ListQueueTags", "ListExperiments"}


def tags(run: str, expires_at: str) -> dict[str, str]:
    return {"faultgate:run-id": run, "faultgate:expires-at": expires_at}


@dataclass
class Place:
    """One account in one Region."""

    events: Any
    sqs: Any
    account: str = ACCOUNT
    region: str = REGION

    def rule(self, name: str, tags: dict[str, str], targets: int = 1) -> None:
        pattern = json.dumps({"source": ["aws.fis"]})
        listed = [{"Key": key, "Value": value} for key, value in tags.items()]
        self.events.put_rule(Name=name, EventPattern=pattern, Tags=listed)
        arn = f"arn:aws:sqs:{self.region}:{self.account}:{name}"
        if targets:
            made = [{"Id": f"target-{number}", "Arn": arn} for number in range(targets)]
            assert self.events.put_targets(Rule=name, Targets=made)["FailedEntryCount"] == 0

    def queue(self, name: str, tags: dict[str, str]) -> None:
        self.sqs.create_queue(QueueName=name, tags=tags)

    def subscription(self, name: str, tags: dict[str, str]) -> None:
        self.queue(name, tags)
        self.rule(name, tags)

    def names(self) -> tuple[list[str], list[str]]:
        rules = sorted(rule["Name"] for rule in self.events.list_rules()["Rules"])
        queues = self.sqs.list_queues().get("QueueUrls", [])
        return rules, sorted(url.rpartition("/")[2] for url in queues)

    def clear(self) -> None:
        rules, queues = self.names()
        for name in rules:
            targets = self.events.list_targets_by_rule(Rule=name)["Targets"]
            if targets:
                self.events.remove_targets(Rule=name, Ids=[target["Id"] for target in targets])
            self.events.delete_rule(Name=name)
        for name in queues:
            self.sqs.delete_queue(QueueUrl=self.sqs.get_queue_url(QueueName=name)["QueueUrl"])


@pytest.fixture
def here(moto: Moto) -> Iterator[Place]:
    """What a test leaves on purpose is not the binary's to remove."""
    place = Place(moto.events, moto.sqs)
    yield place
    place.clear()


def swept(faultgate: Faultgate, *args: str, code: int = 0, **variables: str) -> Process:
    process = faultgate.start("sweep", *args, **variables)
    assert process.wait() == code, process.transcript()
    return process


def start(moto: Moto, template: str, name: str, tags: dict[str, str]) -> str:
    started = moto.fis.start_experiment(clientToken=name, experimentTemplateId=template, tags=tags)
    return started["experiment"]["id"]


def test_what_has_expired_goes_and_nothing_else(moto: Moto, faultgate: Faultgate, here: Place) -> None:
    here.subscription("faultgate-old", tags("old", PAST))
    here.subscription("faultgate-new", tags("new", FUTURE))
    here.subscription("faultgate-stranger", {})
    here.subscription("team-old", tags("team", PAST))
    here.queue("faultgate-half-queue", tags("half", PAST))
    here.rule("faultgate-half-rule", tags("half", PAST), targets=0)
    here.rule("faultgate-many-targets", tags("many", PAST), targets=5)

    looked = swept(faultgate, "--dry-run")
    assert set(moto.calls()) <= READS
    assert looked.stdout.count("would remove") == 5, looked.transcript()

    told = swept(faultgate)
    kept = ["faultgate-new", "faultgate-stranger", "team-old"]
    assert here.names() == (kept, kept), told.transcript()
    for kind in ("rule", "queue"):
        assert f"removed the {kind} faultgate-old in {REGION}: expired since {PAST}" in told.stdout
        assert f"left alone the {kind} faultgate-stranger in {REGION}" in told.stdout
    again = swept(faultgate)
    assert "removed" not in again.stdout and here.names() == (kept, kept)


def test_lists_of_many_pages_are_read_to_their_end(faultgate: Faultgate, here: Place) -> None:
    for number in range(120):
        here.subscription(f"faultgate-{number}", tags("many", PAST))
    told = swept(faultgate)
    assert here.names() == ([], []), told.transcript()


def test_experiments_whose_run_is_over_are_stopped(moto: Moto, faultgate: Faultgate, here: Place) -> None:
    make_alarm(moto)
    template = make_template(moto)
    here.subscription("faultgate-old", tags("old", PAST))
    by_run = start(moto, template, "1", {"faultgate:run-id": "old", "faultgate:experiment": "az-latency"})
    by_itself = start(moto, template, "2", tags("polled", PAST))
    others = [start(moto, template, "3", tags("new", FUTURE)), start(moto, template, "4", {"team": "shop"})]
    process = faultgate.start("sweep", "--stop-experiments")
    moto.wait_for("StopExperiment", 2)
    assert not moto.requests("DeleteQueue", "RemoveTargets"), "the stop comes first"
    before = moto.experiments()
    moto.let_go()
    assert process.wait() == 0, process.transcript()
    moto.freeze()
    after = moto.experiments()
    assert {after[by_run], after[by_itself]} == {"stopped"}, process.transcript()
    assert [after[each] for each in others] == [before[each] for each in others]
    assert here.names() == ([], [])
    assert f": stopped {by_run}" in process.stdout and "(az-latency)" in process.stdout
    # moto's experiments end by themselves; those of others are not the binary's to end.
    for each in others:
        moto.fis.stop_experiment(id=each)
    moto.let_go()
    for each in others:
        moto.fis.get_experiment(id=each)


def test_an_experiment_of_a_run_has_the_moment_of_its_subscription(moto: Moto, faultgate: Faultgate, here: Place) -> None:
    make_alarm(moto)
    template = make_template(moto)
    run = faultgate.run("--experiment-template-id", template)
    id = moto.started()
    run.kill()
    ((name,), _) = here.names()
    arn = moto.events.describe_rule(Name=name)["Arn"]
    of_rule = {tag["Key"]: tag["Value"] for tag in moto.events.list_tags_for_resource(ResourceARN=arn)["Tags"]}
    own = moto.fis.get_experiment(id=id)["experiment"]["tags"]
    assert own["faultgate:expires-at"] == of_rule["faultgate:expires-at"]
    told = swept(faultgate, "--stop-experiments")
    assert here.names() == ([name], [name]), told.transcript()
    assert moto.experiments()[id] not in ("stopping", "stopped")
    moto.let_go()
    stop = faultgate.start("stop", "--state-file", str(faultgate.home / "report" / "state.json"))
    assert stop.wait() == 0, stop.transcript()


def test_two_accounts_and_two_regions_at_once(moto: Moto, faultgate: Faultgate) -> None:
    places = []
    for account in (ACCOUNT, OTHER_ACCOUNT):
        role = f"arn:aws:iam::{account}:role/sweep"
        given = aws("sts", moto.url).assume_role(RoleArn=role, RoleSessionName="boto3")["Credentials"]
        keys = (given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])
        for region in (REGION, OTHER_REGION):
            events, sqs = (aws(name, moto.url, region=region, keys=keys) for name in ("events", "sqs"))
            place = Place(events, sqs, account, region)
            place.subscription("faultgate-old", tags("old", PAST))
            place.subscription("faultgate-new", tags("new", FUTURE))
            places.append(place)
    told = swept(
        faultgate,
        "--aws-region",
        REGION,
        "--aws-region",
        OTHER_REGION,
        FAULTGATE_AWS_ROLE_ARN=f"arn:aws:iam::{ACCOUNT}:role/sweep,arn:aws:iam::{OTHER_ACCOUNT}:role/sweep",
    )
    for place in places:
        assert place.names() == (["faultgate-new"], ["faultgate-new"]), told.transcript()
        where = f"in {place.region} as arn:aws:iam::{place.account}:role/sweep: expired since {PAST}"
        assert f"removed the queue faultgate-old {where}" in told.stdout, told.transcript()
        place.clear()
    assumed = moto.requests("AssumeRole")
    assert len(assumed) == 4
    assert {each.input["RoleSessionName"][:16] for each in assumed} == {"faultgate-sweep-"}


def test_it_asks_for_no_more_than_its_policy_allows(moto: Moto, faultgate: Faultgate, here: Place) -> None:
    make_alarm(moto)
    here.subscription("faultgate-old", tags("old", PAST))
    start(moto, make_template(moto), "1", tags("old", PAST))
    moto.let_go()
    swept(faultgate, "--stop-experiments")
    allowed = {action for each in printed("--mode", "sweep")["Statement"] for action in each["Action"]}
    asked = {f"{each.service}:{each.operation}" for each in moto.requests()}
    assert asked <= allowed, asked - allowed
