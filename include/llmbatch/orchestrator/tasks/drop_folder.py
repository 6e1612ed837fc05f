"""The body of the task of ``llmbatch_drop_folder``, and the asset that wakes it."""

from __future__ import annotations

import logging

from airflow.sdk import Asset, AssetWatcher

from llmbatch.core.clock import SystemClock
from llmbatch.orchestrator.deployment.settings import load_settings
from llmbatch.orchestrator.drop_folder.trigger import InboxTrigger
from llmbatch.orchestrator.tasks.inference import final_unless_retryable

INBOXES = Asset("llmbatch_inboxes", watchers=[AssetWatcher(name="llmbatch_inboxes", trigger=InboxTrigger())])
"""Updated by the triggerer when an inbox has changed, or by any program that creates an event of it."""

_log = logging.getLogger(__name__)


@final_unless_retryable
def scan() -> dict[str, int]:
    """Start jobs for what is new in the inboxes, move what is over. Return how many inputs of each kind there were."""
    from llmbatch.orchestrator.deployment.store import open_store
    from llmbatch.orchestrator.drop_folder.runs import AirflowRuns
    from llmbatch.orchestrator.drop_folder.scan import Scan

    config = load_settings()
    found = Scan(config, open_store(config.store.conn_id), AirflowRuns(), SystemClock()).run().as_dict()
    _log.info("event=inboxes_scanned %s", " ".join(f"{name}={number}" for name, number in found.items()))
    return found
