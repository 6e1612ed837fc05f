"""InboxTrigger: the triggerer's eye on the inboxes. It wakes the scan and decides nothing itself."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

from airflow.triggers.base import BaseEventTrigger, TriggerEvent

from llmbatch.core.config import Config
from llmbatch.core.shown import shown
from llmbatch.core.store import ObjectStore
from llmbatch.orchestrator.deployment.settings import load_settings
from llmbatch.orchestrator.deployment.store import open_store
from llmbatch.orchestrator.deployment.threads import INBOXES
from llmbatch.orchestrator.drop_folder.wake import Glance, Wake, glance

IDLE_SECONDS = 20.0
"""Between two reads of config.yaml while it has no inbox."""


class InboxTrigger(BaseEventTrigger):
    """Yield an event whenever a scan is due. A lost or repeated event costs nothing: a scan lists the inboxes itself.

    It has no arguments, for Airflow stores them when DAGs are parsed; it reads config.yaml at each look.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._store: tuple[str, ObjectStore] | None = None

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the class path and no arguments."""
        return ("llmbatch.orchestrator.drop_folder.trigger.InboxTrigger", {})

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look, sleep, and so on. No failed look ends it; each other error is logged once."""
        wake, problem, pause = Wake(), "", IDLE_SECONDS
        while True:
            try:
                config, seen = await INBOXES.run(self._look)
                pause = config.drop.poll_seconds if config.drop.inbox else IDLE_SECONDS
                problem = ""
                if wake.is_due(seen, time.monotonic()):
                    yield TriggerEvent({"inboxes": len(config.drop.inbox)})  # type: ignore[no-untyped-call]
            except Exception as error:  # the next look may succeed, whatever failed in settings, store or network
                if str(error) != problem:
                    self.log.warning("event=inbox_unreadable error=%s", shown(error))
                problem = str(error)
            await asyncio.sleep(pause)

    def _look(self) -> tuple[Config, Glance]:
        config = load_settings()
        if not config.drop.inbox:
            return config, Glance("", is_busy=False)
        if self._store is None or self._store[0] != config.store.conn_id:
            self._store = (config.store.conn_id, open_store(config.store.conn_id))
        return config, glance(config.drop, config.store.base_uri, self._store[1])
