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
# A cluster of one deployment, in files: its revision, and what is noted on it. A revision that comes back is a new one.
KUBECTL = r"""
cd CLUSTER
echo "$*" >> calls
case "$1 $2 $*" in
  "get deployment "*faultgate-rollback*) cat noted ;;
  "get deployment "*'deployment\.kubernetes\.io/revision}') cat revision ;;
  "annotate deployment "*) echo "${*##*faultgate-rollback=}" > noted ;;
  "rollout undo "*) echo 9 > revision ;;
  "rollout status "*) ;;
  *) exit 1 ;;
esac
"""
UNDO = "rollout undo deployment/checkout --namespace=store --to-revision=7"
STATUS = "rollout status deployment/checkout --namespace=store --timeout=5m"


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
    """A `kubectl` on the path, a deployment that has this revision, and a release that becomes the next one."""

    def __init__(self, shop: Project, revision: str = "7", deploys: str = "echo 8 > {revision}") -> None:
        self.folder = shop.repository.folder.parent / "cluster"
        self.folder.mkdir()
        for name, content in (("revision", revision), ("noted", ""), ("calls", "")):
            (self.folder / name).write_text(content, encoding="utf-8")
        shop.machine.command("kubectl", KUBECTL.replace("CLUSTER", shlex.quote(str(self.folder))))
        shop.repository.write("scripts/deploy.sh", deploys.format(revision=self.folder / "revision"))

    def changed(self) -> list[str]:
        """What it was told that changes the release."""
        calls = (self.folder / "calls").read_text(encoding="utf-8").splitlines()
        return [call for call in calls if call.startswith("rollout")]


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
    assert cluster.changed() == ([] if verdict == "passed" else [UNDO, STATUS]), log


def test_a_first_deployment_has_nothing_to_come_back_to(tmp_path: Path, center: Callable[..., Harness]) -> None:
    shop = tutorial(tmp_path, SUITE, center(*BAD))
    cluster = Cluster(shop, revision="", deploys="echo 1 > {revision}")
    code, log = shop.run()
    assert code == 1 and "nothing was deployed before" in log and "FAIL  rollback-job" in log, log
    assert cluster.changed() == [], log


SLOW = "echo 8 > {revision}; [ -e {revision}.second ] || {{ touch {revision}.second; exit 1; }}"


def test_a_deployment_that_is_retried_comes_back_to_what_was_there_before_the_first_attempt(
    tmp_path: Path, center: Callable[..., Harness]
) -> None:
    shop = tutorial(tmp_path, SUITE, center(*BAD))
    cluster = Cluster(shop, deploys=SLOW)
    pipeline = ["--variable", "CI_PIPELINE_ID=1001"]
    code, log = shop.repository.run(*pipeline, "deploy-job")
    assert code == 1 and (cluster.folder / "revision").read_text().strip() == "8", log
    code, log = shop.repository.run(*pipeline)
    assert code == 1 and cluster.changed() == [UNDO, STATUS], log


@pytest.mark.parametrize(
    ("deploys", "told"),
    [
        # The release is what was there before, or was brought back by somebody.
        ("true", "revision 7, which was noted to come back to, is the one that is live"),
        # Another pipeline has deployed since.
        ("echo 8 > {revision}; echo 1:3 > $(dirname {revision})/noted", "this pipeline has noted no revision"),
    ],
)
def test_a_revision_that_would_be_the_wrong_one_is_told(
    tmp_path: Path, center: Callable[..., Harness], deploys: str, told: str
) -> None:
    shop = tutorial(tmp_path, SUITE, center(*BAD))
    cluster = Cluster(shop, deploys=deploys)
    code, log = shop.run()
    assert code == 1 and told in log and "FAIL  rollback-job" in log, log
    assert cluster.changed() == [], log


def test_nothing_could_be_asked(tmp_path: Path) -> None:
    """The variables of the tutorial arrive: only the key is missing."""
    shop = Project(tmp_path, {}, HARNESS)
    code, log = shop.run()
    assert code == 1, log
    assert "found a mistake in its settings" in log and "FAULTGATE_HARNESS_API_KEY" in log, log
    assert rolled_back(log) is None and "nothing was launched" in log, log
    assert shop.machine.called() == ["run", "stop"], log
