"""What the proxy does to which requests."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache


class Effect(StrEnum):
    """One way in which a store or the network to it misbehaves."""

    REFUSE = "refuse"
    """Answer with an error of S3; the server never sees the request."""
    DELAY = "delay"
    """Pass the request on late. Whoever sent it may be dead by then: the write of a ghost."""
    THROTTLE = "throttle"
    """Pass both bodies on slowly."""
    CUT_BEFORE = "cut_before"
    """Close the connection; the server never sees the request."""
    CUT_AFTER = "cut_after"
    """Close the connection after the server has done it: the sender cannot know that it happened."""
    CUT_BODY = "cut_body"
    """Close the connection in the middle of the answer's body."""
    SILENCE = "silence"
    """Accept the request, never answer it, and close the connection after ``amount`` seconds."""
    HIDE_NEWEST = "hide_newest"
    """Leave the newest objects out of listings, as an eventually consistent store does."""


@dataclass(frozen=True)
class Request:
    """One request as the proxy sees it. ``key`` is without the bucket and without the query; empty for a listing."""

    method: str
    key: str
    query: str
    body: bytes

    @property
    def is_listing(self) -> bool:
        """Whether it lists objects."""
        return self.method == "GET" and "list-type=2" in self.query

    @property
    def is_write(self) -> bool:
        """Whether it makes or removes an object."""
        return self.method in {"PUT", "POST", "DELETE"}


@dataclass(frozen=True)
class Match:
    """Which requests: method, a pattern anywhere in the key, a pattern anywhere in the body."""

    method: str = ""
    key: str = ""
    body: str = ""

    def fits(self, request: Request) -> bool:
        """Whether the request is one of these."""
        if self.method and request.method != self.method:
            return False
        if self.key and not _compiled(self.key).search(request.key):
            return False
        return not self.body or re.search(self.body.encode(), request.body) is not None


EVERYTHING = Match()


@dataclass(frozen=True)
class Fault:
    """An effect on matching requests, for a number of requests, for a number of seconds, or both.

    ``count`` 0 means any number, ``seconds`` 0 any time; the time starts when the fault is set. ``amount`` is the delay
    in seconds, the rate in bytes per second, or how many of the newest objects are hidden.
    """

    effect: Effect
    match: Match = EVERYTHING
    count: int = 0
    seconds: float = 0.0
    amount: float = 0.0
    status: int = 503
    code: str = "SlowDown"


@dataclass
class ActiveFault:
    """A fault that has been set, and what is left of it."""

    fault: Fault
    set_at: float
    hits: int = field(default=0)

    def takes(self, request: Request, now: float) -> bool:
        """Whether this request is hit; counts it if so."""
        fault = self.fault
        if fault.count and self.hits >= fault.count:
            return False
        if fault.seconds and now - self.set_at > fault.seconds:
            return False
        if fault.effect is Effect.HIDE_NEWEST and not request.is_listing:
            return False
        if not fault.match.fits(request):
            return False
        self.hits += 1
        return True


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)
