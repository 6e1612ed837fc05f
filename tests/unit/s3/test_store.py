"""Calls of S3 are as S3 needs them; copies and deletions go in requests of the right size."""

import io
from datetime import timedelta

import boto3
import pytest
from botocore.exceptions import ClientError, IncompleteReadError

from fakes.s3_client import Client
from llmbatch.core.clock import ManualClock
from llmbatch.core.errors import InputChanged, ObjectChanged, ObjectExists, StoreError
from llmbatch.core.store import AgedBody, ObjectInfo
from llmbatch.s3.store import ONE_COPY_BYTES, S3Store, probe_conditions

URI = "s3://b/k"


def test_connection_that_breaks_while_a_stream_is_read_is_a_store_error():
    class Broken(io.BytesIO):
        def read(self, amt=None):
            raise IncompleteReadError(actual_bytes=1, expected_bytes=2)

    client = Client()
    client.get_object = lambda **_: {"Body": Broken()}
    with S3Store(client).open_stream(URI, "e") as stream, pytest.raises(StoreError, match="s3://b/k") as caught:
        stream.read()
    assert caught.value.retryable


def test_stream_reads_in_parts_and_to_the_end():
    client = Client()
    client.body = b"12345"
    with S3Store(client).open_stream(URI, "e") as stream:
        assert (stream.read(2), stream.read(), stream.read()) == (b"12", b"345", b"")


@pytest.mark.parametrize(
    ("headers", "age"), [({"date": "Tue, 01 Jan 2030 00:00:09 GMT"}, 9.0), ({}, None)], ids=["date", "no date"]
)
def test_the_age_is_the_store_s_time_minus_that_of_the_write(headers, age):
    client = Client()
    client.get_object = lambda **_: {
        "Body": io.BytesIO(b"x"),
        "LastModified": ManualClock().now(),
        "ResponseMetadata": {"HTTPHeaders": headers},
    }
    found = S3Store(client).get_aged(URI)
    assert found == AgedBody(b"x", age)
    assert found.at == (ManualClock().now() + timedelta(seconds=9) if headers else None)


def test_a_presigned_address_names_the_object_and_its_end():
    client = boto3.client(
        "s3", region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b", endpoint_url="http://store:1"
    )
    address = S3Store(client).presigned("s3://b/out/x 1.jsonl", 60)
    assert address.startswith("http://store:1/b/out/x%201.jsonl?")
    assert "Signature=" in address
    assert "Expires=" in address


def test_programming_errors_are_not_hidden():
    with pytest.raises(ValueError, match="s3://bucket/key"):
        S3Store(Client()).get("nonsense")


class Conditional(Client):
    """Honours conditions except one."""

    def __init__(self, ignored):
        super().__init__()
        self.ignored = ignored

    def put_object(self, **call):
        if ("IfNoneMatch" in call and self.ignored != "create") or ("IfMatch" in call and self.ignored != "replace"):
            raise ClientError({"Error": {"Code": "PreconditionFailed"}}, "PutObject")
        return super().put_object(**call)

    def get_object(self, **call):
        if "IfMatch" in call and self.ignored != "read":
            raise ClientError({"Error": {"Code": "PreconditionFailed"}}, "GetObject")
        return super().get_object(**call)


def test_a_store_with_conditions_is_accepted():
    probe_conditions(S3Store(Conditional(None)), URI)


@pytest.mark.parametrize(
    ("ignored", "words"),
    [
        ("create", "ignores If-None-Match on writes, so rows could be doubled"),
        ("replace", "ignores If-Match on writes, so requests to a job and alerts could be lost"),
        ("read", "ignores If-Match on reads, so rows of a replaced input could be mixed"),
    ],
)
def test_a_store_that_ignores_a_condition_is_refused(ignored, words):
    with pytest.raises(StoreError, match=words):
        probe_conditions(S3Store(Conditional(ignored)), URI)


