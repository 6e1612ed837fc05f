"""The client's errors become those of the object store."""

from unittest.mock import Mock

import pytest
from boto3.exceptions import S3UploadFailedError
from botocore.exceptions import EndpointConnectionError
from s3transfer.exceptions import RetriesExceededError
from urllib3.exceptions import ProtocolError

from fakes.s3_client import Client
from llmbatch.core.errors import InputChanged, ObjectChanged, ObjectExists, ObjectMissing, StoreDenied, StoreError
from llmbatch.s3.store import S3Store

URI = "s3://b/k"


@pytest.mark.parametrize(
    ("code", "call", "error"),
    [
        ("NoSuchKey", lambda s: s.get(URI), ObjectMissing),
        ("NoSuchBucket", lambda s: s.get(URI), ObjectMissing),
        ("PreconditionFailed", lambda s: s.create(URI, b""), ObjectExists),
        ("PreconditionFailed", lambda s: s.open_stream(URI, "e"), InputChanged),
        ("PreconditionFailed", lambda s: s.read_range(URI, "e", 0, 1), InputChanged),
        ("PreconditionFailed", lambda s: s.replace(URI, b"", "e"), ObjectChanged),
        ("NoSuchKey", lambda s: s.replace(URI, b"", "e"), ObjectMissing),
        ("SlowDown", lambda s: s.put(URI, b""), StoreError),
        ("AccessDenied", lambda s: s.get(URI), StoreDenied),
        ("403", lambda s: s.create(URI, b""), StoreDenied),
    ],
)
def test_client_errors_are_translated(code, call, error):
    with pytest.raises(error, match="s3://b/k"):
        call(S3Store(Client(code)))


@pytest.mark.parametrize(
    "error",
    [
        EndpointConnectionError(endpoint_url="http://s3"),
        ProtocolError("Connection broken"),
        RetriesExceededError(OSError("broken")),
        S3UploadFailedError("parts are missing"),
    ],
)
def test_errors_without_an_answer_are_translated(error):
    client = Client()
    client.get_object = Mock(side_effect=error)
    with pytest.raises(StoreError, match="s3://b/k"):
        S3Store(client).get(URI)
