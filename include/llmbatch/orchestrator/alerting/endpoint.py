"""An HTTP receiver behind an Airflow connection: address, login, one POST within ten seconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import httpx
from pydantic import JsonValue

from llmbatch.core.errors import SinkError, SinkRejected

TIMEOUT = httpx.Timeout(connect=3, write=2, read=5, pool=1)
"""Ten seconds for a request in all, unless the receiver sends its headers in small pieces."""

_REJECTED = {400, 413, 415, 422}
_DETAIL_CHARS = 200
_HINTS = {
    401: "check login and password (or the token as password) of the connection",
    403: "check what the login or token of the connection may do",
    404: "check host, port and path of the connection",
    405: "check host, port and path of the connection",
}


class ConnectionLike(Protocol):
    """What is read of an Airflow connection of type ``http``."""

    conn_id: str
    host: str | None
    schema: str | None
    port: int | None
    login: str | None
    password: str | None

    @property
    def extra_dejson(self) -> Mapping[str, object]:
        """Extra settings: ``path`` is appended to the address."""


@dataclass(frozen=True)
class Endpoint:
    """Base URL, and login with password (Basic) or a password alone (Bearer token).

    The URL of a webhook is often a secret itself: it is kept out of ``repr``, of errors and of logs, like the password.
    """

    conn_id: str
    url: str = field(repr=False)
    login: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)

    @classmethod
    def of_connection(cls, connection: ConnectionLike) -> Endpoint:
        """Read a connection. Host ``am`` and port 9093 give ``http://am:9093``; a scheme or path in the host stays.

        Raises:
            SinkError: the connection has no host.
        """
        scheme, separator, rest = (connection.host or "").strip().rpartition("://")
        if not rest:
            raise SinkError(f"connection {connection.conn_id!r} has no host; set it to the receiver's address")
        scheme = scheme if separator else ("https" if connection.schema == "https" else "http")
        authority, slash, path = rest.partition("/")
        if connection.port and not authority.rpartition(":")[2].isdigit():
            authority = f"{authority}:{connection.port}"
        extra = str(connection.extra_dejson.get("path") or "").strip("/")
        url = f"{scheme}://{authority}{slash}{path}".rstrip("/") + (f"/{extra}" if extra else "")
        return cls(connection.conn_id, url, connection.login or None, connection.password or None)

    def post(self, body: JsonValue, *, path: str = "", headers: Mapping[str, str] | None = None) -> None:
        """Send ``body`` as JSON and wait for a 2xx answer. Follows no redirect.

        Raises:
            SinkRejected: the receiver rejects this body (400, 413, 415, 422).
            SinkError: it cannot be reached, or answers anything else.
        """
        auth = httpx.BasicAuth(self.login, self.password or "") if self.login else None
        token = {"Authorization": f"Bearer {self.password}"} if self.password and not self.login else {}
        try:
            with (
                httpx.Client(timeout=TIMEOUT, auth=auth, headers=token) as client,
                client.stream("POST", f"{self.url}{path}", json=body, headers=headers) as answer,
            ):
                if not answer.is_success:
                    raise self._refusal(answer.status_code, next(answer.iter_bytes(), b""))
        except httpx.InvalidURL:
            raise SinkError(f"connection {self.conn_id!r} has no valid address; correct its host and port") from None
        except httpx.HTTPError as error:
            reason = self._masked(str(error)) or type(error).__name__
            raise SinkError(f"connection {self.conn_id!r}: the receiver cannot be reached: {reason}") from None

    def _refusal(self, status: int, body: bytes) -> SinkError:
        detail = self._masked(" ".join(body.decode(errors="replace").split()))[:_DETAIL_CHARS]
        reason = f": {detail}" if detail else ""
        hint = f"; {_HINTS[status]}" if status in _HINTS else ""
        kind = SinkRejected if status in _REJECTED else SinkError
        return kind(f"connection {self.conn_id!r}: the receiver answers {status}{reason}{hint}")

    def _masked(self, text: str) -> str:
        for secret in (self.url, self.password):
            text = text.replace(secret, "***") if secret else text
        return text


def endpoint_of(conn_id: str) -> Endpoint:
    """Look the connection up in Airflow. Raises ``SinkError`` if there is none or it has no host."""
    from airflow.sdk import BaseHook
    from airflow.sdk.exceptions import AirflowNotFoundException

    try:
        connection = BaseHook.get_connection(conn_id)
    except AirflowNotFoundException:
        raise SinkError(f"Airflow has no connection {conn_id!r}; add it, or correct `alerts` in config.yaml") from None
    return Endpoint.of_connection(connection)
