"""Paths of Airflow's API."""

from __future__ import annotations

import pytest

from llmbatch.gateway.airflow.paths import dag_path, run_path, segment
from llmbatch.gateway.wire.failures import Failure


def test_paths() -> None:
    assert run_path("d", "manual__2030-01-01T00:00:00+00:00") == (
        "/api/v2/dags/d/dagRuns/manual__2030-01-01T00:00:00+00:00"
    )
    assert dag_path("d") == "/api/v2/dags/d"


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a%2Fb", "a?b", "a#b", "é", "a\nb", "a\n", "x" * 251])
def test_a_name_stays_one_segment(name: str) -> None:
    with pytest.raises(Failure) as caught:
        segment(name)
    assert caught.value.status == 404
