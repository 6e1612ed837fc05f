"""A file over ranged reads: any position, few requests, and the cause of a failed read."""

from __future__ import annotations

import io
from random import Random

import pytest

from llmbatch.core.errors import InputChanged
from llmbatch.core.job_spec import InputObject
from llmbatch.core.store import MemoryStore
from llmbatch.orchestrator.inputs.readers.range_file import RangeFile

MIB = 2**20
BODY = Random(1).randbytes(3 * MIB + 100)


class Counting(MemoryStore):
    """Records the start of each ranged read. The server answers with at most 300 kB."""

    def __init__(self) -> None:
        super().__init__()
        self.starts: list[int] = []

    def read_range(self, uri: str, etag: str, start: int, length: int) -> bytes:
        self.starts.append(start)
        return super().read_range(uri, etag, start, min(length, 300_000))


@pytest.fixture
def store() -> Counting:
    return Counting()


def opened(store: MemoryStore, body: bytes = BODY) -> RangeFile:
    info = store.put("s3://b/k", body)
    return RangeFile(store, InputObject(uri=info.uri, etag=info.etag, size=info.size))


def test_it_reads_as_a_local_file_does(store: Counting) -> None:
    file, local, random = opened(store), io.BytesIO(BODY), Random(2)
    for _ in range(50):
        whence = random.choice([io.SEEK_SET, io.SEEK_END])
        offset = random.randrange(len(BODY)) * (1 if whence == io.SEEK_SET else -1)
        size = random.choice([0, 1, 4, 1000, MIB, 2 * MIB])
        assert file.seek(offset, whence) == local.seek(offset, whence)
        assert file.read(size) == local.read(size)
        assert file.tell() == local.tell()
    file.seek(10)
    file.seek(-4, io.SEEK_CUR)
    buffer = bytearray(8)
    assert file.readinto(buffer) == 8
    assert bytes(buffer) == BODY[6:14]
    assert file.readall() == BODY[14:]
    assert file.read() == b""


def test_a_block_is_fetched_once(store: Counting) -> None:
    file = opened(store)
    for position in (5, MIB + 5, 7, MIB + 7):
        file.seek(position)
        file.read(10)
    assert sorted(store.starts) == [0, 300_000, 600_000, 900_000, MIB, *(MIB + n for n in (300_000, 600_000, 900_000))]


def test_sixteen_blocks_are_cached(store: Counting) -> None:
    file = opened(store, bytes(18 * MIB))
    for block in range(16):
        file.seek(block * MIB)
        file.read(1)
    before = len(store.starts)
    file.seek(0)
    file.read(1)
    assert len(store.starts) == before
    file.seek(16 * MIB)
    file.read(1)
    before = len(store.starts)
    file.seek(MIB)  # the block that was used least recently
    file.read(1)
    assert store.starts[before] == MIB


def test_a_failed_read_keeps_its_cause(store: Counting) -> None:
    file = opened(store)
    store.put("s3://b/k", b"replaced")
    with pytest.raises(InputChanged) as caught:
        file.read(1)
    assert file.failure is caught.value
