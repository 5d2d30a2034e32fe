"""The pipelines of Harness's tutorial, with its variables, against a Harness of this machine: what is launched, and
when there is a rollback."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from gitlab import HARNESS, Project, copied, rolled_back
from harness import ANOTHER, EXPERIMENT, KEY, Harness

SUITE = copied(
    "harness-suite.gitlab-ci.yml",
    ACCOUNT_ID="abcdefghijklmnopqrstuv",
    PROJECT_ID="shop",
    DEPLOYMENT="checkout",
    NAMESPACE="store",
)
BAD = ("Completed_With_Probe_Failure", 75.0)
GET = (
    "get deployment checkout --namespace=store --ignore-not-found "
    r"--output=jsonpath=REVISION={.metadata.annotations.deployment\.kubernetes\.io/revision}"
)
ROLLBACK = [
    "rollout undo deployment/checkout --namespace=store --to-revision=7",
    "rollout status deployment/checkout --namespace=store --timeout=5m",
]


@pytest.fixture
def center() -> Iterator[Callable[..., Harness]]:
    made: list[Harness] = []

    def make(end: str | None, score: float = 100.0, *later: tuple[str | None, float]) -> Harness:
        made.append(Harness("127.0.0.1", end, score, *later))
        return made[-1]

    yield make
    for each in made:
        each.close()


def tutorial(home: Path, pipeline: str, harness: Harness, **more: str) -> Project:
    return Project(home, {"FAULTGATE_HARNESS_URL": harness.url, "FAULTGATE_HARNESS_API_KEY": KEY, **more}, pipeline)


class Cluster:
    """A `kubectl` on the path that notes how it is called, and a deployment that has this revision."""

    def __init__(self, shop: Project, revision: str = "REVISION=7") -> None:
        self._calls = shop.repository.folder.parent / "kubectl-calls"
        says = f'case $1 in get) printf %s {shlex.quote(revision)} ;; esac\n'
        shop.machine.command("kubectl", f'printf \'%s\\n\' "$*" >> {shlex.quote(str(self._calls))}\n{says}')

    def called(self) -> list[str]:
        return self._calls.read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize(
    ("end", "score", "verdict"),
    [("Completed", 100.0, "passed"), (*BAD, "failed"), ("Error", 0.0, "errored"), (None, 0.0, "timed-out")],
)
def test_one_experiment(
    tmp_path: Path, center: Callable[..., Harness], end: str | None, score: float, verdict: str
) -> None:
    harness = center(end, score)
    shop = tutorial(tmp_path, HARNESS, harness, FAULTGATE_TIMEOUT="30s" if end else "3s")
    code, log = shop.run()
    assert code == (0 if verdict == "passed" else 1), log
    assert shop.verdict() == verdict, log
    assert rolled_back(log) == (None if verdict == "passed" else verdict), log
    assert harness.launched() == [EXPERIMENT] and harness.refused == [], log


@pytest.mark.parametrize(
    ("first", "second", "verdict"),
    [
        (("Completed", 100.0), ("Completed", 100.0), "passed"),
        (("Completed", 100.0), BAD, "failed"),
        (BAD, ("Completed", 100.0), "failed"),
        (("Completed", 100.0), ("Error", 0.0), "errored"),
        (("Completed", 100.0), (None, 0.0), "timed-out"),
    ],
)
def test_several_experiments_have_one_gate(
    tmp_path: Path,
    center: Callable[..., Harness],
    first: tuple[str, float],
    second: tuple[str | None, float],
    verdict: str,
) -> None:
    harness = center(*first, second)
    shop = tutorial(tmp_path, SUITE, harness, FAULTGATE_TIMEOUT="30s" if second[0] else "3s")
    cluster = Cluster(shop)
    code, log = shop.run()
    assert code == (0 if verdict == "passed" else 1), log
    assert shop.verdict() == verdict, log
    assert harness.launched() == [EXPERIMENT, ANOTHER] and harness.refused == [], log
    assert cluster.called() == [GET, *([] if verdict == "passed" else ROLLBACK)], log


def test_a_first_deployment_has_nothing_to_come_back_to(tmp_path: Path, center: Callable[..., Harness]) -> None:
    shop = tutorial(tmp_path, SUITE, center(*BAD))
    cluster = Cluster(shop, revision="")
    code, log = shop.run()
    assert code == 1 and "nothing was deployed before" in log and "FAIL  rollback-job" in log, log
    assert cluster.called() == [GET], log


def test_nothing_could_be_asked(tmp_path: Path) -> None:
    """The variables of the tutorial arrive: only the key is missing."""
    shop = Project(tmp_path, {}, HARNESS)
    code, log = shop.run()
    assert code == 1, log
    assert "found a mistake in its settings" in log and "FAULTGATE_HARNESS_API_KEY" in log, log
    assert rolled_back(log) == "", log
    assert shop.machine.called() == ["run", "stop"], log
