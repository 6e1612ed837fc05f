"""API keys in a store."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta

import pytest

from fakes.gateway import BASE, FakeTokens
from llmbatch.core.clock import ManualClock
from llmbatch.core.errors import StoreError
from llmbatch.core.gateway_settings import GatewayConfig
from llmbatch.core.store import MemoryStore
from llmbatch.gateway.access.key_document import new_secret, text_of
from llmbatch.gateway.access.keys import KNOWN_SECONDS, ApiKeys
from llmbatch.gateway.wire.failures import Failure


class Kept:
    """Two processes with one store and one clock, and a key that one of them made."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.store = MemoryStore(self.clock)
        self.here, self.there = self.process(), self.process()
        made = self.here.make("user-ann", "ann", "nightly", timedelta(days=1), None)
        self.document, self.text = asyncio.run(made)
        self.uri = f"{BASE}/gateway/keys/{self.document.key_id}.json"

    def process(self) -> ApiKeys:
        return ApiKeys(self.store, BASE, GatewayConfig(requests_per_minute=20), self.clock, FakeTokens())

    def used(self, text: str | None = None, keys: ApiKeys | None = None) -> str:
        return asyncio.run((keys or self.here).use(text or self.text)).token

    def refused(self, text: str | None = None, keys: ApiKeys | None = None) -> Failure:
        with pytest.raises(Failure) as caught:
            self.used(text, keys)
        return caught.value


@pytest.fixture
def kept() -> Kept:
    return Kept()


def test_a_key_acts_as_its_maker_in_every_process(kept: Kept) -> None:
    assert [kept.used(), kept.used(keys=kept.there)] == ["user-ann", "user-ann"]


def test_the_store_has_only_a_digest(kept: Kept) -> None:
    stored = kept.store.objects[kept.uri].decode()
    assert kept.text not in stored
    assert kept.text.removeprefix(text_of(kept.document.key_id, "")) not in stored


def test_a_wrong_secret_and_an_unknown_key(kept: Kept) -> None:
    wrong, unknown = text_of(kept.document.key_id, new_secret()), text_of("0" * 16, new_secret())
    for text in (wrong, unknown, "llmb_x"):
        failure = kept.refused(text)
        assert (failure.status, failure.code) == (401, "invalid_api_key")
        assert text not in failure.message
    kept.used()
    assert kept.refused(wrong).status == 401, "a remembered key was used with another secret"


def test_a_revoked_key_ends_here_at_once_and_there_within_seconds(kept: Kept) -> None:
    kept.used()
    kept.used(keys=kept.there)
    kept.here.revoke(kept.document.key_id)
    assert kept.refused().status == 401
    kept.clock.advance(KNOWN_SECONDS)
    assert kept.refused(keys=kept.there).status == 401


def test_a_key_expires_although_it_is_remembered(kept: Kept) -> None:
    kept.clock.advance(86_400 - 1)
    kept.used()
    kept.clock.advance(1)
    assert "expired at 2030-01-02 00:00 UTC" in kept.refused().message


def test_a_key_is_read_once_in_some_seconds(kept: Kept) -> None:
    kept.used()
    del kept.store.objects[kept.uri]
    kept.used()


def test_too_many_requests(kept: Kept) -> None:
    for _ in range(20):
        kept.used()
    failure = kept.refused()
    assert (failure.status, 1 <= int(failure.headers["Retry-After"]) <= 60) == (429, True)


def test_a_wrong_secret_does_not_count(kept: Kept) -> None:
    for _ in range(30):
        kept.refused(text_of(kept.document.key_id, new_secret()))
    kept.used()


def test_a_document_that_was_damaged_or_copied_is_no_key(kept: Kept, caplog: pytest.LogCaptureFixture) -> None:
    other = "f" * 16
    kept.store.put(kept.uri.replace(kept.document.key_id, other), kept.store.objects[kept.uri])
    assert kept.refused(kept.text.replace(kept.document.key_id, other)).status == 401
    kept.store.put(kept.uri, b"{}")
    with caplog.at_level(logging.WARNING):
        assert kept.refused().status == 401
    assert "event=object_unreadable" in caplog.text
    assert kept.here.get(kept.document.key_id) is None


def test_a_store_that_fails_is_no_refusal(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    def get(_: str) -> bytes:
        raise StoreError("down")

    monkeypatch.setattr(kept.store, "get", get)
    with pytest.raises(StoreError):
        kept.used()


def test_a_user_that_airflow_no_longer_has(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    def signed_for(*_: object) -> str:
        raise ValueError("gone")

    monkeypatch.setattr(FakeTokens, "signed_for", signed_for)
    assert kept.refused().status == 401


def test_a_token_that_airflow_refuses_makes_no_key(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    async def user_in(*_: object) -> dict[str, str]:
        raise ValueError("forged")

    monkeypatch.setattr(FakeTokens, "user_in", user_in)
    with pytest.raises(Failure, match="Airflow does not accept") as caught:
        asyncio.run(kept.here.make("t", "ann", "n", timedelta(days=1), None))
    assert caught.value.status == 401


def test_all_and_get(kept: Kept) -> None:
    kept.store.put(f"{BASE}/gateway/keys/", b"")  # a console's folder
    assert list(kept.there.all()) == [kept.document]
    assert kept.there.get(kept.document.key_id) == kept.document
    assert [kept.there.get(key_id) for key_id in ("0" * 16, "../x", "")] == [None] * 3


def test_no_secret_in_a_log_or_a_repr(kept: Kept, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        kept.used()
        kept.refused(text_of(kept.document.key_id, new_secret()))
    assert kept.text not in caplog.text
    assert "user-ann" not in repr(asyncio.run(kept.here.use(kept.text)))
