"""From an Airflow connection to a client of Ray's job API."""

from __future__ import annotations

from typing import Any

from airflow.sdk import BaseHook

from llmbatch.core.errors import ConfigError, RayJobError
from llmbatch.core.ray_version import RAY_VERSION
from llmbatch.orchestrator.ray_jobs.address import RayAddress
from llmbatch.orchestrator.ray_jobs.client import AsyncRayJobs, RayJobs


class RayHook(BaseHook):
    """Reads a connection of type ``ray``: host (with or without scheme), port, and the token as password."""

    conn_name_attr = "ray_conn_id"
    default_conn_name = "llmbatch_ray"
    conn_type = "ray"
    hook_name = "Ray"

    def __init__(self, ray_conn_id: str = default_conn_name, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.ray_conn_id = ray_conn_id

    def get_conn(self) -> RayJobs:
        """Return a blocking client; the caller closes it."""
        return RayJobs(_address(self.get_connection(self.ray_conn_id)))

    async def get_async_conn(self) -> AsyncRayJobs:
        """Return an awaiting client; the caller closes it."""
        return AsyncRayJobs(_address(await self.aget_connection(self.ray_conn_id)))

    def test_connection(self) -> tuple[bool, str]:
        """Return whether Ray answers, takes the token and has the right version, and a text that says what to change.

        Airflow's button "Test" and ``airflow connections test`` show the text; the token is never in it.
        """
        try:
            with self.get_conn() as jobs:
                version, known = jobs.version(), len(jobs.submissions())
        except (ConfigError, RayJobError) as error:
            return False, str(error)
        token = "takes the token" if jobs.address.token else "asks for no token"
        found = f"Ray {version} at {jobs.address.url} answers and {token}"
        if version != RAY_VERSION:
            return False, f"{found}, but llmbatch needs Ray {RAY_VERSION} exactly. Install that on all nodes of Ray."
        return True, f"{found}. It knows {known} submitted jobs."


def _address(connection: Any) -> RayAddress:
    try:
        return RayAddress.of_connection(connection)
    except ValueError as error:
        raise ConfigError(str(error)) from error
