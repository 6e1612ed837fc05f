"""Adopt the best setting of a benchmark: write ``tuned.json`` of its model, which later jobs start from."""

from __future__ import annotations

import logging
from datetime import datetime

from pydantic import ValidationError

from llmbatch.core.config import Config
from llmbatch.core.errors import ObjectChanged, ObjectExists, ObjectMissing, StoreError
from llmbatch.core.layout import tuned_uri
from llmbatch.core.request_options import SpeedOptions
from llmbatch.core.store import ObjectStore
from llmbatch.core.stored import read_document
from llmbatch.core.tuned import Tuned
from llmbatch.orchestrator.benchmark.report import BenchmarkReport

_log = logging.getLogger(__name__)


def adopt(report: BenchmarkReport, config: Config, store: ObjectStore, *, by: str, now: datetime) -> Tuned | None:
    """Make the best setting the default of the model, and return it; None if there is none to adopt.

    Only what the benchmark varied is adopted. A repeated call keeps what the first one wrote.

    Raises:
        StoreError: the store failed, or another benchmark adopted a setting of this model at the same time.
    """
    best = report.best_setting
    if best is None or best.setting == SpeedOptions():
        _log.warning("event=nothing_adopted benchmark_id=%s best=%s", report.benchmark_id, report.best)
        return None
    tuned = Tuned(
        model=report.model,
        model_uri=config.models[report.model].address,
        accelerator=report.accelerator,
        benchmark_id=report.benchmark_id,
        settings=best.setting,
        requests_per_second=best.requests_per_second or 0.0,
        output_tokens_per_second=best.output_tokens_per_second or 0.0,
        adopted_at=now,
        adopted_by=by,
    )
    uri = tuned_uri(config.store.base_uri, report.model)
    kept = _write(uri, tuned, store)
    _log.info("event=adopted_setting benchmark_id=%s key=%s setting=%s", report.benchmark_id, uri, kept.settings)
    return kept


def _write(uri: str, tuned: Tuned, store: ObjectStore) -> Tuned:
    body = tuned.model_dump_json(indent=2).encode()
    try:
        info = store.head(uri)
        old = _readable(store.get(uri))
        if old is not None and old.benchmark_id == tuned.benchmark_id:
            return old
        store.replace(uri, body, info.etag)
    except ObjectMissing:
        _create(uri, body, store)
    except ObjectChanged as error:
        raise StoreError(f"{uri} was changed while it was replaced. Clear the task compare to adopt again.") from error
    return tuned


def _create(uri: str, body: bytes, store: ObjectStore) -> None:
    try:
        store.create(uri, body)
    except ObjectExists as error:
        raise StoreError(
            f"{uri} was written by another benchmark just now. Clear the task compare to adopt."
        ) from error


def _readable(body: bytes) -> Tuned | None:
    try:
        return read_document(Tuned, body)
    except ValidationError:
        return None
