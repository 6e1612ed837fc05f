"""Check a batch of OpenAI's API as a whole, before anything is staged: one bad line, and no row runs.

One pass over the input. A problem that OpenAI answers with a row's status 400, such as a bad temperature, is not one of
the batch: its row fails, and the others run.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator

from llmbatch.core.batch_errors import MOST_ERRORS, BatchError, BatchErrors, batch_errors_uri
from llmbatch.core.clock import Clock
from llmbatch.core.config import Config
from llmbatch.core.endpoints import Endpoint
from llmbatch.core.errors import BatchInvalid, InputChanged, RequestError
from llmbatch.core.job_spec import JobSpec
from llmbatch.core.shown import shown
from llmbatch.core.store import ObjectStore
from llmbatch.orchestrator.inputs.prompt import RequestBuilder
from llmbatch.orchestrator.inputs.readers.sources import sources
from llmbatch.orchestrator.jobs.documents import read_inputs
from llmbatch.orchestrator.jobs.staged_shards import load_staged
from llmbatch.orchestrator.staging.batch_lines import BatchLines
from llmbatch.orchestrator.staging.custom_ids import CustomIds

_log = logging.getLogger(__name__)


def check_batch(spec: JobSpec, config: Config, store: ObjectStore, clock: Clock) -> None:
    """Check every line; a job that is no batch, a retry or a staged job is left alone.

    Args:
        spec: the accepted job.
        config: for the models that lines may name, and ``gateway.batch_rows``.
        store: where input and job are.
        clock: for the time in ``batch_errors.json``.

    Raises:
        BatchInvalid: the input has problems, which ``batch_errors.json`` lists.
        StoreError: the store failed.
    """
    endpoint = spec.request.batch_endpoint
    if endpoint is None or spec.retry_of is not None or load_staged(spec, store) is not None:
        return
    errors: list[BatchError] = []
    count = 0
    for error in batch_problems(spec, endpoint, config, store):
        count += 1
        if len(errors) < MOST_ERRORS:
            errors.append(error)
    if not count:
        return
    found = BatchErrors(job_id=spec.job_id, written_at=clock.now(), count=count, errors=tuple(errors))
    uri = batch_errors_uri(spec.layout)
    store.put(uri, found.model_dump_json().encode())
    _log.warning("event=batch_invalid job_id=%s problems=%d uri=%s", spec.job_id, count, shown(uri))
    raise BatchInvalid(spec.job_id, count, errors[0].text(), uri)


def batch_problems(spec: JobSpec, endpoint: Endpoint, config: Config, store: ObjectStore) -> Iterator[BatchError]:
    """Yield what is wrong, in the order of the lines. After too many rows the rest is not read."""
    known = {*config.models, *(name for model in config.models.values() for name in model.adapters)}
    most, rows = config.gateway.batch_rows, 0
    with CustomIds() as ids:
        lines = BatchLines(endpoint, known, ids)
        try:
            for source in sources(read_inputs(spec, store), RequestBuilder.of(spec), store):
                for line in source.lines():
                    if not line.problem and not line.raw.strip():
                        continue
                    rows += 1
                    if rows > most:
                        yield BatchError(
                            code="too_many_tasks", message=f"The batch has more than the maximum of {most} requests."
                        )
                        return
                    problem = lines.problem(line)
                    if problem is not None:
                        yield problem
        except InputChanged:
            yield BatchError(code="invalid_request", message="The input file was deleted or replaced.", param="file_id")
            return
        except RequestError as error:
            yield BatchError(code="invalid_request", message=f"The input file {error.problem}.", param="file_id")
            return
    if not rows:
        yield BatchError(code="empty_file", message="The input file has no request.", param="file_id")
    elif endpoint is Endpoint.EMBEDDINGS and lines.inputs > most:
        yield BatchError(
            code="too_many_tasks",
            message=f"The batch has {lines.inputs} embedding inputs, more than the maximum of {most}.",
        )
