"""boto3 on the buckets of the embedded world."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError
from embedded import Embedded
from test_boto3_embedded import Serve

BUCKET = "results"


def code_of(error: ClientError) -> tuple[str, int]:
    return error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"]


def bucket_in(world: Embedded) -> None:
    world.client("s3").create_bucket(Bucket=BUCKET)


def test_an_object_is_put_once_and_got_again(serve: Serve) -> None:
    world = serve()
    bucket_in(world)
    s3 = world.client("s3")
    body = json.dumps({"name": "ä <&>"}).encode()
    put = s3.put_object(Bucket=BUCKET, Key="chaos/a b+1.json", Body=body, IfNoneMatch="*")
    with pytest.raises(ClientError) as again:
        s3.put_object(Bucket=BUCKET, Key="chaos/a b+1.json", Body=b"{}", IfNoneMatch="*")
    assert code_of(again.value) == ("PreconditionFailed", 412)
    got = s3.get_object(Bucket=BUCKET, Key="chaos/a b+1.json")
    assert (got["Body"].read(), got["ETag"]) == (body, put["ETag"])
    with pytest.raises(ClientError) as missing:
        s3.get_object(Bucket=BUCKET, Key="chaos/none")
    assert code_of(missing.value) == ("NoSuchKey", 404)
    s3.delete_object(Bucket=BUCKET, Key="chaos/a b+1.json")
    assert s3.list_objects_v2(Bucket=BUCKET)["KeyCount"] == 0


def test_a_list_has_pages_below_a_prefix(serve: Serve) -> None:
    world = serve()
    bucket_in(world)
    s3 = world.client("s3")
    names = sorted(f"chaos/7/{number} +ä.json" for number in range(7))
    for name in [*names, "other/x.json"]:
        s3.put_object(Bucket=BUCKET, Key=name, Body=b"{}")
    pages = s3.get_paginator("list_objects_v2").paginate(
        Bucket=BUCKET, Prefix="chaos/7/", PaginationConfig={"PageSize": 3}
    )
    listed = [[one["Key"] for one in page["Contents"]] for page in pages]
    assert [len(page) for page in listed] == [3, 3, 1]
    assert [key for page in listed for key in page] == names


def test_a_bucket_that_is_not_there_or_elsewhere_is_told(serve: Serve) -> None:
    world = serve()
    bucket_in(world)
    with pytest.raises(ClientError) as absent:
        world.client("s3").list_objects_v2(Bucket="none-of-it")
    assert code_of(absent.value) == ("NoSuchBucket", 404)
