"""The object store over an S3 client: Airflow makes one from its connection, a Ray job from its environment.

Retries are the client's own, and are set where it is made.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from email.utils import parsedate_to_datetime
from itertools import islice
from typing import IO, TYPE_CHECKING, Any, Protocol, cast

from llmbatch.core.errors import InputChanged, LlmbatchError, ObjectChanged, ObjectExists, ObjectMissing, StoreError
from llmbatch.core.layout import split_uri
from llmbatch.core.store import AgedBody, ObjectInfo
from llmbatch.s3.errors import translated

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import CopySourceTypeDef, ObjectIdentifierTypeDef

ONE_COPY_BYTES = 5 * 2**30
"""The most that S3 copies in one request; more is copied in parts."""
ONE_DELETE_KEYS = 1000
"""The most keys that S3 deletes in one request."""
_OTHER_ETAG = "0" * 32
"""Of no object."""


class S3Store:
    """``ObjectStore`` over one S3 client. Safe to share between threads, as the client is."""

    def __init__(self, client: S3Client) -> None:
        self._client = client

    def get(self, uri: str) -> bytes:
        """Return the whole object."""
        bucket, key = split_uri(uri)
        with translated(uri):
            return self._client.get_object(Bucket=bucket, Key=key)["Body"].read()

    def get_aged(self, uri: str) -> AgedBody:
        """Return the whole object and its age: the ``Date`` of the answer minus ``LastModified``, to the second."""
        bucket, key = split_uri(uri)
        with translated(uri):
            answer = self._client.get_object(Bucket=bucket, Key=key)
            body = answer["Body"].read()
        date = answer["ResponseMetadata"]["HTTPHeaders"].get("date")
        if date is None:
            return AgedBody(body, None)
        at = parsedate_to_datetime(date)
        return AgedBody(body, (at - answer["LastModified"]).total_seconds(), at)

    def put(self, uri: str, body: bytes) -> ObjectInfo:
        """Write or replace the object in one request."""
        bucket, key = split_uri(uri)
        with translated(uri):
            answer = self._client.put_object(Bucket=bucket, Key=key, Body=body)
        return ObjectInfo(uri, _etag(answer), len(body))

    def create(self, uri: str, body: bytes) -> ObjectInfo:
        """Write the object only if nothing is there, in one request (``If-None-Match: *``)."""
        bucket, key = split_uri(uri)
        with translated(uri, on_condition=ObjectExists(uri)):
            answer = self._client.put_object(Bucket=bucket, Key=key, Body=body, IfNoneMatch="*")
        return ObjectInfo(uri, _etag(answer), len(body))

    def replace(self, uri: str, body: bytes, etag: str) -> ObjectInfo:
        """Write over exactly the version ``etag``, in one request (``If-Match``)."""
        bucket, key = split_uri(uri)
        with translated(uri, on_condition=ObjectChanged(uri, etag)):
            answer = self._client.put_object(Bucket=bucket, Key=key, Body=body, IfMatch=etag)
        return ObjectInfo(uri, _etag(answer), len(body))

    def head(self, uri: str) -> ObjectInfo:
        """Return address, ETag and size."""
        bucket, key = split_uri(uri)
        with translated(uri):
            answer = self._client.head_object(Bucket=bucket, Key=key)
        return ObjectInfo(uri, _etag(answer), answer["ContentLength"], answer["LastModified"])

    def metadata(self, uri: str, etag: str) -> Mapping[str, str]:
        """Return the user's metadata of one version."""
        bucket, key = split_uri(uri)
        with translated(uri, on_condition=ObjectChanged(uri, etag)):
            return self._client.head_object(Bucket=bucket, Key=key, IfMatch=etag)["Metadata"]

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """Yield objects under ``prefix`` in key order, a thousand a request."""
        bucket, key = split_uri(prefix)
        with translated(prefix):
            for page in self._client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=key):
                for item in page.get("Contents", []):
                    yield ObjectInfo(f"s3://{bucket}/{item['Key']}", _etag(item), item["Size"], item["LastModified"])

    def open_stream(self, uri: str, etag: str) -> IO[bytes]:
        """Open the object for one sequential read, refusing any other version than ``etag``."""
        bucket, key = split_uri(uri)
        with translated(uri, on_condition=InputChanged(uri, etag)):
            body = self._client.get_object(Bucket=bucket, Key=key, IfMatch=etag)["Body"]
        return cast("IO[bytes]", _Stream(uri, cast("_Body", body)))

    def read_range(self, uri: str, etag: str, start: int, length: int) -> bytes:
        """Read ``length`` bytes from ``start``, refusing any other version than ``etag``."""
        bucket, key = split_uri(uri)
        span = f"bytes={start}-{start + length - 1}"
        with translated(uri, on_condition=InputChanged(uri, etag)):
            return self._client.get_object(Bucket=bucket, Key=key, Range=span, IfMatch=etag)["Body"].read()

    def presigned(self, uri: str, seconds: int) -> str:
        """Return an address with a signature that expires after so many seconds."""
        bucket, key = split_uri(uri)
        with translated(uri):
            return self._client.generate_presigned_url(
                "get_object", Params={"Bucket": bucket, "Key": key}, ExpiresIn=seconds
            )

    def upload(self, uri: str, path: str) -> ObjectInfo:
        """Write a local file in parts."""
        bucket, key = split_uri(uri)
        with translated(uri):
            self._client.upload_file(path, bucket, key)
        return self.head(uri)

    def copy(self, source: ObjectInfo, uri: str) -> ObjectInfo:
        """Copy one version inside the store.

        An object whose ETag is that of a multipart upload is copied in parts too, of the sizes that ``upload`` uses.
        Whether it keeps its ETag depends on the store: AWS derives it from the parts, SeaweedFS does not.
        """
        bucket, key = split_uri(uri)
        source_bucket, source_key = split_uri(source.uri)
        origin: CopySourceTypeDef = {"Bucket": source_bucket, "Key": source_key}
        with translated(source.uri, on_condition=ObjectChanged(source.uri, source.etag)):
            if "-" in source.etag or source.size > ONE_COPY_BYTES:
                self._client.copy(origin, bucket, key, ExtraArgs={"CopySourceIfMatch": source.etag})
            else:
                self._client.copy_object(CopySource=origin, Bucket=bucket, Key=key, CopySourceIfMatch=source.etag)
        return self.head(uri)

    def delete(self, uri: str) -> None:
        """Remove the object; S3 does not report whether it existed."""
        bucket, key = split_uri(uri)
        with translated(uri):
            self._client.delete_object(Bucket=bucket, Key=key)

    def delete_version(self, uri: str, etag: str) -> None:
        """Remove one version, in one request (``If-Match``). SeaweedFS refuses it for an object that is not there."""
        bucket, key = split_uri(uri)
        try:
            with translated(uri, on_condition=ObjectChanged(uri, etag)):
                self._client.delete_object(Bucket=bucket, Key=key, IfMatch=etag)
        except ObjectMissing:
            return  # removed before

    def delete_many(self, uris: Iterable[str]) -> None:
        """Remove objects in the order given, a thousand a request.

        Raises:
            StoreError: naming the first object that the store kept; those after its thousand were not tried.
        """
        left = iter(uris)
        while batch := [*islice(left, ONE_DELETE_KEYS)]:
            by_bucket: dict[str, list[ObjectIdentifierTypeDef]] = {}
            for bucket, key in map(split_uri, batch):
                by_bucket.setdefault(bucket, []).append({"Key": key})
            for bucket, keys in by_bucket.items():
                with translated(f"s3://{bucket}/{keys[0]['Key']}"):
                    answer = self._client.delete_objects(Bucket=bucket, Delete={"Objects": keys, "Quiet": True})
                for kept in answer.get("Errors", []):
                    raise StoreError(f"s3://{bucket}/{kept.get('Key')} was not deleted: {kept.get('Message')}")


