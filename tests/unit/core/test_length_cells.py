"""Rows counted by length."""

from __future__ import annotations

import pytest

from llmbatch.core.length_cells import bucket_of


@pytest.mark.parametrize(("chars", "bucket"), [(0, 0), (1, 0), (100, 13), (141, 14), (200, 15), (400_000, 37)])
def test_bucket(chars: int, bucket: int) -> None:
    assert bucket_of(chars) == bucket
