"""From the credentials of a request to its caller."""

from __future__ import annotations

import hashlib
import re

from llmbatch.core.clock import Clock
from llmbatch.gateway.access.caller import Caller
from llmbatch.gateway.access.key_document import PREFIX
from llmbatch.gateway.access.keys import ApiKeys
from llmbatch.gateway.airflow.client import AirflowClient
from llmbatch.gateway.wire.failures import Failure
from llmbatch.gateway.wire.lasting import Lasting

KNOWN_SECONDS = 900.0
"""How long ``known_caller`` accepts credentials while Airflow or the store does not work."""
PATIENCE_SECONDS = 2.0
"""Longest time in which ``known_caller`` waits for them."""

_MOST_KNOWN = 100

_BEARER = re.compile(r"bearer +([\x21-\x7e]{1,8192}) *", re.ASCII | re.IGNORECASE)
_TOKEN = re.compile(r"[\x21-\x7e]{1,8192}", re.ASCII)


class Access:
    """Resolves credentials: a token of Airflow (header or cookie) or an API key (header)."""

    def __init__(self, airflow: AirflowClient, admins: tuple[str, ...], keys: ApiKeys, clock: Clock) -> None:
        self.keys = keys
        self._airflow = airflow
        self._admins = frozenset(admins)
        self._known: Lasting[Caller] = Lasting(KNOWN_SECONDS, _MOST_KNOWN, PATIENCE_SECONDS, clock)

    async def caller(self, authorization: str | None, cookie: str | None) -> Caller:
        """Return who calls.

        Args:
            authorization: header ``Authorization``.
            cookie: Airflow's session cookie, used without that header.

        Raises:
            Failure: 401 without valid credentials; 429 for an API key that is used too often.
            StoreError: an API key could not be looked up.
        """
        token = _token_of(authorization, cookie)
        if not token.startswith(PREFIX):
            return await self._acting(token)
        key = await self.keys.use(token)
        caller = await self._acting(key.token, key.document.key_id)
        if caller.user != key.document.user:
            raise _no_credentials("The user of this API key no longer exists in Airflow. Make a new key.")
        return caller

    async def known_caller(self, authorization: str | None, cookie: str | None) -> Caller:
        """Return who calls, for routes that show what is wrong while Airflow or the store does not work.

        Credentials that this process accepted shortly before are accepted then. Otherwise it is ``caller``, and raises
        the same.
        """
        key = hashlib.sha256(_token_of(authorization, cookie).encode()).digest()
        return await self._known.get(key, lambda: self.caller(authorization, cookie))

    async def _acting(self, token: str, key_id: str | None = None) -> Caller:
        header = f"Bearer {token}"
        user = await self._airflow.user_name(header)
        return Caller(user, header, is_admin=user in self._admins, key_id=key_id)


def _token_of(authorization: str | None, cookie: str | None) -> str:
    if authorization is not None:
        found = _BEARER.fullmatch(authorization)
        if found is None:
            raise _no_credentials("The header Authorization is not 'Bearer <token or API key>'. Send it so.")
        return found[1]
    if cookie is not None and _TOKEN.fullmatch(cookie) and not cookie.startswith(PREFIX):
        return cookie
    raise _no_credentials("This request has no credentials. Send 'Authorization: Bearer <token or API key>'.")


def _no_credentials(message: str) -> Failure:
    return Failure(
        401,
        message,
        type="authentication_error",
        code="invalid_api_key",
        headers={"WWW-Authenticate": "Bearer"},
    )