class Versions(Client):
    """Answers a conditional request as S3 does, for one stored version with the ETag ``now``."""

    body_now = b"0123456789"

    def put_object(self, **call):
        self._require(call)
        return super().put_object(**call)

    def get_object(self, **call):
        self._require(call)
        start, end = (int(number) for number in call.get("Range", "bytes=0-9").removeprefix("bytes=").split("-"))
        return {"Body": io.BytesIO(self.body_now[start : end + 1]), "ETag": '"now"'}

    def _require(self, call):
        if call.get("IfMatch", "now") != "now" or call.get("IfNoneMatch") == "*":
            raise ClientError({"Error": {"Code": "PreconditionFailed"}}, "Call")


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda s: s.create(URI, b"mine"), ObjectExists),
        (lambda s: s.replace(URI, b"mine", "before"), ObjectChanged),
        (lambda s: s.open_stream(URI, "before"), InputChanged),
        (lambda s: s.read_range(URI, "before", 2, 3), InputChanged),
    ],
    ids=["create", "replace", "open_stream", "read_range"],
)
def test_every_conditional_call_sends_its_condition(call, error):
    client = Versions()
    with pytest.raises(error, match=URI):
        call(S3Store(client))
    assert client.body == b""


def test_the_version_that_is_there_is_read_and_replaced():
    client = Versions()
    store = S3Store(client)
    assert store.read_range(URI, "now", 2, 3) == b"234"
    assert store.open_stream(URI, "now").read() == client.body_now
    store.replace(URI, b"mine", "now")
    assert client.body == b"mine"


class Copying(Client):
    """Notes which call copied, and answers deletions."""

    def __init__(self, kept=()):
        super().__init__()
        self.calls, self.kept = [], kept

    def copy(self, origin, bucket, key, ExtraArgs):
        self.calls.append(("parts", origin["Key"], f"{bucket}/{key}", ExtraArgs["CopySourceIfMatch"]))

    def copy_object(self, CopySource, Bucket, Key, CopySourceIfMatch):
        self.calls.append(("one", CopySource["Key"], f"{Bucket}/{Key}", CopySourceIfMatch))

    def head_object(self, **call):
        return {"ETag": '"e"', "ContentLength": 1, "LastModified": ManualClock().now()}

    def delete_objects(self, Bucket, Delete):
        keys = [item["Key"] for item in Delete["Objects"]]
        self.calls.append((Bucket, len(keys), keys[0]))
        return {"Errors": [{"Key": key, "Message": "locked"} for key in keys if key in self.kept]}


@pytest.mark.parametrize(
    ("etag", "size", "how"),
    [("e", 1, "one"), ("e", ONE_COPY_BYTES, "one"), ("e", ONE_COPY_BYTES + 1, "parts"), ("e-3", 1, "parts")],
)
def test_large_and_parted_objects_are_copied_in_parts(etag, size, how):
    client = Copying()
    assert S3Store(client).copy(ObjectInfo(URI, etag, size), "s3://c/x/y").uri == "s3://c/x/y"
    assert client.calls == [(how, "k", "c/x/y", etag)]


def test_deletion_goes_by_the_thousand():
    client = Copying()
    S3Store(client).delete_many(f"s3://b/{number}" for number in range(2001))
    assert client.calls == [("b", 1000, "0"), ("b", 1000, "1000"), ("b", 1, "2000")]
    S3Store(client).delete_many(iter(()))
    assert len(client.calls) == 3


def test_a_key_that_the_store_kept_is_an_error():
    with pytest.raises(StoreError, match=r"s3://b/7 was not deleted: locked"):
        S3Store(Copying(kept={"7"})).delete_many(f"s3://b/{number}" for number in range(10))


class Versioned(Client):
    """Keeps the conditions of calls, and answers some with an error."""

    def __init__(self, code=None):
        super().__init__()
        self.code, self.calls = code, []

    def _call(self, **call):
        self.calls.append(call)
        if self.code:
            raise ClientError({"Error": {"Code": self.code}}, "Call")
        return {"Metadata": {"a": "1"}}

    head_object = delete_object = _call


def test_metadata_and_deletion_are_of_one_version():
    client = Versioned()
    assert S3Store(client).metadata(URI, "e") == {"a": "1"}
    S3Store(client).delete_version(URI, "e")
    assert client.calls == [{"Bucket": "b", "Key": "k", "IfMatch": "e"}] * 2


def test_another_version_is_neither_read_nor_deleted():
    store = S3Store(Versioned("412"))
    with pytest.raises(ObjectChanged):
        store.metadata(URI, "e")
    with pytest.raises(ObjectChanged):
        store.delete_version(URI, "e")


def test_a_version_that_is_gone_is_deleted():
    S3Store(Versioned("NoSuchKey")).delete_version(URI, "e")
