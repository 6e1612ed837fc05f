"""The limits of a row fit each other."""

from __future__ import annotations

from llmbatch.cluster.media.limits import MediaLimits


def test_one_of_the_largest_fits_into_a_row() -> None:
    limits = MediaLimits()
    assert 0 < limits.item_bytes <= limits.row_bytes
    assert limits.row_pixels > 100_000_000 > 12_000 * 8_000
