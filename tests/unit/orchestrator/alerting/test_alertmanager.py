from __future__ import annotations

from collections.abc import Iterator

import pytest

from fakes.alert_receiver import SECRET, Receiver, connect, receiving
from fakes.alerts import START, an_alert
from llmbatch.core.alerts import Level
from llmbatch.orchestrator.alerting.alertmanager import AlertmanagerSink, alerts_body


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as one:
        yield one


def test_alertmanager_is_asked_by_its_second_api_only(monkeypatch: pytest.MonkeyPatch, receiver: Receiver) -> None:
    connect(monkeypatch, "am", host=f"http://127.0.0.1:{receiver.port}/prefix", password=SECRET)
    for level in Level:
        AlertmanagerSink("am").send(an_alert(level))
    assert {path for path, _, _ in receiver.requests} == {"/prefix/api/v2/alerts"}
    assert {headers["Authorization"] for _, headers, _ in receiver.requests} == {f"Bearer {SECRET}"}


def test_firing_says_itself_when_it_ends() -> None:
    ends = {}
    for level, hours in ((Level.YELLOW, 5), (Level.RED, 5), (Level.CRITICAL, 4 + 7 * 24)):
        [body] = alerts_body(an_alert(level, minute=3))
        assert body["startsAt"] == "2030-01-01T00:03:00+00:00"
        ends[level] = (hours, body["endsAt"])
    assert ends == {
        Level.YELLOW: (5, "2030-01-01T05:00:00+00:00"),
        Level.RED: (5, "2030-01-01T05:00:00+00:00"),
        Level.CRITICAL: (172, "2030-01-08T04:00:00+00:00"),
    }


def test_one_raised_long_after_the_deadline_does_not_end_before_it_starts() -> None:
    late = an_alert(Level.RED, minute=24 * 60)
    [body] = alerts_body(late)
    assert body["endsAt"] > body["startsAt"]


def test_ok_ends_each_level_under_the_labels_that_fired() -> None:
    ok = alerts_body(an_alert(Level.OK, minute=9))
    fired = [alerts_body(an_alert(level))[0]["labels"] for level in (Level.YELLOW, Level.RED, Level.CRITICAL)]
    assert [item["labels"] for item in ok] == fired
    assert {item["endsAt"] for item in ok} == {START.replace(minute=9).isoformat()}
