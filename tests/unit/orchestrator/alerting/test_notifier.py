from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from airflow.sdk import BaseNotifier

from fakes.alerts import an_alert
from llmbatch.core.alerts import Level
from llmbatch.core.errors import SinkError
from llmbatch.orchestrator.alerting.notifier import NotifierSink

HERE = f"{__name__}"


class Recorder(BaseNotifier):
    template_fields: Sequence[str] = ("text",)
    sent: list[str] = []  # noqa: RUF012 - the sink builds the notifier itself

    def __init__(self, text: str = "") -> None:
        super().__init__()
        self.text = text

    def notify(self, context: Any) -> None:
        if "boom" in self.text:
            raise RuntimeError(f"cannot {self.text}")
        self.sent.append(f"sync {self.text}")


class Awaiting(Recorder):
    notify = BaseNotifier.notify

    async def async_notify(self, context: Any) -> None:
        self.sent.append(f"async {self.text}")


@pytest.mark.parametrize(("name", "how"), [("Recorder", "sync"), ("Awaiting", "async")])
def test_a_notifier_sees_the_alert(name: str, how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Recorder, "sent", [])
    sink = NotifierSink(f"{HERE}.{name}", {"text": "{{ alert.level }} {{ dag_run.run_id }} {{ title }}"})
    for number in (1, 2):
        sink.send(an_alert(Level.RED, number))
    text = f"{how} red run-1 [red] job-1: the SLA is at risk, expected 1 h late"
    assert Recorder.sent == [text, text]


@pytest.mark.parametrize(
    ("path", "arguments", "says"),
    [
        ("Recorder", {"text": "boom"}, "Recorder failed: RuntimeError: cannot boom"),
        ("Recorder", {"txt": "x"}, "Recorder failed: TypeError"),
        ("SinkError", {}, "is not an Airflow notifier"),
        ("Missing", {}, "cannot be imported"),
    ],
)
def test_a_notifier_that_fails_says_what_to_correct(path: str, arguments: dict[str, Any], says: str) -> None:
    with pytest.raises(SinkError, match=says):
        NotifierSink(f"{HERE}.{path}", arguments).send(an_alert(Level.RED))
