"""Which model a batch of OpenAI's API is for: its lines name it, the request does not."""

from __future__ import annotations

from collections.abc import Sequence

from llmbatch.core.config import Config
from llmbatch.core.errors import RequestError
from llmbatch.core.job_request import JobRequest
from llmbatch.core.job_spec import InputObject
from llmbatch.core.request_options import InputFormat
from llmbatch.core.store import ObjectStore
from llmbatch.orchestrator.inputs.first_rows import looked_at
from llmbatch.orchestrator.inputs.peek import json_head


def with_batch_model(
    request: JobRequest, input_format: InputFormat, objects: Sequence[InputObject], config: Config, store: ObjectStore
) -> JobRequest:
    """Return the request with the model that the first lines name, if config.yaml knows it.

    Otherwise the request stays as it is: the check of all lines, before anything is staged, reports what is wrong.

    Raises:
        RequestError: the input is not OpenAI batch lines.
        InputChanged: the object has changed since it was listed.
        StoreError: the store failed.
    """
    if request.batch_endpoint is None or request.retry_failed_of is not None:
        return request
    if input_format is not InputFormat.OPENAI_BATCH:
        raise RequestError(
            "batch_endpoint", f"does not apply to {input_format.value} input", "Leave it out, or send OpenAI lines."
        )
    named = first_model(objects[0], request, store)
    is_known = named is not None and config.model_name(named) in config.models
    return request.model_copy(update={"model": named}) if is_known else request


def first_model(obj: InputObject, request: JobRequest, store: ObjectStore) -> str | None:
    """Return the model of the first line that names one, None if the first hundred name none or cannot be read."""
    try:
        head = json_head(looked_at(store, obj, request))
    except RequestError:
        return None
    bodies = (record.get("body") for record in head.objects)
    names = (body.get("model") for body in bodies if isinstance(body, dict))
    return next((name for name in names if isinstance(name, str)), None)
