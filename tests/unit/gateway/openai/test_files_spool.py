"""Bytes on local disk."""

from __future__ import annotations

import errno
import hashlib
from pathlib import Path

import pytest

from llmbatch.gateway.openai.files_spool import Spool
from llmbatch.gateway.wire.failures import Failure


def test_what_is_written_is_counted_hashed_in_the_file_and_removed_at_the_end() -> None:
    with Spool() as spool:
        spool.write(b"ab")
        spool.write(bytearray(b"c"))
        path = Path(spool.path)
        assert (path.read_bytes(), spool.size, spool.head(2)) == (b"abc", 3, b"ab")
        assert spool.sha256 == hashlib.sha256(b"abc").hexdigest()
    assert not path.exists()


def test_a_full_disk_is_an_answer_with_a_time_to_wait() -> None:
    with Spool() as spool:

        def full(_: bytes) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

        spool._file.write = full  # type: ignore[method-assign,assignment]
        with pytest.raises(Failure, match="No space left") as found:
            spool.write(b"x")
    assert (found.value.status, found.value.headers) == (503, {"Retry-After": "60"})
