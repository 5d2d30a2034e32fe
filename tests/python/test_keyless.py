"""A role by the CI's own OpenID token, against moto's STS: no AWS key is in the environment."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from account import make_alarm, make_template
from moto_world import Moto
from oidc import BEARER, NO_KEYS, SIGNATURE, Oidc, jwt
from publisher import Publisher
from support import ACCOUNT, Faultgate, Process

ROLE = f"arn:aws:iam::{ACCOUNT}:role/ci/chaos"
OTHER_ROLE = f"arn:aws:iam::{ACCOUNT}:role/ci/second"
REFUSED = (
    '<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type>'
    "<Code>{code}</Code><Message>{message}</Message></Error><RequestId>1</RequestId></ErrorResponse>"
)


@pytest.fixture
def oidc() -> Iterator[Oidc]:
    oidc = Oidc()
    yield oidc
    oidc.stop()


@pytest.fixture
def template(moto: Moto) -> str:
    make_alarm(moto)
    return make_template(moto)


def assert_nothing_is_shown(process: Process, home: Path) -> None:
    """Neither token nor what it is asked for by."""
    files = [path.read_text(encoding="utf-8", errors="replace") for path in home.rglob("*") if path.is_file()]
    for text in (process.stdout, process.stderr, *files):
        for secret in (SIGNATURE, BEARER):
            assert secret not in text


def test_github_vouches_and_no_key_is_kept_anywhere(
    moto: Moto, faultgate: Faultgate, oidc: Oidc, template: str
) -> None:
    run = faultgate.run("--experiment-template-id", template, "--aws-role-arn", ROLE, **oidc.variables())
    Publisher(moto, moto.started(), template).complete()
    faultgate.ended(run).expect(0, "passed")
    (assumed,) = moto.requests("AssumeRoleWithWebIdentity")
    assert assumed.input["RoleArn"] == ROLE and assumed.input["WebIdentityToken"] == oidc.given[0]
    assert assumed.input["RoleSessionName"].startswith("faultgate-") and assumed.key is None
    assert len(oidc.given) == 1, "one session for all requests"
    keys = {each.key for each in moto.requests() if each.operation != "AssumeRoleWithWebIdentity"}
    (key,) = keys
    assert key and f"<AccessKeyId>{key}</AccessKeyId>".encode() in assumed.answer
    assert_nothing_is_shown(run, faultgate.home)


def test_a_long_run_renews_its_credentials_by_new_tokens(
    moto: Moto, faultgate: Faultgate, oidc: Oidc, template: str
) -> None:
    # Credentials that are within 15 s of their end are not used any more.
    moto.session_seconds = 17
    flags = ("--experiment-template-id", template, "--aws-role-arn", ROLE, "--monitor", "poll")
    run = faultgate.run(*flags, **oidc.variables())
    moto.started()
    moto.wait_for("AssumeRoleWithWebIdentity", 3)
    moto.let_go()
    faultgate.ended(run).expect(0, "passed")
    assumed = moto.requests("AssumeRoleWithWebIdentity")
    assert [each.input["WebIdentityToken"] for each in assumed] == oidc.given
    assert len({each.key for each in moto.requests("GetExperiment")}) >= 2, "the new keys are used"
    assert_nothing_is_shown(run, faultgate.home)


def test_gitlab_gives_its_token_by_a_variable(moto: Moto, faultgate: Faultgate, template: str) -> None:
    token = jwt("project_path:octo/shop:ref_type:branch:ref:main", "https://gitlab.example.com")
    variables = NO_KEYS | {"GITLAB_CI": "true", "FAULTGATE_AWS_ID_TOKEN": token}
    run = faultgate.run("--experiment-template-id", template, "--aws-role-arn", ROLE, **variables)
    Publisher(moto, moto.started(), template).complete()
    faultgate.ended(run).expect(0, "passed")
    (assumed,) = moto.requests("AssumeRoleWithWebIdentity")
    assert assumed.input["WebIdentityToken"] == token
    assert_nothing_is_shown(run, faultgate.home)


def test_each_experiment_of_a_suite_may_have_a_role_of_its_own(
    moto: Moto, faultgate: Faultgate, oidc: Oidc, template: str
) -> None:
    suite = faultgate.home / "suite.yml"
    suite.write_text(
        "version: 1\nexperiments:\n"
        f"  - {{ name: one, fis: {{ template: {template}, role-arn: '{ROLE}' }} }}\n"
        f"  - {{ name: two, fis: {{ template: {template}, role-arn: '{OTHER_ROLE}' }} }}\n",
        encoding="utf-8",
    )
    check = faultgate.start("check", "--config", str(suite), **oidc.variables())
    assert check.wait() == 0, check.transcript()
    assert {each.input["RoleArn"] for each in moto.requests("AssumeRoleWithWebIdentity")} == {ROLE, OTHER_ROLE}
    for role in (ROLE, OTHER_ROLE):
        assert f"role {role}: assumed by GitHub's OpenID token" in check.stdout, check.stdout


def test_keys_in_the_environment_go_before_what_the_ci_offers(
    moto: Moto, faultgate: Faultgate, oidc: Oidc, template: str
) -> None:
    keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    flags = ("--experiment-template-id", template, "--aws-role-arn", ROLE)
    check = faultgate.start("check", *flags, **(oidc.variables() | keys))
    assert check.wait() == 0, check.transcript()
    (assumed,) = moto.requests("AssumeRole")
    assert assumed.key == "test" and assumed.input["RoleArn"] == ROLE
    assert oidc.given == []


@pytest.mark.parametrize(
    ("code", "message", "told"),
    [
        (
            "AccessDenied",
            "Not authorized to perform sts:AssumeRoleWithWebIdentity",
            '"token.actions.githubusercontent.com:sub":"repo:octo/shop:environment:0"',
        ),
        ("InvalidIdentityToken", "Incorrect token audience", "oidc-provider/token.actions.githubusercontent.com"),
        ("InvalidIdentityToken", "No OpenIDConnect provider found in your account", "make an OpenID Connect provider"),
        ("ExpiredTokenException", "Token expired", "the token expired at 2023-11-14T22:13:20Z"),
    ],
)
def test_check_says_what_is_missing(
    moto: Moto, faultgate: Faultgate, oidc: Oidc, template: str, code: str, message: str, told: str
) -> None:
    moto.refusals["AssumeRoleWithWebIdentity"] = (403, REFUSED.format(code=code, message=message))
    flags = ("--experiment-template-id", template, "--aws-role-arn", ROLE)
    check = faultgate.start("check", *flags, **oidc.variables())
    assert check.wait() == 3, check.transcript()
    assert f"error   role {ROLE}: could not assume the role" in check.stdout, check.stdout
    assert message in check.stdout and told in check.stdout, check.stdout
    assert check.stdout.count("error ") == 1, "one finding for one cause"
    assert set(moto.calls()) == {"AssumeRoleWithWebIdentity"}
    assert_nothing_is_shown(check, faultgate.home)


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({"GITHUB_ACTIONS": "true"}, "id-token: write"),
        ({"GITLAB_CI": "true"}, "id_tokens: { FAULTGATE_AWS_ID_TOKEN: { aud: $CI_SERVER_URL } }"),
        ({"FAULTGATE_AWS_ID_TOKEN": SIGNATURE}, "not a JSON Web Token"),
    ],
)
def test_a_job_without_a_token_is_told_how_to_get_one(
    moto: Moto, faultgate: Faultgate, template: str, variables: dict[str, str], told: str
) -> None:
    flags = ("--experiment-template-id", template, "--aws-role-arn", ROLE)
    run = faultgate.run(*flags, **(NO_KEYS | variables))
    ended = faultgate.ended(run).expect(3, "errored")
    assert told in run.stdout and "could not assume the role" in json.dumps(ended.result), run.transcript()
    assert moto.requests() == []
    assert_nothing_is_shown(run, faultgate.home)
