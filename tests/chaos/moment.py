"""When something is broken: at a request of the job that passes the proxy."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from chaos.fault import Match
from chaos.s3_proxy import Hold, S3Proxy, Trap
from llmbatch.core.layout import JobLayout, split_uri


@dataclass(frozen=True)
class Moment:
    """The ``nth`` request of a kind; ``key`` is a pattern after the job's folder, ``body`` one in what is sent."""

    name: str
    method: str
    key: str
    nth: int = 1
    hold: Hold = Hold.NOWHERE
    body: str = ""

    def trap(self, proxy: S3Proxy, layout: JobLayout, action: Callable[[], None]) -> Trap:
        """Have ``action`` run when the moment comes for this job."""
        folder = re.escape(split_uri(layout.root)[1])
        match = Match(self.method, f"^{folder}{self.key}", self.body)
        return proxy.trap(match, action, nth=self.nth, hold=self.hold)


STAGING = Moment("staging", "PUT", "/staged/shard-", nth=3, hold=Hold.BEFORE_SERVER)
ENGINE_START = Moment("engine-start", "PUT", "/progress.json$", body='"phase": ?"model_load"')
FIRST_COMMIT = Moment("first-commit", "PUT", "/results/shard-", hold=Hold.BEFORE_ANSWER)
SECOND_COMMIT = Moment("second-commit", "PUT", "/results/shard-", nth=2, hold=Hold.BEFORE_SERVER)
MID_WORK = Moment("mid-work", "PUT", "/results/shard-", nth=4)
COMMIT = Moment("commit", "PUT", "/results/shard-", nth=5, hold=Hold.BEFORE_SERVER)
COMMITTED = Moment("committed", "PUT", "/results/shard-", nth=5, hold=Hold.BEFORE_ANSWER)
LAST_HEARTBEAT = Moment("last-heartbeat", "PUT", "/progress.json$", body='"phase": ?"done"', hold=Hold.BEFORE_SERVER)
PUBLISH = Moment("publish", "PUT", "/output/output", hold=Hold.BEFORE_SERVER)
BEFORE_PROOF = Moment("before-proof", "PUT", "/manifest.json$", hold=Hold.BEFORE_SERVER)
PROOF = Moment("proof", "PUT", "/manifest.json$", hold=Hold.BEFORE_ANSWER)
