"""The report that FIS writes of an experiment itself, on the embedded endpoints."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from embedded import Embedded
from support import Ended, Faultgate
from test_boto3_embedded import NEW_TEMPLATE

Serve = Callable[..., Embedded]
BUCKET = {"s3Configuration": {"bucketName": "reports", "prefix": "chaos"}}


def gated(world: Embedded, faultgate: Faultgate, report: dict[str, Any]) -> Ended:
    template = NEW_TEMPLATE | {"experimentReportConfiguration": report}
    made = world.fis.create_experiment_template(clientToken="t", **template)["experimentTemplate"]["id"]
    run = faultgate.run("--experiment-template-id", made, "--monitor", "poll", **world.settings)
    return faultgate.ended(run).expect(0, "passed")


def test_a_report_that_comes_soon_is_waited_for_and_linked(serve: Serve, rehearsing: Faultgate) -> None:
    wanted = {"outputs": BUCKET, "postExperimentDuration": "PT1S"}
    ended = gated(serve(), rehearsing, wanted)
    experiment = ended.experiment
    key = f"chaos/{experiment['id']}.pdf"
    assert experiment["report_state"] == "completed"
    assert experiment["report_location"] == f"arn:aws:s3:::reports/{key}"
    page = f"https://console.aws.amazon.com/s3/object/reports?prefix={key}"
    for name in ("summary.md", "report.html"):
        assert page in (rehearsing.home / "report" / name).read_text(encoding="utf-8"), name


def test_a_report_that_comes_late_is_told_and_not_waited_for(serve: Serve, rehearsing: Faultgate) -> None:
    ended = gated(serve(), rehearsing, {"outputs": BUCKET, "postExperimentDuration": "PT20M"})
    experiment = ended.experiment
    assert experiment["report_location"] is None
    assert experiment["report_state"].startswith("pending, not before 20")
    summary = (rehearsing.home / "report" / "summary.md").read_text(encoding="utf-8")
    assert "pending, not before" in summary


def test_a_report_that_failed_decides_nothing_and_is_told(serve: Serve, rehearsing: Faultgate) -> None:
    ended = gated(serve(), rehearsing, {"outputs": {}})
    told = ended.experiment["report_state"]
    assert told == "failed (InvalidConfiguration): no bucket is given"
    assert ended.experiment["report_location"] is None
