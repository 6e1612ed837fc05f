"""API keys: made, found, revoked."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta

from cachetools import TTLCache
from pydantic import ValidationError

from llmbatch.core.clock import Clock
from llmbatch.core.errors import ObjectMissing
from llmbatch.core.gateway_layout import keys_uri
from llmbatch.core.gateway_settings import GatewayConfig
from llmbatch.core.store import ObjectStore
from llmbatch.core.stored import read_document, read_if_readable, report_unreadable
from llmbatch.gateway.access.airflow_tokens import AirflowTokens
from llmbatch.gateway.access.key_document import (
    KEY_ID_PATTERN,
    KeyDocument,
    digest_of,
    new_key_id,
    new_secret,
    split_key,
    text_of,
)
from llmbatch.gateway.access.rate_limit import RateLimit
from llmbatch.gateway.wire.failures import Failure

KNOWN_SECONDS = 5.0
"""How long a key is remembered; so long is a key used that was revoked."""


@dataclass(frozen=True)
class KeyInUse:
    """A valid key, and the token of Airflow with which it acts."""

    document: KeyDocument
    token: str = field(repr=False)


class ApiKeys:
    """The API keys of a deployment: one document each, in the store.

    Args:
        store: holds the documents.
        base: address of the deployment's folder.
        config: limits of keys.
        clock: for expiry.
        tokens: signs tokens of Airflow.
    """

    def __init__(
        self, store: ObjectStore, base: str, config: GatewayConfig, clock: Clock, tokens: AirflowTokens
    ) -> None:
        self._store, self._config, self._clock, self._tokens = store, config, clock, tokens
        self._folder = keys_uri(base)
        self._rates = RateLimit(config.rate_storage)
        self._known: TTLCache[str, KeyInUse] = TTLCache(4096, KNOWN_SECONDS, timer=clock.monotonic)

    async def use(self, text: str) -> KeyInUse:
        """Return the key that a client sent, and count the use.

        Raises:
            Failure: 401 for a key that is unknown, revoked, expired or wrong; 429 for one that is used too often.
            StoreError: the key could not be looked up.
        """
        parts = split_key(text)
        key = await self._lookup(parts[0]) if parts else None
        if parts is None or key is None or not key.document.fits(parts[1]):
            raise _refused("is not known: it is wrong, or it was revoked")
        if key.document.is_expired(self._clock.now()):
            raise _refused(f"expired at {key.document.expires_at:%Y-%m-%d %H:%M} UTC")
        per_minute = key.document.requests_per_minute or self._config.requests_per_minute
        await asyncio.to_thread(self._rates.count, key.document.key_id, per_minute)
        return key

    async def make(
        self, token: str, user: str, name: str, lifetime: timedelta, per_minute: int | None
    ) -> tuple[KeyDocument, str]:
        """Store a new key for the user of a token of Airflow; return it, and the text that is shown once.

        Raises:
            Failure: 401, the token is not valid.
            StoreError: the key could not be stored.
        """
        try:
            airflow_user = await self._tokens.user_in(token)
        except ValueError:
            raise _refused("cannot be made with this token: Airflow does not accept it") from None
        key_id, secret, now = new_key_id(), new_secret(), self._clock.now()
        document = KeyDocument(
            key_id=key_id,
            name=name,
            user=user,
            airflow_user=airflow_user,
            sha256=digest_of(secret),
            requests_per_minute=per_minute,
            made_at=now,
            expires_at=now + lifetime,
        )
        await asyncio.to_thread(self._store.create, self._uri(key_id), document.model_dump_json().encode())
        return document, text_of(key_id, secret)

    def all(self) -> Iterator[KeyDocument]:
        """Yield all keys, in the order of their ids. Raises ``StoreError``."""
        for each in self._store.list(self._folder):
            if each.uri.endswith(".json") and (found := read_if_readable(KeyDocument, each.uri, self._store)):
                yield found

    def get(self, key_id: str) -> KeyDocument | None:
        """Return a key; None if there is none. Raises ``StoreError``."""
        if not re.fullmatch(KEY_ID_PATTERN, key_id, re.ASCII):
            return None
        return self._read(key_id)

    def revoke(self, key_id: str) -> None:
        """Remove a key. Other processes notice it within ``KNOWN_SECONDS``. Raises ``StoreError``."""
        self._store.delete(self._uri(key_id))
        self._known.pop(key_id, None)

    async def _lookup(self, key_id: str) -> KeyInUse | None:
        if (known := self._known.get(key_id)) is not None:
            return known
        found = await asyncio.to_thread(self._signed, key_id)
        if found is not None:
            self._known[key_id] = found
        return found

    def _signed(self, key_id: str) -> KeyInUse | None:
        document = self._read(key_id)
        if document is None:
            return None
        try:
            return KeyInUse(document, self._tokens.signed_for(document.airflow_user))
        except ValueError:
            return None

    def _read(self, key_id: str) -> KeyDocument | None:
        """Return a stored key. One that cannot be read, or is another key's, is none."""
        uri = self._uri(key_id)
        try:
            document = read_document(KeyDocument, self._store.get(uri))
        except ObjectMissing:
            return None
        except ValidationError as error:
            report_unreadable(uri, error.error_count())
            return None
        return document if document.key_id == key_id else None

    def _uri(self, key_id: str) -> str:
        return f"{self._folder}{key_id}.json"


def _refused(why: str) -> Failure:
    return Failure(
        401,
        f"This API key {why}. Make a new one with POST /keys.",
        type="authentication_error",
        code="invalid_api_key",
        headers={"WWW-Authenticate": "Bearer"},
    )
