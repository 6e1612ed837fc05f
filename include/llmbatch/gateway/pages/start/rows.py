"""The first rows of an input as they will be asked, read and checked as a job would read and check them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from llmbatch.core.clock import Clock
from llmbatch.core.config import Config
from llmbatch.core.errors import ForeignManifest, InputChanged, RequestError, SpecError, StoreDenied
from llmbatch.core.identity import INFERENCE_DAG
from llmbatch.core.input_list import InputList
from llmbatch.core.job_request import JobRequest
from llmbatch.core.job_spec import JobSpec
from llmbatch.core.rows import StagedRow
from llmbatch.core.store import ObjectStore
from llmbatch.gateway.pages.start.bounded_store import bounded
from llmbatch.gateway.pages.start.shown_row import ShownRow, shown_row

MOST_ROWS = 5


@dataclass(frozen=True)
class FirstRows:
    """The start of an input.

    Attributes:
        format: how it is written, as given or found.
        objects: how many there are.
        bytes: of all of them.
        source: fields of the request that say where the prompt is, and their values, as given or found.
        model: the model that answers.
        rows: at most ``MOST_ROWS``.
        cut: why there are no more of them, if the look ended early; else empty.
    """

    format: str
    objects: int
    bytes: int
    source: tuple[tuple[str, str], ...]
    model: str
    rows: tuple[ShownRow, ...]
    cut: str = ""


def first_rows(request: JobRequest, owner: str, config: Config, store: ObjectStore, clock: Clock) -> FirstRows:
    """Return the first rows. Blocks for ``MOST_SECONDS`` of a bounded look at most; writes nothing.

    Args:
        request: the checked request.
        owner: who asks; uploaded files and earlier jobs of that user may be read.
        config: settings of this deployment, with the addresses that may be read.
        store: where the input is.
        clock: for the limit.

    Raises:
        RequestError: the job would be refused, naming the field and the fix; or the look reached its limit before the
            first row.
        StoreError: the store failed.
    """
    # here, because it imports pyarrow, which only this look needs
    from llmbatch.orchestrator.intake.accept import resolve
    from llmbatch.orchestrator.intake.addresses import check_output

    look = bounded(store, clock)
    try:
        spec, inputs = resolve(
            request,
            dag_id=INFERENCE_DAG,
            run_id="first-rows",
            created_at=clock.now(),
            config=config,
            store=look,
            owner=owner,
        )
        check_output(spec, config.store.base_uri, config.store.allowed_outputs, config.drop)
        rows, cut = _first(_rows(spec, inputs, look, clock))
    except StoreDenied as error:
        raise RequestError(
            "input_uri",
            f"cannot be read with the key of the object store ({error})",
            "Permit that key to read there, or choose another address.",
        ) from None
    except InputChanged:
        raise RequestError("input_uri", "has changed while it was read", "Look at it again.") from None
    except (ForeignManifest, SpecError) as error:
        raise RequestError("retry_failed_of", f"cannot be retried: {error}", "Start a new job on its input.") from None
    return FirstRows(
        format=spec.input_format.value,
        objects=spec.inputs.objects,
        bytes=spec.inputs.bytes,
        source=_source(spec.request),
        model=spec.model_name,
        rows=tuple(map(shown_row, rows)),
        cut=cut,
    )


def _rows(spec: JobSpec, inputs: InputList, store: ObjectStore, clock: Clock) -> Iterator[StagedRow]:
    from llmbatch.orchestrator.inputs.prompt import RequestBuilder
    from llmbatch.orchestrator.inputs.readers.catalogue import READERS
    from llmbatch.orchestrator.inputs.readers.look import Look
    from llmbatch.orchestrator.inputs.readers.source import Source
    from llmbatch.orchestrator.staging.retry import rows_to_retry

    if spec.retry_of is not None:
        yield from rows_to_retry(spec, spec.retry_of, store)
        return
    builder, look = RequestBuilder.of(spec), Look(clock)
    for index, obj in enumerate(inputs.objects):
        yield from READERS[spec.input_format](Source(store, obj, index, builder, look))


def _first(rows: Iterator[StagedRow]) -> tuple[list[StagedRow], str]:
    """Return the first rows, and why they are not ``MOST_ROWS`` if an error ended them after the first."""
    found: list[StagedRow] = []
    try:
        found.extend(islice(rows, 1))
        found.extend(islice(rows, MOST_ROWS - 1))
    except RequestError as error:
        if not found:
            raise
        return found, str(error)
    return found, ""


def _source(request: JobRequest) -> tuple[tuple[str, str], ...]:
    fields = ("messages_column", "prompt_column", "prompt_template", "id_column")
    return tuple((name, str(value)) for name in fields if (value := getattr(request, name)) is not None)
