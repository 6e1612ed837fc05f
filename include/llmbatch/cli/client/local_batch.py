"""A local file with requests of OpenAI's Batch API: uploaded, and started as a batch, which is a job."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

import httpx
from pydantic import JsonValue

from llmbatch.cli.client.answers import Uploaded, read
from llmbatch.cli.client.exits import CommandError, Exit
from llmbatch.cli.client.gateway import Gateway

BATCH_OPTIONS = ("sla_hours", "priority")
"""The fields of a job's request that a batch may have, too."""
LONGEST_LINE = 16 * 2**20
"""Bytes of a first line that are looked at."""


def batch_endpoint(path: Path) -> str:
    """Return the endpoint of the first request of a file.

    Raises:
        CommandError: the file is not readable, or does not hold requests of OpenAI's Batch API.
    """
    try:
        with path.open("rb") as lines:
            first = lines.readline(LONGEST_LINE)
    except OSError as error:
        text = f"{path} is not readable: {error.strerror}. Give a file, or the address of an object: s3://bucket/key."
        raise CommandError(text, Exit.USAGE) from None
    try:
        request = json.loads(first)
    except ValueError:
        request = None
    if isinstance(request, dict) and {"custom_id", "url", "body"} <= request.keys() and isinstance(request["url"], str):
        return request["url"]
    raise CommandError(
        f"{path} does not begin with a request of OpenAI's Batch API (custom_id, method, url, body), and only such "
        "files are uploaded. Copy it to a bucket that the service may read, and submit its address: "
        f"aws s3 cp {path} s3://BUCKET/{path.name}; llmbatch submit s3://BUCKET/{path.name}",
        Exit.USAGE,
    )


def start_batch(
    gateway: Gateway, path: Path, endpoint: str, idempotency_key: str, options: Mapping[str, JsonValue]
) -> str:
    """Upload a file in a stream, start its batch, and return the job's id. ``options`` are of ``BATCH_OPTIONS``.

    Raises:
        CommandError: as the gateway refuses.
    """
    with path.open("rb") as content:
        file = read(Uploaded, gateway.upload(lambda client: _upload(client, path.name, content)))
    body: dict[str, JsonValue] = {"input_file_id": file.id, "endpoint": endpoint, "completion_window": "24h", **options}
    batch = read(Uploaded, gateway.post("/v1/batches", body, {"Idempotency-Key": idempotency_key}))
    return f"job-{batch.id.removeprefix('batch_')}"


def _upload(client: httpx.Client, name: str, content: BinaryIO) -> httpx.Request:
    form = {"purpose": "batch"}
    return client.build_request("POST", "/v1/files", data=form, files={"file": (name, content, "application/jsonl")})