class _Body(Protocol):
    """What is used of a client's answer body."""

    def read(self, amt: int | None = None) -> bytes:
        """Read ``amt`` bytes, or all that are left."""

    def close(self) -> None:
        """Give the connection back."""


class _Stream(io.RawIOBase):
    """A body whose broken connection is a ``StoreError``, as that of a whole read is."""

    def __init__(self, uri: str, body: _Body) -> None:
        super().__init__()
        self._uri, self._body = uri, body

    def readable(self) -> bool:
        """Return True."""
        return True

    def read(self, size: int | None = -1) -> bytes:
        """Read up to ``size`` bytes; all that are left for None or -1."""
        with translated(self._uri):
            return self._body.read(None if size is None or size < 0 else size)

    def close(self) -> None:
        """Give the connection back."""
        self._body.close()
        super().close()


def probe_conditions(store: S3Store, uri: str) -> None:
    """Prove that the store honours ``If-None-Match: *`` and ``If-Match``, on which exactly-once rests.

    Args:
        store: the store.
        uri: an object that may be overwritten.

    Raises:
        StoreError: naming the condition that the store ignores, or the store failed.
    """
    store.put(uri, b"probe")
    probes: tuple[tuple[type[LlmbatchError], Callable[[], object], str], ...] = (
        (ObjectExists, lambda: store.create(uri, b"second"), "If-None-Match on writes, so rows could be doubled"),
        (
            ObjectChanged,
            lambda: store.replace(uri, b"third", _OTHER_ETAG),
            "If-Match on writes, so requests to a job and alerts could be lost",
        ),
        (
            InputChanged,
            lambda: store.read_range(uri, _OTHER_ETAG, 0, 1),
            "If-Match on reads, so rows of a replaced input could be mixed",
        ),
    )
    for refusal, probe, ignored in probes:
        try:
            probe()
        except refusal:
            continue
        raise StoreError(
            f"{uri}: this object store ignores {ignored}. Use a store with conditional requests (AWS S3, SeaweedFS, "
            "MinIO, Ceph from Tentacle on)."
        )


def _etag(answer: Mapping[str, Any]) -> str:
    return str(answer["ETag"]).strip('"')
