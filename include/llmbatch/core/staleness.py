"""The ages, in seconds, from which a heartbeat is too old: one threshold for each question, with its reason.

A heartbeat is written every 2 s by default (``heartbeat.seconds``). How its age is measured: see ``heartbeat``.
"""

from __future__ import annotations

STALLED_SECONDS = 60.0
"""Does its ETA still support an alert? Short, because a wrong alert wakes a person. Default of ``stall_seconds``."""

ETA_UNKNOWN_SECONDS = 120.0
"""Does its ETA still hold for a status page or for admission? Longer, so that a slow store does not change a view."""

NOT_RUNNING_SECONDS = 300.0
"""Does its job still run? Longest, because other jobs act on the answer: they are paused, or continue."""
