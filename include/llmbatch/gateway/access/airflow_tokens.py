"""Tokens of Airflow, read and signed with Airflow's own auth manager.

It works in the api-server, and in any process with the configuration of that api-server: the same ``[core]
auth_manager`` and the same ``[api_auth] jwt_secret``, which must be set (Airflow makes one up for each process
otherwise). SimpleAuthManager is tested. Its tokens hold the user's role, so a key keeps the role that its maker had.
FAB's tokens hold the id of the user, whose roles are read at each use; a gateway outside of the api-server needs FAB's
database for it. An auth manager whose tokens hold a session of an identity provider, such as Keycloak's, makes keys
that end with that session.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Protocol

from pydantic import JsonValue

LIFETIME = timedelta(minutes=5)
"""Of a token that is signed for one user of an API key; it is used for seconds."""


class AirflowTokens(Protocol):
    """Reads and signs tokens."""

    async def user_in(self, token: str) -> dict[str, JsonValue]:
        """Return the user of a valid token, as it can be stored. Raises ``ValueError`` for another token."""

    def signed_for(self, user: dict[str, JsonValue]) -> str:
        """Return a new token of a stored user. Raises ``ValueError`` if that user no longer exists."""


class AuthManagerTokens:
    """Tokens of the auth manager that this process is configured with. Blocks while the manager reads its database."""

    async def user_in(self, token: str) -> dict[str, JsonValue]:
        """Return the user of a valid token."""
        from airflow.api_fastapi.app import create_auth_manager
        from jwt import InvalidTokenError

        manager = create_auth_manager()
        try:
            user = await manager.get_user_from_token(token)
        except InvalidTokenError as error:
            raise ValueError(str(error)) from error
        return dict(manager.serialize_user(user))

    def signed_for(self, user: dict[str, JsonValue]) -> str:
        """Return a new token of a stored user."""
        from airflow.api_fastapi.app import create_auth_manager

        manager = create_auth_manager()
        try:
            known = manager.deserialize_user(dict(user))
        except (KeyError, ValueError) as error:
            raise ValueError(f"the auth manager does not know this user: {type(error).__name__}") from error
        if known is None:
            raise ValueError("the auth manager does not know this user")
        return str(manager.generate_jwt(known, expiration_time_in_seconds=int(LIFETIME.total_seconds())))
