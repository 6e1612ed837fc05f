"""``tuned.json``: the engine settings that a benchmark found best for a model, and that are its default since then."""

from __future__ import annotations

import logging

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from llmbatch.core.engine_settings import Accelerator
from llmbatch.core.errors import ObjectMissing, StoreError
from llmbatch.core.layout import tuned_uri
from llmbatch.core.request_options import SpeedOptions
from llmbatch.core.store import ObjectStore
from llmbatch.core.stored import read_document

_log = logging.getLogger(__name__)


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())


class TunedChoice(_Part):
    """The adopted settings that a job was accepted with, and the benchmark that they come from."""

    benchmark_id: str
    settings: SpeedOptions


class Tuned(_Part):
    """The adopted settings of one model of config.yaml, and what was measured with them.

    They are those of ``model_uri`` on ``accelerator``, and count for nothing if config.yaml names others.
    """

    schema_version: int = 1
    model: str
    model_uri: str
    accelerator: Accelerator
    benchmark_id: str
    settings: SpeedOptions
    requests_per_second: float
    output_tokens_per_second: float
    adopted_at: AwareDatetime
    adopted_by: str = ""

    @property
    def choice(self) -> TunedChoice:
        """What a job's spec holds of it."""
        return TunedChoice(benchmark_id=self.benchmark_id, settings=self.settings)


def read_tuned(base_uri: str, model: str, store: ObjectStore) -> Tuned | None:
    """Return a model's adopted settings, None if it has none.

    What cannot be read is logged and counts as none: it must not stop a job.
    """
    uri = tuned_uri(base_uri, model)
    try:
        return read_document(Tuned, store.get(uri))
    except ObjectMissing:
        return None
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        problem = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    except StoreError as error:
        problem = str(error)
    _log.warning("event=tuned_ignored key=%s reason=%s; the settings of config.yaml are used", uri, problem)
    return None
