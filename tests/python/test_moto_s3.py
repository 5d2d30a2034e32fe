"""`results` and `report --merge` against moto's S3."""

from __future__ import annotations

import json

from moto_world import Moto
from support import REGION, Faultgate, aws

BUCKET = "results"


def test_a_result_is_kept_once_and_merged(moto: Moto, faultgate: Faultgate) -> None:
    s3 = aws("s3", moto.url)
    s3.create_bucket(Bucket=BUCKET)
    kept = {"FAULTGATE_RESULTS": f"s3://{BUCKET}/chaos/", "AWS_REGION": REGION}
    faultgate.ended(faultgate.rehearse("completed", **kept)).expect(0, "passed")
    (first,) = [one["Key"] for one in s3.list_objects_v2(Bucket=BUCKET)["Contents"]]
    assert first.startswith("chaos/local-") and first.endswith(".json")
    assert json.loads(s3.get_object(Bucket=BUCKET, Key=first)["Body"].read())["gate"]["verdict"] == "passed"

    report = str(faultgate.home / "report")
    merging = faultgate.start("report", "--merge", f"s3://{BUCKET}/chaos/", "--report-dir", report, **kept)
    merged = faultgate.ended(merging).expect(0, "passed")
    outcomes = [reported["outcome"] for reported in merged.result["reporting"] if reported["sink"] == "results"]
    assert outcomes == ["written"]
    keys = [one["Key"] for one in s3.list_objects_v2(Bucket=BUCKET)["Contents"]]
    assert len(keys) == 2 and any(key.endswith("/_merged.json") for key in keys)
