"""Time zones of readers."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from llmbatch.gateway.pages.zone import LONGEST_NAME, Zone, utc_now_text

AT = datetime(2026, 11, 27, 3, 5, 6, 700_000, tzinfo=UTC)


def test_a_time_in_the_zone_of_the_reader() -> None:
    zone = Zone("Europe/Berlin")
    assert zone.name == "Europe/Berlin"
    assert zone.text(AT) == "2026-11-27 04:05 CET"
    assert zone.text(AT, seconds=True) == "2026-11-27 04:05:06 CET"
    assert zone.stamp(AT) == "2026-11-27T04:05:06"


def test_summer_time() -> None:
    assert Zone("Europe/Berlin").text(datetime(2026, 7, 1, 12, tzinfo=UTC)) == "2026-07-01 14:00 CEST"


@pytest.mark.parametrize(
    "name",
    [None, "", "Mars/Olympus", "../../etc/passwd", "/etc/passwd", "Europe", "a\0b", "Europe/" + "x" * 300, "\udcff",
     "a" * LONGEST_NAME, "<script>"],
)  # fmt: skip
def test_what_is_no_zone_is_utc(name: str | None) -> None:
    zone = Zone(name)
    assert (zone.name, zone.text(AT)) == ("UTC", "2026-11-27 03:05 UTC")


def test_a_machine_reads_utc() -> None:
    assert utc_now_text(Zone("Asia/Kathmandu").local(AT)) == "2026-11-27T03:05:06+00:00"
