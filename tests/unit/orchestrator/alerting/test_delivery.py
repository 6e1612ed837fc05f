from __future__ import annotations

import contextvars
import logging
import threading
import time
from collections.abc import Callable

import pytest

from fakes.alerts import LAYOUT, AtomicStore, FakeSink, an_alert
from llmbatch.core.alerts import Level
from llmbatch.core.clock import ManualClock, SystemClock
from llmbatch.core.errors import ObjectMissing, SinkError, SinkRejected, StoreError
from llmbatch.core.layout import JobLayout
from llmbatch.core.store import MemoryStore, ObjectInfo
from llmbatch.orchestrator.alerting import delivery
from llmbatch.orchestrator.alerting.delivery import deliver
from llmbatch.orchestrator.alerting.job_alerts import raise_alert
from llmbatch.orchestrator.alerting.sink_slots import SinkSlots
from llmbatch.orchestrator.alerting.turns import MOST_TRIES, take_turn

LOG = logging.getLogger("test.alerts")
YELLOW, RED, OK = an_alert(Level.YELLOW), an_alert(Level.RED, minute=1), an_alert(Level.OK, minute=2)


def refuse(error: Exception) -> Callable[[], None]:
    def fault() -> None:
        raise error

    return fault


def down(tries: int) -> dict[int, Callable[[], None]]:
    return dict.fromkeys(range(tries), refuse(SinkError("port closed")))


@pytest.fixture
def store() -> MemoryStore:
    return AtomicStore()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


def names(store: MemoryStore, folder: str) -> list[str]:
    prefix = f"{LAYOUT.alerts}{folder}/"
    return [item.uri.removeprefix(prefix) for item in store.list(prefix)]


def test_every_alert_reaches_every_sink_once_and_in_order(store: MemoryStore, clock: ManualClock) -> None:
    for alert in (RED, OK, YELLOW):
        raise_alert(alert, store, LAYOUT)
    first, second = FakeSink("a"), FakeSink("b")
    for _ in range(3):
        deliver(store, LAYOUT, [first, second], LOG, clock)
        clock.advance(120)
    assert first.got == second.got == ["job-1:yellow-1", "job-1:red-1", "job-1:ok-1"]
    assert names(store, "delivered") == [
        *("ok-1.a", "ok-1.b", "red-1.a", "red-1.b"),
        *("yellow-1.a", "yellow-1.b"),
    ]


