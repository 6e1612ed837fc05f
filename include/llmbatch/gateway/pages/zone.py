"""The time zone of a reader, and times as pages show them."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

LONGEST_NAME = 64
"""Characters of the longest name that is looked up."""


class Zone:
    """A time zone by its IANA name, such as ``Europe/Berlin``. An unknown name is UTC.

    Args:
        name: what the reader's browser, or Airflow's UI, uses.
    """

    def __init__(self, name: str | None = None) -> None:
        self._info = _known(name)
        self.name = self._info.key

    def local(self, at: datetime) -> datetime:
        """Return an aware time in this zone."""
        return at.astimezone(self._info)

    def stamp(self, at: datetime) -> str:
        """Return a time for a figure, whose axes have no zones: ``2026-11-27T04:05:06`` in this zone."""
        return self.local(at).replace(tzinfo=None).isoformat(timespec="seconds")

    def text(self, at: datetime, *, seconds: bool = False) -> str:
        """Return a time for a person: ``2026-11-27 04:05 CET``."""
        return self.local(at).strftime("%Y-%m-%d %H:%M:%S %Z" if seconds else "%Y-%m-%d %H:%M %Z")


def _known(name: str | None) -> ZoneInfo:
    if name and len(name) <= LONGEST_NAME:
        try:
            return ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            pass
    return ZoneInfo("UTC")


def utc_now_text(at: datetime) -> str:
    """Return the machine-readable form of a time, for ``<time datetime>``."""
    return at.astimezone(UTC).isoformat(timespec="seconds")
