"""Answers of the Ray Job Submission REST API. Each that is not one of Ray is a ``RayJobError`` that says what to do."""

from __future__ import annotations

from typing import Any

import httpx

from llmbatch.core.errors import RayJobError
from llmbatch.orchestrator.ray_jobs.address import RayAddress
from llmbatch.orchestrator.ray_jobs.status import RayJobInfo


def check(address: RayAddress, submission_id: str, answer: httpx.Response) -> None:
    """Raise ``RayJobError`` unless the answer is a success."""
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
    if code == httpx.codes.NOT_FOUND:  # of a job, it is an answer
        raise _not_ray(address)
    lines = answer.text.strip().splitlines() or [""]
    raise RayJobError(f"submission_id={submission_id}: Ray at {address.url} answered HTTP {code}: {lines[-1][:500]}")


def read_info(address: RayAddress, submission_id: str, answer: httpx.Response) -> RayJobInfo:
    """Return a job; an unknown one is an answer."""
    if answer.status_code == httpx.codes.NOT_FOUND:
        return RayJobInfo.not_found(submission_id)
    check(address, submission_id, answer)
    return RayJobInfo.from_api(submission_id, _json(address, answer))


def read_submissions(address: RayAddress, answer: httpx.Response) -> tuple[RayJobInfo, ...]:
    """Return all jobs that were submitted."""
    check(address, "all", answer)
    items = _decoded(answer)
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise _not_ray(address)
    return tuple(RayJobInfo.from_api(str(item["submission_id"]), item) for item in items if item.get("submission_id"))


def read_logs(address: RayAddress, submission_id: str, answer: httpx.Response) -> str:
    """Return the log; empty if there is none."""
    if answer.status_code == httpx.codes.NOT_FOUND:
        return ""
    check(address, submission_id, answer)
    return str(_json(address, answer).get("logs") or "")


def read_flag(address: RayAddress, submission_id: str, answer: httpx.Response, name: str) -> bool:
    """Return a flag of the answer; false for an unknown job."""
    if answer.status_code == httpx.codes.NOT_FOUND:
        return False
    check(address, submission_id, answer)
    return bool(_json(address, answer).get(name))


def read_cluster_status(address: RayAddress, answer: httpx.Response) -> str:
    """Return the status of the cluster; empty if it has none."""
    if answer.status_code == httpx.codes.NOT_FOUND:
        return ""
    check(address, "cluster", answer)
    data = _json(address, answer).get("data")
    return str(data.get("clusterStatus") or "") if isinstance(data, dict) else ""


def read_version(address: RayAddress, answer: httpx.Response) -> str:
    """Return the version of Ray."""
    check(address, "version", answer)
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
