"""What finished jobs taught, kept in the store."""

from __future__ import annotations

from llmbatch.core.eta.basis import EtaBasis
from llmbatch.core.eta.history import History
from llmbatch.core.job_spec import JobSpec
from llmbatch.core.store import ObjectStore


def read_history(base_uri: str, store: ObjectStore) -> History:
    """Return the history under ``base_uri``."""
    del base_uri, store
    return History()


def basis_for(spec: JobSpec, history: History) -> EtaBasis:
    """Return what is believed of a job."""
    del history
    return EtaBasis(engine=f"{spec.model_uri} {spec.engine.kind.value} {spec.engine.accelerator.value}")
