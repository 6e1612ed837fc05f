"""How often a key may be used."""

from __future__ import annotations

import logging

import pytest
from limits.errors import StorageError

from llmbatch.gateway.access.rate_limit import RateLimit
from llmbatch.gateway.wire.failures import Failure


def test_each_key_has_its_own_count() -> None:
    limit = RateLimit("memory://")
    for _ in range(3):
        limit.count("a", 3)
    with pytest.raises(Failure, match="3 requests a minute") as caught:
        limit.count("a", 3)
    assert (caught.value.status, caught.value.type) == (429, "rate_limit_error")
    assert 1 <= int(caught.value.headers["Retry-After"]) <= 60
    limit.count("b", 3)


def test_a_storage_that_fails_lets_requests_pass(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    limit = RateLimit("memory://")

    def hit(*_: object) -> bool:
        raise StorageError(ConnectionError("redis://:password@host"))

    monkeypatch.setattr(limit._limiter, "hit", hit)
    with caplog.at_level(logging.WARNING):
        limit.count("a", 1)
    assert "event=rate_storage_failed error=ConnectionError" in caplog.text
    assert "password" not in caplog.text
