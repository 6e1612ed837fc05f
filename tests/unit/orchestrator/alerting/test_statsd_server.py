from __future__ import annotations

import socket

import pytest

from fakes.alerts import an_alert
from llmbatch.core.alerts import Level
from llmbatch.core.errors import SinkError
from llmbatch.orchestrator.alerting.statsd_server import StatsdSink


def test_statsd_counts_levels_and_names_no_job() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(60)
        StatsdSink("127.0.0.1", server.getsockname()[1], "batch").send(an_alert(Level.RED))
        lines = server.recv(4096).decode().splitlines()
    assert lines == [
        *("batch.sla.alert.red:1|c", "batch.sla.miss_probability:0.8|g"),
        *("batch.sla.eta_p50_hours:5.0|g", "batch.sla.eta_p90_hours:9.0|g"),
        *("batch.sla.margin_hours:0|g", "batch.sla.margin_hours:-1.0|g"),
    ]


def test_statsd_sends_no_number_that_is_unknown() -> None:
    unknown = an_alert(Level.RED).model_copy(update={"eta": None, "miss_probability": None})
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(60)
        StatsdSink("127.0.0.1", server.getsockname()[1], "x").send(unknown)
        assert server.recv(4096) == b"x.sla.alert.red:1|c"


def test_statsd_says_that_its_host_cannot_be_found() -> None:
    with pytest.raises(SinkError, match=r"'no such host' cannot be found .*alerts.statsd"):
        StatsdSink("no such host", 1, "x").send(an_alert(Level.RED))
