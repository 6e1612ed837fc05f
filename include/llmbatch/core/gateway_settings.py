"""The section ``gateway`` of config.yaml: the HTTP API."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class GatewayConfig(BaseModel):
    """Limits of the HTTP API, in bytes, seconds and days."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    airflow_url: str | None = None
    """Address of Airflow's api-server, for a gateway that runs outside of it; null: ``[api] base_url`` of Airflow."""
    max_body_bytes: Annotated[int, Field(ge=1024)] = 1024 * 1024
    """Of every request but an upload; more is refused with 413."""
    max_upload_bytes: Annotated[int, Field(ge=1024)] = 200 * 1024 * 1024
    """Of one uploaded file."""
    batch_rows: Annotated[int, Field(ge=1)] = 50_000
    """Lines of one batch of the OpenAI API, and embedding inputs of all its lines."""
    requests_per_minute: Annotated[int, Field(ge=1)] = 600
    """Of one API key; more are refused with 429."""
    rate_storage: str = "memory://"
    """Where requests of keys are counted: ``memory://`` is each worker alone, ``redis://host:6379`` is shared."""
    key_days: Annotated[int, Field(ge=1, le=3650)] = 90
    """Days after which a new API key expires, unless its maker chooses fewer."""
    presigned_seconds: Annotated[int, Field(ge=60, le=604_800)] = 900
    """Lifetime of a presigned address of results."""
    file_days: Annotated[int, Field(ge=1)] = 30
    """Days after which an uploaded input file of the OpenAI API expires."""
