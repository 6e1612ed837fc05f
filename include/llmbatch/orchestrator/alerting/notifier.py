"""Any Airflow notifier as a sink, outside of a task's own callbacks."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from pydantic import JsonValue

from llmbatch.core.alerts import Alert, message, title
from llmbatch.core.errors import SinkError

if TYPE_CHECKING:
    from airflow.sdk import BaseNotifier
    from airflow.sdk.definitions.context import Context


@dataclass(frozen=True)
class NotifierSink:
    """Builds a new notifier for each alert, because rendering changes it.

    Templated arguments see ``alert`` (a mapping of its fields), ``alert_id``, ``title``, ``message``, ``dag_id``,
    ``run_id`` and ``dag_run`` (with those two). There is no task instance and no DAG.
    """

    path: str
    arguments: Mapping[str, JsonValue]

    @property
    def name(self) -> str:
        """``notifier.<class>.<digest of path and arguments>``, independent of its place in the file."""
        text = json.dumps([self.path, dict(self.arguments)], sort_keys=True)
        return f"notifier.{self.path.rpartition('.')[2]}.{hashlib.sha256(text.encode()).hexdigest()[:8]}"

    def send(self, alert: Alert) -> None:
        """Render and notify; an asynchronous notifier runs in its own event loop. Raises ``SinkError``."""
        from airflow.sdk import BaseNotifier
        from airflow.sdk.log import redact  # type: ignore[attr-defined]

        kind = self._kind()
        try:
            notifier = kind(**self.arguments)  # type: ignore[arg-type]
            context = _context(alert)
            notifier.render_template_fields(context)
            if kind.notify is BaseNotifier.notify:
                asyncio.run(notifier.async_notify(context))
            else:
                notifier.notify(context)
        except Exception as error:
            reason = redact(str(error))
            raise SinkError(f"notifier {self.path} failed: {type(error).__name__}: {reason}") from None

    def _kind(self) -> type[BaseNotifier]:
        from airflow.sdk import BaseNotifier

        module, _, name = self.path.rpartition(".")
        try:
            kind = getattr(import_module(module), name)
        except (ImportError, AttributeError, ValueError) as error:
            raise SinkError(f"notifier {self.path!r} cannot be imported: {error}; correct alerts.notifiers") from error
        if not (isinstance(kind, type) and issubclass(kind, BaseNotifier)):
            raise SinkError(f"{self.path!r} is not an Airflow notifier (BaseNotifier); correct alerts.notifiers")
        return kind


def _context(alert: Alert) -> Context:
    run = {"dag_id": alert.dag_id, "run_id": alert.run_id}
    words = {"alert_id": alert.alert_id, "title": title(alert), "message": message(alert)}
    context: Context = {"alert": alert.model_dump(mode="json"), "dag_run": run, **run, **words}  # type: ignore[typeddict-item]
    return context
