"""Raise an alert once, whoever notices first."""

from __future__ import annotations

from llmbatch.core.alerts import Alert
from llmbatch.core.errors import ObjectExists
from llmbatch.core.layout import JobLayout
from llmbatch.core.store import ObjectStore


def raise_alert(alert: Alert, store: ObjectStore, layout: JobLayout) -> bool:
    """Write the alert create-only; return whether this call raised it. Sends nothing, see ``delivery``.

    Raises:
        StoreError: the store failed; nobody can say whether the alert is there. Call again.
    """
    try:
        store.create(layout.alert(alert.level.value, alert.number), alert.model_dump_json(indent=1).encode())
    except ObjectExists:
        return False
    return True
