"""The ETA history: measurements of finished jobs in one object of the store, read at accept and extended at the end.

Every finished job adds itself. A benchmark is an ordinary job: after a run on a new model or machine, its measurements
(phases, rate, cost of input characters, answer lengths, errors of its estimates) are the prior of later jobs.
"""

from __future__ import annotations

import hashlib
import json
import logging

from pydantic import ValidationError

from llmbatch.core.engine_settings import EngineKind
from llmbatch.core.errors import InputChanged, ObjectChanged, ObjectExists, ObjectMissing, StoreError
from llmbatch.core.eta.basis import EtaBasis
from llmbatch.core.eta.history import FinishedJob, History
from llmbatch.core.job_spec import JobSpec
from llmbatch.core.layout import history_uri
from llmbatch.core.store import ObjectStore
from llmbatch.core.stored import read_document

TRIES = 20
"""Attempts to write the history; each fails if another job writes it in between."""

_log = logging.getLogger(__name__)


def engine_key(spec: JobSpec) -> str:
    """Return a key of jobs that are comparable in speed: model, engine, task, accelerator and rows decoded together.

    The digest tells apart all other settings that a benchmark varies. The number of replicas is not part of the key,
    because rates are per replica.
    """
    engine = spec.engine
    # A default that was never parsed is 1, the same one read from spec.json is 1.0.
    facts: list[object] = [spec.model_uri, engine.gpus_per_replica, float(engine.cpus_per_replica)]
    facts += [engine.max_num_batched_tokens, engine.enforce_eager, engine.chunked_prefill]
    if engine.kind is EngineKind.ECHO:
        facts += [float(engine.echo.seconds_per_row), float(engine.echo.start_seconds)]
    kinds = (engine.kind.value, spec.request.engine_task.value, engine.accelerator.value)
    return " ".join((spec.model_name, *kinds, f"seqs{engine.max_num_seqs}", _digest(facts)))


def template_key(spec: JobSpec) -> str:
    """Return a key of jobs that are comparable in answers: a digest of template, system prompt and ``max_tokens``."""
    request = spec.request
    return _digest([request.prompt_template, request.system_prompt, request.sampling.max_tokens])


def read_history(base_uri: str, store: ObjectStore) -> History:
    """Return the history. A missing or unreadable one is empty; an unreadable one is logged.

    Raises:
        StoreError: the store failed.
    """
    try:
        return _parsed(base_uri, store.get(history_uri(base_uri))) or History()
    except ObjectMissing:
        return History()


def basis_for(spec: JobSpec, history: History) -> EtaBasis:
    """Return the basis of a job's estimates before its first heartbeat."""
    engine, template = engine_key(spec), template_key(spec)
    return EtaBasis(
        engine=engine,
        template=template,
        jobs=sum(job.engine == engine for job in history.jobs),
        priors=history.priors_for(engine, template),
        spread=history.spread_for(engine, spec.request.engine_task.value),
    )


def add_finished(base_uri: str, job: FinishedJob, store: ObjectStore) -> None:
    """Add a job, or replace its entry; an equal entry is not written again.

    An unreadable history is copied to ``<its address>.unreadable-<etag>`` before a new one replaces it.

    Raises:
        StoreError: the store failed, or other writers changed the history 20 times in a row.
    """
    uri = history_uri(base_uri)
    for _ in range(TRIES):
        try:
            body, etag = _read(uri, store)
            old = _parsed(base_uri, body) if body is not None else None
            new = (old or History()).with_job(job)
            if new == old:
                return
            if body is not None and etag is not None:
                if old is None:
                    _put_aside(f"{uri}.unreadable-{etag[:12]}", body, store)
                store.replace(uri, new.model_dump_json().encode(), etag)
            else:
                store.create(uri, new.model_dump_json().encode())
        except (ObjectExists, ObjectChanged, ObjectMissing, InputChanged):
            continue  # another job ended since we looked; look at that
        _log.info("event=learned job_id=%s engine=%r jobs=%d", job.job_id, job.engine, len(new.jobs))
        return
    raise StoreError(
        f"{uri} was changed by others {TRIES} times in a row; {job.job_id} is not in it. Clear the task `report`."
    )


def _read(uri: str, store: ObjectStore) -> tuple[bytes | None, str | None]:
    """Return the body and its ETag; None for both without a history."""
    try:
        info = store.head(uri)
    except ObjectMissing:
        return None, None
    with store.open_stream(uri, info.etag) as stream:
        return stream.read(), info.etag


def _parsed(base_uri: str, body: bytes) -> History | None:
    try:
        return read_document(History, body)
    except ValidationError as error:
        _log.warning(
            "event=history_unreadable history=%s problems=%d; ETAs start from wide defaults. The next job that ends "
            "starts a new history and keeps this file beside it; to use it again, repair it and put it back.",
            history_uri(base_uri),
            error.error_count(),
        )
        return None


def _put_aside(uri: str, body: bytes, store: ObjectStore) -> None:
    try:
        store.create(uri, body)
    except ObjectExists:
        return  # an earlier attempt has kept this version


def _digest(facts: list[object]) -> str:
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:12]
