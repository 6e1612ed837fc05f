"""From the credentials of a request to its caller."""

from __future__ import annotations

from llmbatch.gateway.access.caller import Caller
from llmbatch.gateway.airflow.client import AirflowClient
from llmbatch.gateway.wire.failures import Failure


class Access:
    """Resolves credentials: a token of Airflow (header or cookie) or an API key."""

    def __init__(self, airflow: AirflowClient, admins: tuple[str, ...]) -> None:
        self._airflow = airflow
        self._admins = frozenset(admins)

    async def caller(self, authorization: str | None, cookie: str | None) -> Caller:
        """Return who calls.

        Args:
            authorization: header ``Authorization``.
            cookie: Airflow's session cookie, used without that header.

        Raises:
            Failure: 401 without valid credentials.
        """
        header = authorization or (f"Bearer {cookie}" if cookie else None)
        if header is None:
            raise Failure(
                401,
                "This request has no credentials. Send 'Authorization: Bearer <token or API key>'.",
                code="invalid_api_key",
                headers={"WWW-Authenticate": "Bearer"},
            )
        user = await self._airflow.user_name(header)
        return Caller(user, header, is_admin=user in self._admins)
