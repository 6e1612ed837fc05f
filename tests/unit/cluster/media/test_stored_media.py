"""Objects are read under the prefixes only; an outage of the store is not the row's fault."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import pytest

from fakes.media_rows import media
from llmbatch.cluster.media.stored_media import DENIED_PAUSE, StoredMedia
from llmbatch.cluster.storage.job_context import JobContext
from llmbatch.cluster.storage.patience import Patience
from llmbatch.core.clock import ManualClock
from llmbatch.core.errors import InputChanged, RowError, StoreDenied, StoreError
from llmbatch.core.layout import JobLayout
from llmbatch.core.store import MemoryStore

P = ParamSpec("P")
T = TypeVar("T")
MOST = 10


class AtOnce:
    """Runs the calls of the store where it is."""

    async def call(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return call(*args, **kwargs)


class Shop(MemoryStore):
    """Denies the first reads, or fails them, or has its object replaced while it is read."""

    def __init__(self, *errors: Exception) -> None:
        super().__init__()
        self.errors = [*errors]
        self.reads = 0

    def read_range(self, uri: str, etag: str, start: int, length: int) -> bytes:
        self.reads += 1
        if self.errors:
            raise self.errors.pop(0)
        return super().read_range(uri, etag, start, length)


def read(uri: str, store: MemoryStore, prefixes: tuple[str, ...] | None = ("s3://b/in",)) -> tuple[bytes, list[float]]:
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    reader = StoredMedia(store, AtOnce(), prefixes, sleep=sleep)
    return asyncio.run(reader.read(media(uri), MOST)), pauses


def with_object(store: MemoryStore, body: bytes = b"image") -> MemoryStore:
    store.put("s3://b/in/x.png", body)
    return store


def test_an_object_under_a_prefix() -> None:
    assert read("s3://b/in/x.png", with_object(MemoryStore())) == (b"image", [])
    assert read("s3://b/in/x.png", with_object(MemoryStore()), None)[0] == b"image"


@pytest.mark.parametrize(
    ("uri", "prefixes"),
    [
        ("s3://b/inside/x.png", ("s3://b/in",)),
        ("s3://b/x.png", ("s3://b/in/",)),
        ("s3://c/in/x.png", ("s3://b/in", "s3://b")),
        ("s3://b2/x.png", ("s3://b",)),
        ("s3://b/in/x.png", ()),
    ],
)
def test_outside_of_the_prefixes(uri: str, prefixes: tuple[str, ...]) -> None:
    with pytest.raises(RowError, match=r"\.image_url\.url: s3://\S+ is outside of store\.allowed_inputs"):
        read(uri, MemoryStore(), prefixes)


def test_the_folders_of_jobs_are_closed_whatever_the_prefixes() -> None:
    async def reading(uri: str) -> bytes:
        store = MemoryStore()
        store.put(uri, b"image")
        return await StoredMedia(store, AtOnce(), ("s3://b",), closed="s3://b/base").read(media(uri), MOST)

    assert asyncio.run(reading("s3://b/base2/x.png")) == b"image"
    with pytest.raises(RowError, match=r"s3://b/base/jobs/job-1/x\.png is under store\.base_uri"):
        asyncio.run(reading("s3://b/base/jobs/job-1/x.png"))


@pytest.mark.parametrize(
    "uri", ["s3://b/in/../secret.png", "s3://b/in/./x.png", "s3://", "s3:///x", "s3:b/x", "S3://b/in/x"]
)
def test_no_address(uri: str) -> None:
    with pytest.raises(RowError, match=r"Correct the address"):
        read(uri, MemoryStore(), None)


@pytest.mark.parametrize(("body", "size"), [(b"", "0"), (b"x" * (MOST + 1), "11")])
def test_the_size_is_checked_before_the_read(body: bytes, size: str) -> None:
    store = Shop()
    with pytest.raises(RowError, match=rf"x\.png has {size} bytes; 1 to 10 are allowed"):
        read("s3://b/in/x.png", with_object(store, body))
    assert store.reads == 0


def test_missing_and_replaced() -> None:
    with pytest.raises(RowError, match="does not exist"):
        read("s3://b/in/x.png", MemoryStore())
    with pytest.raises(RowError, match="was replaced while it was read"):
        read("s3://b/in/x.png", with_object(Shop(InputChanged("s3://b/in/x.png", "e"))))


def test_a_store_that_starts_is_tried_again_and_one_that_denies_is_not_waited_for() -> None:
    one = StoreDenied("403")
    assert read("s3://b/in/x.png", with_object(Shop(one))) == (b"image", [DENIED_PAUSE])
    with pytest.raises(RowError, match=r"the store denied s3://b/in/x\.png"):
        read("s3://b/in/x.png", with_object(Shop(one, one)))


def test_an_outage_is_waited_for_and_one_without_end_is_the_stores_fault() -> None:
    async def no_sleep(seconds: float) -> None:
        clock.advance(seconds)

    def reading(*errors: StoreError) -> bytes:
        patience = Patience(JobContext("job-1", 1, JobLayout("s3://b/j"), MemoryStore(), clock), sleep=no_sleep)
        reader = StoredMedia(with_object(Shop(*errors)), patience, None)
        return asyncio.run(reader.read(media("s3://b/in/x.png"), MOST))

    clock = ManualClock()
    assert reading(*[StoreError("down")] * 5) == b"image"
    with pytest.raises(StoreError, match="down"):
        reading(*[StoreError("down")] * 500)


def test_few_reads_run_at_a_time() -> None:
    """The threads are those that commit results."""

    class Slow:
        running = most = 0

        async def call(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
            self.running += 1
            self.most = max(self.most, self.running)
            await asyncio.sleep(0)
            self.running -= 1
            return call(*args, **kwargs)

    calls = Slow()
    reader = StoredMedia(with_object(MemoryStore()), calls, None)

    async def many() -> None:
        await asyncio.gather(*(reader.read(media("s3://b/in/x.png"), MOST) for _ in range(64)))

    asyncio.run(many())
    assert 1 <= calls.most <= 16
