"""The memory store behaves as S3 does, and S3's errors become ours."""

import io

import pytest

from llmbatch.core.errors import InputChanged, ObjectExists, ObjectMissing, StoreError
from llmbatch.core.s3_store import S3Store, probe_conditional_writes
from llmbatch.core.store import MemoryStore

URI = "s3://b/k"


class ClientError(Exception):
    def __init__(self, code):
        super().__init__(code)
        self.response = {"Error": {"Code": code}}


class Client:
    """Answers every call with one error, or forgets conditions, as broken stores do."""

    def __init__(self, code=None):
        self.code, self.body = code, b""

    def put_object(self, **call):
        if self.code:
            raise ClientError(self.code)
        self.body = call["Body"]
        return {"ETag": '"e"'}

    def get_object(self, **call):
        if self.code:
            raise ClientError(self.code)
        return {"Body": io.BytesIO(self.body), "ETag": '"e"'}


@pytest.mark.parametrize(
    ("code", "call", "error"),
    [
        ("NoSuchKey", lambda s: s.get(URI), ObjectMissing),
        ("NoSuchBucket", lambda s: s.get(URI), ObjectMissing),
        ("PreconditionFailed", lambda s: s.create(URI, b""), ObjectExists),
        ("PreconditionFailed", lambda s: s.open_stream(URI, "e"), InputChanged),
        ("PreconditionFailed", lambda s: s.read_range(URI, "e", 0, 1), InputChanged),
        ("SlowDown", lambda s: s.put(URI, b""), StoreError),
        ("AccessDenied", lambda s: s.get(URI), StoreError),
    ],
)
def test_client_errors_are_translated(code, call, error):
    with pytest.raises(error, match="s3://b/k"):
        call(S3Store(Client(code)))


def test_programming_errors_are_not_hidden():
    with pytest.raises(ValueError, match="s3://bucket/key"):
        S3Store(Client()).get("nonsense")


def test_a_store_without_conditional_writes_is_refused():
    with pytest.raises(StoreError, match="ignores If-None-Match"):
        probe_conditional_writes(S3Store(Client()), URI)


def test_memory_store():
    store = MemoryStore()
    info = store.create(URI, b"12345")
    assert store.read_range(URI, info.etag, 1, 3) == b"234"
    assert [o.uri for o in store.list("s3://b/")] == [URI]
    with pytest.raises(ObjectExists):
        store.create(URI, b"x")
    store.put(URI, b"new")
    with pytest.raises(InputChanged):
        store.open_stream(URI, info.etag)
    with pytest.raises(ObjectMissing):
        store.get("s3://b/absent")
