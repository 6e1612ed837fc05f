"""Adopted settings from the command line."""

from __future__ import annotations

import json

import pytest

from fakes.tuned import BASE, BENCHMARK, tuned
from llmbatch.cli import tuned as command
from llmbatch.cli.tuned import main
from llmbatch.core.layout import tuned_uri
from llmbatch.core.store import MemoryStore


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> MemoryStore:
    store = MemoryStore()
    monkeypatch.setattr(command, "open_environment_store", lambda: store)
    store.put(tuned_uri(BASE, "small"), tuned(batch_size=64).model_dump_json().encode())
    return store


def test_they_are_shown_and_removed_on_request(store: MemoryStore, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([BASE, "small"]) == 0
    assert json.loads(capsys.readouterr().out)["benchmark_id"] == BENCHMARK
    assert store.objects
    assert main([f"{BASE}/", "small", "--remove"]) == 0
    assert "removed s3://llmbatch/llmbatch/models/small/tuned.json" in capsys.readouterr().out
    assert not store.objects
    assert main([BASE, "small"]) == 1
    assert "small: s3://llmbatch/llmbatch/models/small/tuned.json does not exist" in capsys.readouterr().err
