"""`faultgate stop --all`: against moto, in accounts and Regions that moto keeps apart, and at a terminal."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from account import make_alarm, make_template
from embedded import Embedded
from iam_list import printed
from moto_world import Moto
from support import ACCOUNT, INHERITED, REGION, Faultgate, Process, aws
from terminal import Terminal

FUTURE = "2999-01-02T03:04:05Z"
OTHER_ACCOUNT, OTHER_REGION = "111122223333", "eu-west-1"
LEVER = ("--engage-safety-lever", "--confirm-account", ACCOUNT)


def tags(run: str, **more: str) -> dict[str, str]:
    own = {f"faultgate:{name}": value for name, value in more.items()}
    return {"faultgate:run-id": run, "faultgate:expires-at": FUTURE} | own


def start(fis: Any, template: str, name: str, tags: dict[str, str]) -> str:
    return fis.start_experiment(clientToken=name, experimentTemplateId=template, tags=tags)["experiment"]["id"]


def stop_all(moto: Moto, faultgate: Faultgate, *args: str, stops: int, code: int = 0, **variables: str) -> Process:
    """Stops all, once so many requests to stop have gone out: only then may experiments come to their end."""
    moto.freeze()
    before = moto.calls()["StopExperiment"]
    process = faultgate.start("stop", "--all", *args, **variables)
    if stops:
        moto.wait_for("StopExperiment", before + stops)
    moto.let_go()
    assert process.wait() == code, process.transcript()
    moto.freeze()
    assert moto.calls()["StopExperiment"] == before + stops, process.transcript()
    return process


def test_all_that_runs_is_stopped_and_nothing_of_others(moto: Moto, faultgate: Faultgate) -> None:
    make_alarm(moto)
    template = make_template(moto)
    ours = [start(moto.fis, template, str(number), tags(f"run-{number % 3}")) for number in range(6)]
    theirs = start(moto.fis, template, "theirs", {"team": "shop"})
    listed = faultgate.start("stop", "--all", "--dry-run")
    assert listed.wait() == 0, listed.transcript()
    assert set(moto.calls()) == {"ListExperiments"} and listed.stdout.count("would stop") == 6
    process = stop_all(moto, faultgate, stops=6)
    after = moto.experiments()
    # The list that is read again brings moto's other experiments to their own end.
    assert {after[each] for each in ours} == {"stopped"} and after[theirs] == "completed"
    assert all(f": stopped {each}" in process.stdout for each in ours), process.transcript()
    assert "experiments found: 6, ended: 6" in process.stdout and theirs not in process.stdout


def test_an_environment_narrows_it(moto: Moto, faultgate: Faultgate) -> None:
    make_alarm(moto)
    template = make_template(moto)
    run = faultgate.run("--experiment-template-id", template, FAULTGATE_ENVIRONMENT="staging")
    staging = moto.started()
    assert moto.fis.get_experiment(id=staging)["experiment"]["tags"]["faultgate:environment"] == "staging"
    run.kill()
    other = start(moto.fis, template, "other", tags("run-2", environment="production"))
    untold = start(moto.fis, template, "untold", tags("run-3"))
    process = stop_all(moto, faultgate, "--environment", "staging", stops=1)
    assert f": stopped {staging}" in process.stdout
    for each, why in ((other, "its environment is production"), (untold, "it has no tag faultgate:environment")):
        assert any(each in line and why in line for line in process.stdout.splitlines()), process.transcript()
    after = moto.experiments()
    assert (after[staging], after[other], after[untold]) == ("stopped", "completed", "completed")
    stop = faultgate.start("stop", "--state-file", str(faultgate.home / "report" / "state.json"))
    assert stop.wait() == 0, stop.transcript()


def test_two_accounts_and_two_regions_at_once(moto: Moto, faultgate: Faultgate) -> None:
    places = []
    for account in (ACCOUNT, OTHER_ACCOUNT):
        role = f"arn:aws:iam::{account}:role/stop"
        given = aws("sts", moto.url).assume_role(RoleArn=role, RoleSessionName="boto3")["Credentials"]
        keys = (given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])
        for region in (REGION, OTHER_REGION):
            fis = aws("fis", moto.url, region=region, keys=keys)
            template = fis.create_experiment_template(
                clientToken="one",
                description="waits",
                roleArn=role,
                actions={"wait": {"actionId": "aws:fis:wait", "parameters": {"duration": "PT5M"}}},
                stopConditions=[{"source": "none"}],
            )["experimentTemplate"]["id"]
            places.append((role, region, fis, start(fis, template, f"{account} {region}", tags("run-1"))))
    roles = ",".join(f"arn:aws:iam::{account}:role/stop" for account in (ACCOUNT, OTHER_ACCOUNT))
    regions = ("--aws-region", f"{REGION},{OTHER_REGION}")
    told = stop_all(moto, faultgate, *regions, stops=4, FAULTGATE_AWS_ROLE_ARN=roles)
    for role, region, fis, id in places:
        assert fis.get_experiment(id=id)["experiment"]["state"]["status"] == "stopped", told.transcript()
        assert any(f"in {region} as {role}" in line and id in line for line in told.stdout.splitlines())
    assert {each.input["RoleSessionName"][:19] for each in moto.requests("AssumeRole")} == {"faultgate-stop-all-"}


def test_what_runs_is_stopped_where_there_is_no_lever(moto: Moto, faultgate: Faultgate) -> None:
    """moto knows no safety lever, and answers with a page."""
    make_alarm(moto)
    id = start(moto.fis, make_template(moto), "one", tags("run-1"))
    told = stop_all(moto, faultgate, *LEVER, stops=1, code=3)
    assert moto.experiments()[id] == "stopped", told.transcript()
    assert f"the safety lever in {REGION} is NOT known to be engaged" in told.stdout
    assert moto.calls()["GetCallerIdentity"] == 1 and moto.calls()["UpdateSafetyLeverState"] >= 1
    other = stop_all(moto, faultgate, *LEVER[:2], OTHER_ACCOUNT, stops=0, code=3)
    assert f"the account is {ACCOUNT}, and --confirm-account names {OTHER_ACCOUNT}" in other.stdout


def test_it_asks_for_no_more_than_its_policy_allows(moto: Moto, faultgate: Faultgate) -> None:
    make_alarm(moto)
    start(moto.fis, make_template(moto), "one", tags("run-1"))
    stop_all(moto, faultgate, stops=1)

    def asked() -> set[str]:
        # IAM asks for no permission to learn who one is.
        made = (each for each in moto.requests() if each.operation != "GetCallerIdentity")
        return {f"{each.service}:{each.operation}" for each in made}

    def allowed(*also: str) -> set[str]:
        return {action for each in printed("--mode", "stop-all", *also)["Statement"] for action in each["Action"]}

    assert asked() == allowed()
    stop_all(moto, faultgate, *LEVER, stops=0, code=3)
    assert asked() == allowed("--also", "safety-lever")


class Asked(Terminal):
    """`faultgate stop --all` at a terminal, beside the embedded endpoints."""

    def __init__(self, home: Path, world: Embedded, *flags: str) -> None:
        environment = {name: os.environ[name] for name in INHERITED if name in os.environ}
        super().__init__(
            ["stop", "--all", "--engage-safety-lever", *flags],
            home,
            environment | world.settings | {"HOME": str(home), "USER": "ada", "AWS_EC2_METADATA_DISABLED": "true"},
        )

    def answer(self, text: str) -> None:
        self.until("Type the id of the account: ")
        # Whoever does not know the account must not read it off the question.
        assert ACCOUNT not in self.shown, self.shown
        self.type(text)


def test_a_terminal_is_asked_for_the_account(tmp_path: Path, serve: Callable[..., Embedded]) -> None:
    world = serve("never-ends")
    id = start(world.fis, "EXTrehearsal", "one", tags("run-1"))
    terminal = Asked(tmp_path, world, "--aws-region", f"{REGION},{OTHER_REGION}")
    terminal.answer(f"{ACCOUNT}\n")
    assert terminal.ended() == 0, terminal.shown
    assert terminal.shown.count("Type the id") == 1, "one account is asked for once"
    for region in (REGION, OTHER_REGION):
        lever = world.client("fis", region=region).get_safety_lever(id="default")["safetyLever"]
        assert lever["state"] == {"status": "engaged", "reason": "faultgate stop --all, by ada"}, terminal.shown
    assert world.state(id)["status"] == "stopped"


def test_another_answer_engages_nothing_and_all_is_stopped(tmp_path: Path, serve: Callable[..., Embedded]) -> None:
    world = serve("never-ends")
    for typed, told in (
        (f"{OTHER_ACCOUNT}\n", f"the account is {ACCOUNT}, and {OTHER_ACCOUNT} was typed"),
        ("yes\n", f"the account is {ACCOUNT}, and yes was typed"),
        ("\x04", f"the account {ACCOUNT} was not confirmed"),
    ):
        id = start(world.fis, "EXTrehearsal", typed, tags("run-1"))
        terminal = Asked(tmp_path, world)
        terminal.answer(typed)
        assert terminal.ended() == 3, terminal.shown
        assert told in terminal.shown
        assert world.fis.get_safety_lever(id="default")["safetyLever"]["state"]["status"] == "disengaged"
        assert world.state(id)["status"] == "stopped", terminal.shown


def test_a_flag_is_not_asked_for(tmp_path: Path, serve: Callable[..., Embedded]) -> None:
    world = serve("never-ends")
    terminal = Asked(tmp_path, world, "--confirm-account", ACCOUNT)
    assert terminal.ended() == 0, terminal.shown
    assert "Type the id" not in terminal.shown
