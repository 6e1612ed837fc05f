"""Client of the Ray Job Submission REST API; the wire format, without decisions.

``RayJobs`` blocks (operators), ``AsyncRayJobs`` awaits (triggers); both build and read the same messages. No ``ray``
package is needed. Every failure is a ``RayJobError`` that names the connection to repair.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self

import httpx

from llmbatch.core.errors import RayJobError
from llmbatch.orchestrator.ray_jobs.address import RayAddress
from llmbatch.orchestrator.ray_jobs.answers import (
    check,
    read_cluster_status,
    read_flag,
    read_info,
    read_logs,
    read_submissions,
    read_version,
)
from llmbatch.orchestrator.ray_jobs.status import RayJobInfo
from llmbatch.orchestrator.ray_jobs.submission import RaySubmission

TIMEOUT = httpx.Timeout(30, connect=10)
"""Seconds. Ray answers in milliseconds; a long log takes longer."""

BRIEF = httpx.Timeout(5, connect=3)
"""Seconds, for a question whose answer can be missing."""


class RayJobs:
    """Blocking client. Use as a context manager or call ``close``."""

    def __init__(self, address: RayAddress, transport: httpx.BaseTransport | None = None) -> None:
        self.address = address
        self._client = httpx.Client(**_settings(address), transport=transport)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def submit(self, submission: RaySubmission) -> RayJobInfo:
        """Submit the job unless Ray knows its id already; return what Ray reports about it.

        Ray answers a repeated id with HTTP 500, so the id is looked up first, and a lost race is looked up again.
        """
        known = self.status(submission.submission_id)
        if known.status.is_known:
            return known
        with _reaching(self.address):
            answer = self._client.post("/api/jobs/", json=submission.body())
        if not _is_repeat(answer):
            check(self.address, submission.submission_id, answer)
        return self.status(submission.submission_id)

    def submissions(self) -> tuple[RayJobInfo, ...]:
        """Return all jobs submitted to the cluster, by any user; drivers of other kinds are left out."""
        with _reaching(self.address):
            answer = self._client.get("/api/jobs/")
        return read_submissions(self.address, answer)

    def status(self, submission_id: str) -> RayJobInfo:
        """Return Ray's report; ``NOT_FOUND`` is an answer, not an error."""
        with _reaching(self.address):
            answer = self._client.get(f"/api/jobs/{submission_id}")
        return read_info(self.address, submission_id, answer)

    def logs(self, submission_id: str) -> str:
        """Return the whole log of the entrypoint so far; empty for an unknown job."""
        with _reaching(self.address):
            answer = self._client.get(f"/api/jobs/{submission_id}/logs")
        return read_logs(self.address, submission_id, answer)

    def stop(self, submission_id: str) -> bool:
        """Request that Ray end the job (SIGTERM, then SIGKILL). Return whether there was something to stop."""
        with _reaching(self.address):
            answer = self._client.post(f"/api/jobs/{submission_id}/stop")
        return read_flag(self.address, submission_id, answer, "stopped")

    def version(self) -> str:
        """Return the version of Ray that the cluster runs, such as ``2.60.0``. Waits for a few seconds at most."""
        with _reaching(self.address):
            answer = self._client.get("/api/version", timeout=BRIEF)
        return read_version(self.address, answer)

    def cluster_status(self) -> str:
        """Return Ray's report of nodes, resources and demands, as ``ray status`` prints it; empty if it has none."""
        with _reaching(self.address):
            answer = self._client.get("/api/cluster_status", params={"format": "1"})
        return read_cluster_status(self.address, answer)

    def delete(self, submission_id: str) -> bool:
        """Make Ray forget a job that is over. Return whether it did."""
        with _reaching(self.address):
            answer = self._client.delete(f"/api/jobs/{submission_id}")
        return read_flag(self.address, submission_id, answer, "deleted")


class AsyncRayJobs:
    """Awaiting client with the calls that a trigger needs."""

    def __init__(self, address: RayAddress, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self.address = address
        self._client = httpx.AsyncClient(**_settings(address), transport=transport)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def status(self, submission_id: str) -> RayJobInfo:
        """Return Ray's report; ``NOT_FOUND`` is an answer, not an error."""
        with _reaching(self.address):
            answer = await self._client.get(f"/api/jobs/{submission_id}")
        return read_info(self.address, submission_id, answer)

    async def logs(self, submission_id: str) -> str:
        """Return the whole log of the entrypoint so far; empty for an unknown job."""
        with _reaching(self.address):
            answer = await self._client.get(f"/api/jobs/{submission_id}/logs")
        return read_logs(self.address, submission_id, answer)

    async def stop(self, submission_id: str) -> bool:
        """Request that Ray end the job. Return whether there was something to stop."""
        with _reaching(self.address):
            answer = await self._client.post(f"/api/jobs/{submission_id}/stop")
        return read_flag(self.address, submission_id, answer, "stopped")


def _settings(address: RayAddress) -> dict[str, Any]:
    """Return the client settings. Plain HTTP stays inside a cluster, so no proxy of the environment is used.

    Raises:
        RayJobError: the connection's ``ca_file`` cannot be used.
    """
    return {
        "base_url": address.url,
        "headers": address.headers,
        "timeout": TIMEOUT,
        "trust_env": address.url.startswith("https"),
        "verify": True if address.ca_file is None else _trusting(address.ca_file, address.conn_id),
    }


def _trusting(ca_file: str, conn_id: str) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:  # of which ssl.SSLError is one
        raise RayJobError(
            f"ca_file {ca_file!r} in the extra of connection {conn_id!r} cannot be read as PEM certificates "
            f"({error}). It is a file on every machine of Airflow."
        ) from error


@contextmanager
def _reaching(address: RayAddress) -> Iterator[None]:
    try:
        yield
    except httpx.InvalidURL as error:
        raise RayJobError(f"{address.url!r} of connection {address.conn_id!r} is not a URL: {error}") from error
    except httpx.HTTPError as error:
        raise RayJobError(
            f"Ray at {address.url} cannot be reached ({type(error).__name__}: {error}). Check that the head node is up "
            f"and that host and port of the Airflow connection {address.conn_id!r} are those of its dashboard."
        ) from error


def _is_repeat(answer: httpx.Response) -> bool:
    return answer.status_code == httpx.codes.INTERNAL_SERVER_ERROR and "already exists" in answer.text
