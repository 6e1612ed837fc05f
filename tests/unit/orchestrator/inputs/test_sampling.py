"""Sampling parameters of a row over those of the job."""

from __future__ import annotations

from fakes.input_rows import request_of, rows_of
from llmbatch.core.job_request import InputFormat


def test_seeds_of_rows_are_checked_and_kept() -> None:
    body = b"\n".join(
        b'{"prompt": "a", "sampling": {"seed": %s, "top_k": 3}}' % s for s in (b"1", b"2", b"1e400", b"%d" % 2**63)
    )
    rows = rows_of(body, InputFormat.JSONL, sampling={"seed": 9, "max_tokens": 8})
    assert request_of(rows[0])["sampling"] == {"max_tokens": 8, "seed": 1, "top_k": 3}
    assert request_of(rows[1])["sampling"] == {"max_tokens": 8, "seed": 2, "top_k": 3}
    assert ["`seed`" in row.error for row in rows[2:]] == [True, True]
