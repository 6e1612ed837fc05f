"""Address and token of a Ray dashboard."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

DEFAULT_PORT = 8265


class ConnectionLike(Protocol):
    """What is read of an Airflow connection of type ``ray``."""

    conn_id: str
    host: str | None
    schema: str | None
    port: int | None
    password: str | None

    @property
    def extra_dejson(self) -> dict[str, Any]:
        """Extra settings.

        ``dashboard_url`` is the address that people (not workers) use; ``ca_file`` a file of certificates in PEM form.
        """


@dataclass(frozen=True)
class RayAddress:
    """Base URL and token of one Ray dashboard. The token is kept out of ``repr``, so out of logs."""

    url: str
    conn_id: str
    token: str | None = field(default=None, repr=False)
    public_url: str | None = None
    ca_file: str | None = None
    """Certificates of the authorities that may have signed the dashboard's; None: those that the machine trusts."""

    @classmethod
    def of_connection(cls, connection: ConnectionLike) -> RayAddress:
        """Read an Airflow connection. Host ``ray`` and port 8265 give ``http://ray:8265``; a scheme in the host stays.

        Raises:
            ValueError: the connection has no host, or a password that no HTTP header can hold.
        """
        host = (connection.host or "").strip().rstrip("/")
        if not host:
            raise ValueError(f"connection {connection.conn_id!r} has no host; set it to the host of Ray's dashboard")
        token = (connection.password or "").strip()
        if not (token.isascii() and token.isprintable()):  # HTTP libraries show such a header in their errors
            raise ValueError(
                f"the password of connection {connection.conn_id!r} has characters that are not printable ASCII, such "
                "as a line break inside; set it to the cluster's RAY_AUTH_TOKEN"
            )
        scheme, separator, rest = host.rpartition("://")
        scheme = scheme if separator else (connection.schema or "http")
        has_port = rest.rpartition(":")[2].isdigit()
        port = connection.port or (None if separator else DEFAULT_PORT)
        authority = rest if has_port or port is None else f"{rest}:{port}"
        return cls(
            url=f"{scheme}://{authority}",
            conn_id=connection.conn_id,
            token=token or None,
            public_url=connection.extra_dejson.get("dashboard_url"),
            ca_file=connection.extra_dejson.get("ca_file"),
        )

    def dashboard_of(self, submission_id: str) -> str:
        """Return the page of one job, for people."""
        return f"{(self.public_url or self.url).rstrip('/')}/#/jobs/{submission_id}"

    @property
    def headers(self) -> dict[str, str]:
        """HTTP headers that authenticate the client to Ray."""
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}
