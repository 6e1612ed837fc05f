"""What holds now is a fold of the control object, the signal and the stream."""

from __future__ import annotations

import pytest

from llmbatch.cluster.driver.orders import JobOrders, Order, fold
from llmbatch.cluster.exchange.replica_report import Orders
from llmbatch.core.control import Control
from llmbatch.core.states import DesiredState

RUN, DRAIN, CANCEL = DesiredState.RUN, DesiredState.DRAIN, DesiredState.CANCEL


@pytest.mark.parametrize(
    ("control", "signal", "stream", "job", "replicas"),
    [
        (RUN, RUN, RUN, RUN, RUN),
        (DRAIN, RUN, RUN, DRAIN, DRAIN),
        (RUN, DRAIN, RUN, DRAIN, DRAIN),
        (CANCEL, DRAIN, RUN, CANCEL, CANCEL),
        (DRAIN, CANCEL, RUN, CANCEL, CANCEL),
        (RUN, RUN, DRAIN, RUN, DRAIN),
        (CANCEL, RUN, DRAIN, CANCEL, CANCEL),
    ],
)
def test_the_strongest_order_holds_and_a_stream_binds_replicas_only(control, signal, stream, job, replicas) -> None:
    found = fold(Control(desired=control), 1, Order(signal), stream)
    assert (found.job.desired, found.replicas.desired) == (job, replicas)


@pytest.mark.parametrize(
    ("control", "signal", "reason"),
    [
        ((RUN, "a note"), (RUN, ""), ""),
        ((DRAIN, "night shift"), (RUN, ""), "night shift"),
        ((RUN, "a note"), (DRAIN, "SIGTERM"), "SIGTERM"),
        ((DRAIN, "night shift"), (DRAIN, "SIGTERM"), "night shift"),
        ((DRAIN, ""), (DRAIN, "SIGTERM"), "SIGTERM"),
        ((CANCEL, "wrong model"), (DRAIN, "SIGTERM"), "wrong model"),
        ((CANCEL, ""), (DRAIN, "SIGTERM"), ""),
    ],
)
def test_the_reason_is_that_of_the_order_that_holds(control, signal, reason) -> None:
    found = fold(Control(desired=control[0], reason=control[1]), 1, Order(*signal), RUN)
    assert found.job.reason == reason


def test_a_control_object_for_an_earlier_generation_orders_nothing() -> None:
    control = Control(desired=DRAIN, reason="night shift", generation=1, max_tokens=7)
    assert fold(control, 1, Order(), RUN).job == Order(DRAIN, "night shift")
    later = fold(control, 2, Order(), RUN)
    assert (later.job, later.replicas) == (Order(), Orders(RUN, max_tokens=7))


@pytest.mark.parametrize(
    ("control", "signal", "stream", "replicas", "cancels"),
    [
        (CANCEL, RUN, RUN, RUN, True),
        (CANCEL, DRAIN, RUN, DRAIN, True),
        (CANCEL, RUN, DRAIN, DRAIN, True),
        (DRAIN, RUN, RUN, DRAIN, False),
        (RUN, DRAIN, RUN, DRAIN, False),
    ],
)
def test_a_cancel_of_a_job_that_delivers_lets_replicas_keep_what_has_ended(
    control, signal, stream, replicas, cancels
) -> None:
    orders = JobOrders(1, delivers=True)
    orders.control = Control(desired=control, reason="changed plans")
    orders.demand(signal, "SIGTERM")
    orders.hold(stream)
    assert (orders.now.replicas.desired, orders.now.replicas.cancels, orders.cancels) == (replicas, cancels, cancels)
    if cancels:
        assert orders.now.job == Order(CANCEL, "changed plans")
        assert orders.now.job.because == ": changed plans"


def test_a_withdrawn_order_leaves_no_trace() -> None:
    orders = JobOrders(1)
    orders.control = Control(desired=DRAIN, reason="night shift")
    orders.hold(DRAIN)
    assert orders.now.job == Order(DRAIN, "night shift")
    orders.control = Control()
    orders.hold(RUN)
    assert (orders.now.job, orders.now.replicas) == (Order(), Orders())


def test_a_demand_of_the_process_is_never_weakened() -> None:
    orders = JobOrders(1)
    orders.demand(DRAIN, "SIGTERM")
    orders.demand(DRAIN, "SIGTERM again")
    orders.demand(RUN, "no")
    assert orders.now.job == Order(DRAIN, "SIGTERM")
    orders.demand(CANCEL, "out of time")
    assert orders.now.job == Order(CANCEL, "out of time")


def test_replicas_get_the_seconds_until_rows_expire() -> None:
    left = [30.0]
    orders = JobOrders(1, lambda: left[0])
    assert orders.now.replicas == Orders(RUN, expires_in=30.0)
    left[0] = -1.0
    assert orders.now.replicas.expires_in == -1.0
