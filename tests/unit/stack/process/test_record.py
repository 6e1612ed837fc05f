"""Process records: whole or absent."""

from pathlib import Path

import pytest

from llmbatch_stack.process import record
from llmbatch_stack.process.record import ComponentPhase, Record


def test_round_trip(tmp_path: Path):
    written = Record("ray", ComponentPhase.READY, pid=7, start_ticks=9, started_at=1.5, restarts=2, detail="x")
    record.write(tmp_path / "run", written)
    assert record.read(tmp_path / "run", "ray") == written
    assert record.read_all(tmp_path / "run") == {"ray": written}


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"component": "ray", "phase": "asleep"}', '{"phase": "ready", "x": 1}']
)
def test_unreadable_record_counts_as_none(tmp_path: Path, text: str):
    (tmp_path / "ray.json").write_text(text)
    assert record.read(tmp_path, "ray") is None
    assert record.read_all(tmp_path) == {}


def test_record_without_process_is_not_alive():
    assert not Record("ray", ComponentPhase.WAITING).is_alive()


def test_clear_removes_everything_and_does_not_mind_an_absent_folder(tmp_path: Path):
    record.write(tmp_path, Record("ray", ComponentPhase.READY))
    record.clear(tmp_path)
    assert not list(tmp_path.iterdir())
    record.clear(tmp_path / "absent")
