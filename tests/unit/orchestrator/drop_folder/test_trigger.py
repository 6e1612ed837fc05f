"""The triggerer looks at the inboxes, and no failure ends that."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from fakes.inboxes import INBOX, config
from llmbatch.core.config import Config
from llmbatch.core.errors import ConfigError, StoreError
from llmbatch.core.store import MemoryStore
from llmbatch.orchestrator.drop_folder import trigger as inbox_trigger
from llmbatch.orchestrator.drop_folder.trigger import InboxTrigger


class Scene:
    """Settings and a store that change from look to look; the last look is repeated."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, looks: list[Config | Exception]) -> None:
        self.store, self.looks, self.opened = MemoryStore(), looks, 0
        self.pauses: list[float] = []
        monkeypatch.setattr(inbox_trigger, "load_settings", self.settings)
        monkeypatch.setattr(inbox_trigger, "open_store", self.open)
        monkeypatch.setattr(inbox_trigger.asyncio, "sleep", self.sleep)

    def settings(self) -> Config:
        look = self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]
        if isinstance(look, Exception):
            raise look
        return look

    def open(self, conn_id: str) -> MemoryStore:
        self.opened += 1
        return self.store

    async def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        if len(self.pauses) > 5:
            raise asyncio.CancelledError

    def events(self) -> int:
        async def listen() -> int:
            found = 0
            try:
                async for _ in InboxTrigger().run():
                    found += 1
            except asyncio.CancelledError:
                pass
            return found

        return asyncio.run(listen())


def test_an_object_is_one_event(monkeypatch: pytest.MonkeyPatch):
    scene = Scene(monkeypatch, [config(poll_seconds=7)])
    scene.store.put(f"{INBOX}/a.jsonl", b"1")
    assert scene.events() == 1
    assert scene.opened == 1
    assert set(scene.pauses) == {7}


@pytest.mark.parametrize("error", [ConfigError("config.yaml:3: bad"), StoreError("down"), RuntimeError("x")])
def test_it_survives_every_failure_and_logs_it_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: Exception
):
    scene = Scene(monkeypatch, [error, error, config()])
    scene.store.put(f"{INBOX}/a.jsonl", b"1")
    assert scene.events() == 1
    assert capsys.readouterr().out.count("event=inbox_unreadable") == 1


def test_without_an_inbox_it_looks_now_and_then_and_opens_nothing(monkeypatch: pytest.MonkeyPatch):
    scene = Scene(monkeypatch, [config(inbox=[])])
    assert scene.events() == 0
    assert scene.opened == 0
    assert set(scene.pauses) == {20}


def test_it_is_stored_without_arguments():
    path, arguments = InboxTrigger().serialize()
    assert (path.rpartition(".")[2], arguments) == ("InboxTrigger", {})
    assert Path(inbox_trigger.__file__).stem == path.split(".")[-2]
