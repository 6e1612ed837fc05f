"""Tokens of Airflow's SimpleAuthManager, read and signed in this process."""

from __future__ import annotations

import asyncio

import pytest

from llmbatch.gateway.access.airflow_tokens import AuthManagerTokens

TOKENS = AuthManagerTokens()
USER = {"sub": "ann", "role": "USER", "teams": []}


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__API_AUTH__JWT_SECRET", "s" * 64)
    monkeypatch.setattr("airflow.models.revoked_token.RevokedToken.is_revoked", lambda _: False)


def test_a_signed_token_has_its_user() -> None:
    assert asyncio.run(TOKENS.user_in(TOKENS.signed_for(dict(USER)))) == USER


def test_a_signed_token_lives_for_minutes() -> None:
    import jwt

    claims = jwt.decode(TOKENS.signed_for(dict(USER)), options={"verify_signature": False})
    assert claims["exp"] - claims["iat"] == 300


@pytest.mark.parametrize("token", ["", "x", "a.b.c"])
def test_other_texts_are_no_tokens(token: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the text is Airflow's
        asyncio.run(TOKENS.user_in(token))


def test_a_changed_token_is_none() -> None:
    head, claims, _ = TOKENS.signed_for(dict(USER)).split(".")
    with pytest.raises(ValueError, match="ignature"):
        asyncio.run(TOKENS.user_in(f"{head}.{claims}.{'A' * 86}"))


def test_a_user_that_cannot_be_read() -> None:
    with pytest.raises(ValueError, match="does not know this user"):
        TOKENS.signed_for({"name": "ann"})
