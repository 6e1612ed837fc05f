"""Client of the Ray Job Submission REST API; the wire format, without decisions.

``RayJobs`` blocks (operators), ``AsyncRayJobs`` awaits (triggers); both build and read the same messages. No ``ray``
package is needed. Every failure is a ``RayJobError`` that names the connection to repair.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self

import httpx

from llmbatch.core.errors import RayJobError
from llmbatch.orchestrator.ray_jobs.address import RayAddress
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
            _check(self.address, submission.submission_id, answer)
        return self.status(submission.submission_id)

    def submissions(self) -> tuple[RayJobInfo, ...]:
        """Return all jobs submitted to the cluster, by any user; drivers of other kinds are left out."""
        with _reaching(self.address):
            answer = self._client.get("/api/jobs/")
        return _read_submissions(self.address, answer)

    def status(self, submission_id: str) -> RayJobInfo:
        """Return Ray's report; ``NOT_FOUND`` is an answer, not an error."""
        with _reaching(self.address):
            answer = self._client.get(f"/api/jobs/{submission_id}")
        return _read_info(self.address, submission_id, answer)

    def logs(self, submission_id: str) -> str:
        """Return the whole log of the entrypoint so far; empty for an unknown job."""
        with _reaching(self.address):
            answer = self._client.get(f"/api/jobs/{submission_id}/logs")
        return _read_logs(self.address, submission_id, answer)

    def stop(self, submission_id: str) -> bool:
        """Request that Ray end the job (SIGTERM, then SIGKILL). Return whether there was something to stop."""
        with _reaching(self.address):
            answer = self._client.post(f"/api/jobs/{submission_id}/stop")
        return _read_flag(self.address, submission_id, answer, "stopped")

    def version(self) -> str:
        """Return the version of Ray that the cluster runs, such as ``2.60.0``. Waits for a few seconds at most."""
        with _reaching(self.address):
            answer = self._client.get("/api/version", timeout=BRIEF)
        return _read_version(self.address, answer)

    def cluster_status(self) -> str:
        """Return Ray's report of nodes, resources and demands, as ``ray status`` prints it; empty if it has none."""
        with _reaching(self.address):
            answer = self._client.get("/api/cluster_status", params={"format": "1"})
        return _read_cluster_status(self.address, answer)

    def delete(self, submission_id: str) -> bool:
        """Make Ray forget a job that is over. Return whether it did."""
        with _reaching(self.address):
            answer = self._client.delete(f"/api/jobs/{submission_id}")
        return _read_flag(self.address, submission_id, answer, "deleted")


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
        return _read_info(self.address, submission_id, answer)

    async def logs(self, submission_id: str) -> str:
        """Return the whole log of the entrypoint so far; empty for an unknown job."""
        with _reaching(self.address):
            answer = await self._client.get(f"/api/jobs/{submission_id}/logs")
        return _read_logs(self.address, submission_id, answer)

    async def stop(self, submission_id: str) -> bool:
        """Request that Ray end the job. Return whether there was something to stop."""
        with _reaching(self.address):
            answer = await self._client.post(f"/api/jobs/{submission_id}/stop")
        return _read_flag(self.address, submission_id, answer, "stopped")


def _settings(address: RayAddress) -> dict[str, Any]:
    """Return the client settings. Plain HTTP stays inside a cluster, so no proxy of the environment is used."""
    return {
        "base_url": address.url,
        "headers": address.headers,
        "timeout": TIMEOUT,
        "trust_env": address.url.startswith("https"),
    }


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


def _check(address: RayAddress, submission_id: str, answer: httpx.Response) -> None:
    code = answer.status_code
    if answer.is_success:
        return
    if code == httpx.codes.UNAUTHORIZED:
        raise RayJobError(
            f"Ray at {address.url} requires a token (HTTP 401). Set the password of the Airflow connection "
            f"{address.conn_id!r} to the cluster's RAY_AUTH_TOKEN."
        )
    if code == httpx.codes.FORBIDDEN:
        raise RayJobError(
            f"Ray at {address.url} refuses the token (HTTP 403). The password of the Airflow connection "
            f"{address.conn_id!r} is not this cluster's RAY_AUTH_TOKEN; replace it."
        )
    lines = answer.text.strip().splitlines() or [""]
    raise RayJobError(f"submission_id={submission_id}: Ray at {address.url} answered HTTP {code}: {lines[-1][:500]}")


def _read_info(address: RayAddress, submission_id: str, answer: httpx.Response) -> RayJobInfo:
    if answer.status_code == httpx.codes.NOT_FOUND:
        return RayJobInfo.not_found(submission_id)
    _check(address, submission_id, answer)
    return RayJobInfo.from_api(submission_id, _json(address, answer))


def _read_submissions(address: RayAddress, answer: httpx.Response) -> tuple[RayJobInfo, ...]:
    _check(address, "all", answer)
    items = _decoded(answer)
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise _not_ray(address)
    return tuple(RayJobInfo.from_api(str(item["submission_id"]), item) for item in items if item.get("submission_id"))


def _read_logs(address: RayAddress, submission_id: str, answer: httpx.Response) -> str:
    if answer.status_code == httpx.codes.NOT_FOUND:
        return ""
    _check(address, submission_id, answer)
    return str(_json(address, answer).get("logs") or "")


def _read_flag(address: RayAddress, submission_id: str, answer: httpx.Response, name: str) -> bool:
    if answer.status_code == httpx.codes.NOT_FOUND:
        return False
    _check(address, submission_id, answer)
    return bool(_json(address, answer).get(name))


def _read_cluster_status(address: RayAddress, answer: httpx.Response) -> str:
    if answer.status_code == httpx.codes.NOT_FOUND:
        return ""
    _check(address, "cluster", answer)
    data = _json(address, answer).get("data")
    return str(data.get("clusterStatus") or "") if isinstance(data, dict) else ""


def _read_version(address: RayAddress, answer: httpx.Response) -> str:
    _check(address, "version", answer)
    found = _json(address, answer).get("ray_version")
    if not isinstance(found, str) or not found:
        raise _not_ray(address)
    return found


def _json(address: RayAddress, answer: httpx.Response) -> dict[str, Any]:
    body = _decoded(answer)
    if not isinstance(body, dict):
        raise _not_ray(address)
    return body


def _decoded(answer: httpx.Response) -> object:
    try:
        return answer.json()
    except ValueError:
        return None


def _not_ray(address: RayAddress) -> RayJobError:
    return RayJobError(
        f"{address.url} answers, but not as a Ray dashboard does. "
        f"Check host and port of the Airflow connection {address.conn_id!r}."
    )