def test_a_broken_sink_stops_no_other_and_gets_its_alert_later_and_once(
    store: MemoryStore, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    raise_alert(RED, store, LAYOUT)
    broken, good = FakeSink("broken", {0: refuse(RuntimeError("a bug"))}), FakeSink("good")
    deliver(store, LAYOUT, [broken, good], LOG, clock)
    assert (broken.got, good.got) == ([], ["job-1:red-1"])
    assert "job_id=job-1 alert=job-1:red-1 sink=broken try=1/60 again_in=5s: a bug" in caplog.text
    deliver(store, LAYOUT, [broken, good], LOG, clock)
    assert broken.calls == 1, "tried again before the pause was over"
    clock.advance(5)
    for _ in range(2):
        deliver(store, LAYOUT, [FakeSink("good"), broken], LOG, clock)
        clock.advance(120)
    assert (broken.calls, broken.got, good.calls) == (2, ["job-1:red-1"], 1)


def test_an_alert_that_waits_holds_back_later_ones(store: MemoryStore, clock: ManualClock) -> None:
    raise_alert(RED, store, LAYOUT)
    sink = FakeSink("a", down(1))
    deliver(store, LAYOUT, [sink], LOG, clock)
    raise_alert(OK, store, LAYOUT)
    deliver(store, LAYOUT, [sink], LOG, clock)
    assert sink.got == []
    clock.advance(5)
    deliver(store, LAYOUT, [sink], LOG, clock)
    assert sink.got == ["job-1:red-1", "job-1:ok-1"]


def test_what_a_sink_will_never_take_is_given_up_at_once(
    store: MemoryStore, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    raise_alert(RED, store, LAYOUT)
    raise_alert(OK, store, LAYOUT)
    sink = FakeSink("a", {0: refuse(SinkRejected("bad label"))})
    deliver(store, LAYOUT, [sink], LOG, clock)
    clock.advance(120)
    deliver(store, LAYOUT, [sink], LOG, clock)
    assert (sink.calls, sink.got) == (2, ["job-1:ok-1"])
    assert names(store, "undelivered") == ["red-1.a"]
    assert "event=alert_given_up job_id=job-1 alert=job-1:red-1 sink=a" in caplog.text


def test_tries_are_bounded_and_their_pauses_grow(store: MemoryStore, clock: ManualClock) -> None:
    raise_alert(RED, store, LAYOUT)
    sink = FakeSink("a", down(1000))
    at = []
    for second in range(3 * 3600):
        before = sink.calls
        deliver(store, LAYOUT, [sink], LOG, clock)
        at += [second] * (sink.calls - before)
        clock.advance(1)
        if names(store, "undelivered"):
            break
    assert at[:7] == [0, 5, 15, 35, 75, 135, 195]
    assert len(at) == MOST_TRIES
    assert names(store, "undelivered") == ["red-1.a"]


def test_a_crash_between_send_and_mark_repeats_one_message_after_a_minute(
    store: MemoryStore, clock: ManualClock
) -> None:
    raise_alert(RED, store, LAYOUT)
    assert take_turn(store, f"{LAYOUT.alerts}sending/red-1.a", clock.now()) is not None  # and then the process died
    sink = FakeSink("a")
    deliver(store, LAYOUT, [sink], LOG, clock)
    assert sink.got == []
    clock.advance(60)
    deliver(store, LAYOUT, [sink], LOG, clock)
    assert sink.got == ["job-1:red-1"]


def test_of_many_processes_one_sends(store: MemoryStore) -> None:
    raise_alert(RED, store, LAYOUT)
    sinks = [FakeSink("a") for _ in range(8)]
    looked, head = threading.Barrier(len(sinks)), store.head

    def all_look_before_one_writes(uri: str) -> ObjectInfo:
        try:
            return head(uri)
        except ObjectMissing:
            looked.wait(60)
            raise

    store.head = all_look_before_one_writes  # type: ignore[method-assign]
    threads = [
        threading.Thread(
            target=deliver, args=(store, LAYOUT, [sink], LOG, SystemClock()), kwargs={"slots": SinkSlots()}
        )
        for sink in sinks
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(sink.calls for sink in sinks) == 1


def test_a_sink_that_hangs_is_not_waited_for_and_marks_its_alert_in_the_end(
    store: MemoryStore, caplog: pytest.LogCaptureFixture
) -> None:
    raise_alert(RED, store, LAYOUT)
    go_on, marked = threading.Event(), threading.Event()
    heard = threading.Event()
    slow, good = FakeSink("slow", {0: lambda: bool(go_on.wait(60)) and None}), FakeSink("good", {0: heard.set})
    create = store.create

    def seen(uri: str, body: bytes) -> object:
        info = create(uri, body)
        if uri.endswith("delivered/red-1.slow"):
            marked.set()
        return info

    store.create = seen  # type: ignore[method-assign, assignment]
    deliver(store, LAYOUT, [slow, good], LOG, SystemClock(), wait_seconds=0.2)
    assert slow.got == [], "waited for the sink that hangs"
    assert heard.wait(60)
    assert "event=sink_slow job_id=job-1 sink=slow limit_s=0.2" in caplog.text
    deliver(store, LAYOUT, [slow, good], LOG, SystemClock(), wait_seconds=0.2)
    assert slow.calls == 1, "sent a second time while the first is under way"
    go_on.set()
    assert marked.wait(60)
    assert (slow.got, good.got) == (["job-1:red-1"], ["job-1:red-1"])


def held() -> int:
    """Threads in the sink ``hung``."""
    return sum(thread.name == "sink-hung" for thread in threading.enumerate())


def test_a_sink_that_hangs_holds_one_thread_however_many_jobs_call_it(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(delivery, "SLOT_SECONDS", 0.01)
    go_on, slots = threading.Event(), SinkSlots()
    clock = ManualClock()
    hung = FakeSink("hung", dict.fromkeys(range(100), lambda: bool(go_on.wait(60)) and None))
    layouts = [JobLayout(f"s3://b/jobs/job-{number}") for number in range(3)]
    for layout in layouts:
        raise_alert(RED, store, layout)
    for _ in range(3):
        for layout in layouts:
            deliver(store, layout, [hung], LOG, clock, wait_seconds=0, slots=slots)
        clock.advance(61)
    give_up = time.monotonic() + 60
    while held() > 1 and time.monotonic() < give_up:
        time.sleep(0.01)
    assert (held(), hung.calls) == (1, 1)
    assert "event=sink_busy job_id=job-1 sink=hung" in caplog.text
    go_on.set()


def test_a_call_that_waited_for_a_sink_sends_only_what_is_still_open(store: MemoryStore, clock: ManualClock) -> None:
    raise_alert(RED, store, LAYOUT)
    waits = threading.Event()

    class Slots(SinkSlots):
        def take(self, name: str, wait_seconds: float) -> bool:
            if wait_seconds:
                waits.set()
            return super().take(name, wait_seconds)

    slots, sink = Slots(), FakeSink("a")
    assert slots.take("a", 0)
    waiting = threading.Thread(target=deliver, args=(store, LAYOUT, [sink], LOG, clock), kwargs={"slots": slots})
    waiting.start()
    assert waits.wait(60)
    store.put(f"{LAYOUT.alerts}delivered/red-1.a", b"")
    slots.free("a")
    waiting.join(60)
    assert sink.calls == 0


def test_a_store_that_fails_in_between_raises_nothing(
    store: MemoryStore, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    raise_alert(RED, store, LAYOUT)
    sink = FakeSink("a")

    def unwilling(uri: str, body: bytes) -> None:
        raise StoreError("503 slow down")

    store.create = unwilling  # type: ignore[method-assign, assignment]
    deliver(store, LAYOUT, [sink], LOG, clock)
    assert "sink=a error=503 slow down" in caplog.text
    assert sink.calls == 0


def test_sinks_log_in_the_context_of_the_caller(store: MemoryStore, clock: ManualClock) -> None:
    trigger = contextvars.ContextVar("trigger", default="none")
    trigger.set("mine")
    raise_alert(RED, store, LAYOUT)
    seen: list[str] = []
    deliver(store, LAYOUT, [FakeSink("a", {0: lambda: seen.append(trigger.get())})], LOG, clock)
    assert seen == ["mine"]


def test_without_anything_open_only_the_list_is_read(store: MemoryStore, clock: ManualClock) -> None:
    raise_alert(RED, store, LAYOUT)
    sink = FakeSink("a")
    deliver(store, LAYOUT, [sink], LOG, clock)
    listed = tuple(store.list(LAYOUT.alerts))
    store.list = lambda prefix: iter(listed)  # type: ignore[method-assign]
    store.objects.clear()  # whoever reads one now fails
    deliver(store, LAYOUT, [sink], LOG, clock)
    assert sink.calls == 1


def test_an_unreadable_alert_delays_no_other(store: MemoryStore, clock: ManualClock) -> None:
    for alert in (YELLOW, RED):
        raise_alert(alert, store, LAYOUT)
    store.put(LAYOUT.alert("yellow", 1), b"cut o")
    sink = FakeSink("a")
    deliver(store, LAYOUT, [sink], LOG, clock)
    assert sink.got == ["job-1:red-1"]


def test_an_unreadable_record_of_attempts_is_begun_anew(store: MemoryStore, clock: ManualClock) -> None:
    raise_alert(YELLOW, store, LAYOUT)
    store.put(f"{LAYOUT.alerts}sending/yellow-1.a", b"cut o")
    sink = FakeSink("a")
    deliver(store, LAYOUT, [sink], LOG, clock)
    assert sink.got == ["job-1:yellow-1"]
