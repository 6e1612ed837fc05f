"""Length cells with rows of 1000 characters, without an outcome or answered."""

from __future__ import annotations

from llmbatch.core.length_cells import LengthCell


def cell(bucket: int = 20, rows: int = 100, **values: float) -> LengthCell:
    given = {"chars": rows * 1000, "limit": 4000} | values
    return LengthCell(bucket=bucket, rows=rows, **given)


def answered(bucket: int, chars: float, lengths: list[int], rows: int | None = None, limit: int = 4000) -> LengthCell:
    count = len(lengths)
    return LengthCell(
        bucket=bucket, limit=limit, rows=rows or count, chars=int(chars * (rows or count)), ended=count, answered=count,
        tokens=sum(lengths), tokens_squared=sum(n * n for n in lengths), answered_seconds=float(sum(lengths)),
    )  # fmt: skip
