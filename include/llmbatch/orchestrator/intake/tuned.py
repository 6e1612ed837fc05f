"""Which adopted settings a job gets: those of its model, unless the request declines them."""

from __future__ import annotations

import logging

from llmbatch.core.config import Config
from llmbatch.core.errors import ObjectMissing
from llmbatch.core.job_request import JobRequest
from llmbatch.core.layout import tuned_uri
from llmbatch.core.shown import shown
from llmbatch.core.store import ObjectStore
from llmbatch.core.tuned import Tuned, TunedChoice, read_tuned
from llmbatch.orchestrator.jobs.documents import read_spec

_log = logging.getLogger(__name__)


def tuned_for(request: JobRequest, root_uri: str, config: Config, store: ObjectStore) -> TunedChoice | None:
    """Return the adopted settings of a request's model, None if there are none or they do not apply.

    A job that was accepted before keeps those of its spec, whatever was adopted or removed since: an accepted job
    never changes.

    Args:
        request: the request, with the model that it inherits.
        root_uri: folder of the job.
        config: settings of this deployment; only its own models have adopted settings.
        store: where they are.

    Raises:
        SpecError: the job's folder holds the spec of another one.
        StoreError: the store failed.
    """
    name = config.model_name(request.model)
    if not request.engine.tuned or name not in config.models:
        return None
    try:
        return read_spec(root_uri, store).tuned
    except ObjectMissing:
        found = read_tuned(config.store.base_uri, name, store)
    if found is None:
        return None
    problem = _why_not(found, name, config)
    if problem is None:
        return found.choice
    uri = shown(tuned_uri(config.store.base_uri, name))
    _log.warning("event=tuned_ignored key=%s reason=%s; the settings of config.yaml are used", uri, problem)
    return None


def _why_not(tuned: Tuned, name: str, config: Config) -> str | None:
    address, accelerator = config.models[name].address, config.engine.accelerator
    if (tuned.model_uri, tuned.accelerator) != (address, accelerator):
        measured = f"{shown(tuned.model_uri)} on {tuned.accelerator.value}"
        return f"it was measured with {measured}, and config.yaml has {shown(address)} on {accelerator.value}"
    most, replicas = config.limits.max_concurrency, tuned.settings.concurrency
    if replicas is not None and replicas > most:
        return f"concurrency {replicas} is above limits.max_concurrency {most}"
    return None
