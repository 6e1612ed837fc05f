"""The scan as a task: its settings, its result, and the asset that wakes it."""

from __future__ import annotations

from pathlib import Path

import pytest
from airflow.sdk.exceptions import AirflowFailException

from fakes.inboxes import MemoryRuns
from llmbatch.core.config import CONFIG_ENV
from llmbatch.core.errors import StoreError
from llmbatch.core.store import MemoryStore
from llmbatch.orchestrator.deployment import store as deployment_store
from llmbatch.orchestrator.drop_folder import runs
from llmbatch.orchestrator.drop_folder.trigger import InboxTrigger
from llmbatch.orchestrator.tasks import drop_folder

ROOT = Path(__file__).parents[4]


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> MemoryStore:
    store = MemoryStore()
    monkeypatch.setattr(deployment_store, "open_store", lambda conn_id: store)
    monkeypatch.setattr(runs, "AirflowRuns", lambda: MemoryRuns(store))
    monkeypatch.setenv(CONFIG_ENV, str(ROOT / "config" / "config.yaml"))
    return store


def test_the_shipped_configuration_has_an_inbox(store: MemoryStore, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    store.put("s3://llmbatch/inbox/a.jsonl", b'{"prompt": "hi"}\n')
    found = drop_folder.scan()
    assert found == {"started": 1, "running": 1, "waiting": 0, "errors": 0, "done": 0, "failed": 0, "refused": 0}
    assert "event=inboxes_scanned started=1 running=1" in caplog.text


def test_a_store_that_is_down_is_retried(store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def down(prefix: str) -> None:
        raise StoreError("down")

    monkeypatch.setattr(store, "list", down)
    with pytest.raises(StoreError):
        drop_folder.scan()


def test_a_bad_configuration_is_final(store: MemoryStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("default_model: a\nmodels: {a: {uri: x}}\ndrop: {inbox: [{uri: s3://llmbatch/llmbatch/in}]}\n")
    monkeypatch.setenv(CONFIG_ENV, str(path))
    with pytest.raises(AirflowFailException, match=r"drop\.inbox: .* overlaps store\.base_uri"):
        drop_folder.scan()


def test_the_asset_is_watched_by_the_trigger() -> None:
    [watcher] = drop_folder.INBOXES.watchers
    assert isinstance(watcher.trigger, InboxTrigger)
