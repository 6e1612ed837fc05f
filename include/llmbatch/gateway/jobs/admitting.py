"""Whether new jobs are admitted."""

from __future__ import annotations

import asyncio

from llmbatch.core.store import ObjectStore
from llmbatch.gateway.wire.failures import Failure
from llmbatch.orchestrator.steering.service import read_service

RETRY_SECONDS = 60
"""When a refused client may try again."""


async def require_admitting(base_uri: str, store: ObjectStore) -> None:
    """Refuse to start anything while admission is stopped. One small read; nothing is kept.

    Raises:
        Failure: 503 with the reason of the shutdown.
        StoreError: the store failed.
    """
    service = await asyncio.to_thread(read_service, base_uri, store)
    if service.admitting:
        return
    why = f": {service.reason}" if service.reason else ""
    raise Failure(
        503,
        f"The service admits no jobs at present{why}. Repeat the request after POST /resume.",
        type="server_error",
        code="not_admitting",
        headers={"Retry-After": str(RETRY_SECONDS)},
    )
