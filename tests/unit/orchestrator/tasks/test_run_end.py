from __future__ import annotations

import pytest
from airflow.sdk._shared.module_loading import import_string

from fakes.triggers import event_of
from llmbatch.orchestrator.tasks import run_end
from llmbatch.orchestrator.tasks.run_end import RunEnd


@pytest.mark.parametrize("end", ["success", "failed", "missing"])
def test_it_reads_until_the_run_has_ended(monkeypatch: pytest.MonkeyPatch, end: str) -> None:
    reads: list[tuple[str, str]] = []

    def state(dag_id: str, run_id: str) -> str | None:
        reads.append((dag_id, run_id))
        return end if len(reads) == 3 else None

    monkeypatch.setattr(run_end, "dag_run_end", state)
    assert event_of(RunEnd(dag_id="d", run_id="r", poll_seconds=0)) == {"state": end}
    assert reads == [("d", "r")] * 3


def test_it_is_restored_from_what_airflow_stores() -> None:
    path, arguments = RunEnd(dag_id="d", run_id="r", poll_seconds=7).serialize()
    assert arguments == {"dag_id": "d", "run_id": "r", "poll_seconds": 7}
    assert import_string(path)(**arguments).serialize() == (path, arguments)
