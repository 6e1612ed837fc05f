"""From credentials to a caller."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from fakes.gateway import BASE, FakeAirflow, FakeTokens
from llmbatch.core.clock import ManualClock
from llmbatch.core.gateway_settings import GatewayConfig
from llmbatch.core.store import MemoryStore
from llmbatch.gateway.access.access import Access
from llmbatch.gateway.access.caller import Caller
from llmbatch.gateway.access.keys import ApiKeys
from llmbatch.gateway.wire.failures import Failure, unavailable

CLOCK = ManualClock()
KEYS = ApiKeys(MemoryStore(CLOCK), BASE, GatewayConfig(), CLOCK, FakeTokens())
ACCESS = Access(FakeAirflow(CLOCK), ("root",), KEYS, CLOCK)


def caller(authorization: str | None = None, cookie: str | None = None) -> Caller:
    return asyncio.run(ACCESS.caller(authorization, cookie))


def key_of(user: str, token: str) -> str:
    return asyncio.run(KEYS.make(token, user, "n", timedelta(days=1), None))[1]


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER "])
def test_a_token_in_the_header(scheme: str) -> None:
    found = caller(f"{scheme} user-ann")
    assert (found.user, found.authorization, found.key_id) == ("ann", "Bearer user-ann", None)


def test_a_cookie_counts_only_without_a_header() -> None:
    assert caller(cookie="user-ann").user == "ann"
    assert caller("Bearer user-bob", "user-ann").user == "bob"
    for header in ("", "Basic eDp5"):
        with pytest.raises(Failure, match="Authorization is not"):
            caller(header, "user-ann")


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic eDp5", "Bearer a b", "Bearer \xe9", "Bearer a\x00",
                                    "Bearer " + "a" * 8193, "user-ann"])  # fmt: skip
def test_other_headers_are_refused(header: str) -> None:
    with pytest.raises(Failure) as caught:
        caller(header)
    assert (caught.value.status, caught.value.code) == (401, "invalid_api_key")
    assert caught.value.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("cookie", [None, "", "a b", "\xe9"])
def test_no_credentials(cookie: str | None) -> None:
    with pytest.raises(Failure, match="no credentials"):
        caller(cookie=cookie)


def test_admins_are_those_of_the_configuration() -> None:
    assert [caller(f"Bearer user-{name}").is_admin for name in ("root", "ann")] == [True, False]


def test_a_key_acts_as_its_user() -> None:
    found = caller(f"Bearer {key_of('ann', 'op-ann')}")
    assert (found.user, found.authorization) == ("ann", "Bearer op-ann")
    assert found.key_id is not None


def test_a_key_is_not_taken_from_a_cookie() -> None:
    with pytest.raises(Failure):
        caller(cookie=key_of("ann", "op-ann"))


def test_a_key_whose_user_has_another_name_now_is_refused() -> None:
    with pytest.raises(Failure, match="no longer exists"):
        caller(f"Bearer {key_of('ann', 'op-bob')}")


def test_a_known_caller_is_one_while_airflow_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    airflow = FakeAirflow(CLOCK)
    access = Access(airflow, (), KEYS, CLOCK)

    async def down(_: str) -> str:
        raise unavailable("down")

    async def main() -> None:
        known = await access.known_caller("Bearer user-ann", None)
        monkeypatch.setattr(airflow, "user_name", down)
        assert await access.known_caller(None, "user-ann") == known
        for call in (access.caller("Bearer user-ann", None), access.known_caller("Bearer user-bob", None)):
            with pytest.raises(Failure) as failed:
                await call
            assert failed.value.status == 503

    asyncio.run(main())
