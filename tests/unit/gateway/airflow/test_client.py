"""Runs of Airflow as the gateway reads them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from llmbatch.gateway.airflow.client import DagRun


@pytest.mark.parametrize(
    ("state", "over"), [("queued", False), ("running", False), ("success", True), ("failed", True)]
)
def test_a_run_is_over_in_two_states(state: str, over: bool) -> None:
    run = DagRun(dag_id="d", dag_run_id="r", state=state, run_after=datetime(2030, 1, 1, tzinfo=UTC))
    assert run.is_over is over
