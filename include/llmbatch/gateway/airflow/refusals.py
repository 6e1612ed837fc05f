"""Airflow's refusals, as the gateway passes them on."""

from __future__ import annotations

import json

from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError

from llmbatch.core.shown import shown
from llmbatch.gateway.wire.failures import Failure, unavailable

BAD_TOKEN = "Invalid JWT token"  # nosec B105 # a message
"""Airflow answers 403 with this detail, not 401, if it cannot verify a token."""


class _Refusal(BaseModel):
    model_config = ConfigDict(extra="ignore")

    detail: JsonValue = None


def detail_of(body: bytes) -> str:
    """Return the reason that Airflow gives in the body of a refusal, on one line; empty if there is none."""
    try:
        detail = _Refusal.model_validate_json(body).detail
    except ValidationError:
        return ""
    if detail is None:
        return ""
    return shown(detail if isinstance(detail, str) else json.dumps(detail))


def failure_of(status: int, body: bytes, what: str) -> Failure:
    """Return what the gateway answers for a refusal of Airflow.

    Args:
        status: HTTP status of Airflow's answer, not 2xx.
        body: body of that answer.
        what: the call in words, such as ``read runs of llmbatch_inference``.
    """
    detail = detail_of(body)
    reason = f" ({detail})" if detail else ""
    if status == 401 or (status == 403 and detail == BAD_TOKEN):
        return Failure(
            401,
            f"Airflow does not accept this token{reason}. Get a new one: POST /auth/token of Airflow, or an API key.",
            type="authentication_error",
            code="invalid_api_key",
            headers={"WWW-Authenticate": "Bearer"},
        )
    if status == 403:
        return Failure(
            403,
            f"Your Airflow user may not {what}. Ask the administrator of Airflow for the right to do it.",
            type="permission_error",
            code="forbidden",
        )
    if status == 404:
        return Failure(404, f"Airflow could not {what}: {detail or 'not found'}.", code="not_found")
    if status == 409:
        return Failure(
            409, f"Airflow could not {what}: {detail or 'conflict'}.", type="conflict_error", code="conflict"
        )
    if status in {400, 422}:
        return Failure(400, f"Airflow refused to {what}: {detail or 'bad request'}.", code="refused_by_airflow")
    return unavailable(f"Airflow could not {what}: it answered HTTP {status}. Repeat the request.")
