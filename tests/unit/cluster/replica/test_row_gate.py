"""When a row may begin."""

from __future__ import annotations

from datetime import timedelta

import pytest

from llmbatch.cluster.replica.row_gate import RowGate
from llmbatch.core.clock import ManualClock
from llmbatch.core.states import RowState


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


def state(gate: RowGate, make) -> RowState | None:
    result = gate.refusal(make.chat(1, "x"))
    return None if result is None else RowState(result.state)


def test_without_a_deadline_the_gate_stays_open(clock: ManualClock, make) -> None:
    gate = RowGate(clock, None, 5)
    gate.expire_in(-1)
    clock.advance(1e6)
    assert state(gate, make) is None
    assert not gate.is_over


def test_rows_expire_once_the_seconds_have_passed(clock: ManualClock, make) -> None:
    gate = RowGate(clock, clock.now() + timedelta(seconds=10), 5)
    assert state(gate, make) is None
    gate.expire_in(10)
    clock.advance(9)
    assert state(gate, make) is None
    clock.advance(1)
    assert state(gate, make) is RowState.EXPIRED


def test_a_cancel_closes_it_at_once_and_is_over_after_the_grace_time(clock: ManualClock, make) -> None:
    gate = RowGate(clock, clock.now() + timedelta(seconds=1), 5)
    gate.expire_in(1)
    gate.cancel(is_cancelled=True)
    assert state(gate, make) is RowState.CANCELLED
    clock.advance(4)
    gate.cancel(is_cancelled=True)  # repeated with every report
    assert state(gate, make) is RowState.CANCELLED  # the deadline has passed too
    assert not gate.is_over
    clock.advance(1)
    assert gate.is_over


def test_a_cancel_that_is_withdrawn_leaves_no_trace(clock: ManualClock, make) -> None:
    gate = RowGate(clock, None, 5)
    gate.cancel(is_cancelled=True)
    clock.advance(6)
    gate.cancel(is_cancelled=False)
    assert state(gate, make) is None
    gate.cancel(is_cancelled=True)
    assert not gate.is_over
