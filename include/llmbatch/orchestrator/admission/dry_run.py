"""A dry run: read the whole input as staging does, write no shard, and report what the job would need."""

from __future__ import annotations

from llmbatch.core.clock import Clock
from llmbatch.core.config_sections import CostConfig
from llmbatch.core.dry_run import Bounds, DryRun, cost_of, prompt_tokens
from llmbatch.core.eta.forecast import forecast
from llmbatch.core.input_size import LengthTally
from llmbatch.core.job_spec import JobSpec
from llmbatch.core.rows import StagedRow
from llmbatch.core.store import ObjectStore
from llmbatch.orchestrator.admission.admit import preview, read_basis
from llmbatch.orchestrator.staging.stage import input_rows

EXAMPLES = 10


def dry_run(spec: JobSpec, capacity: int, cost: CostConfig, store: ObjectStore, clock: Clock) -> DryRun:
    """Write ``dry_run.json`` and return it.

    Raises:
        RequestError: an object cannot be read.
        InputChanged: an input object was replaced or deleted after the job was accepted.
        StoreError: the store failed.
    """
    count = _Count(spec.engine.max_model_len)
    for row in input_rows(spec, store):
        count.add(row)
    size = count.tally.counted()
    eta = forecast(size, spec.engine.max_num_seqs, read_basis(spec, store), spec.engine.max_replicas)
    found = DryRun(
        job_id=spec.job_id,
        rows=count.rows,
        invalid_rows=count.invalid,
        invalid_examples=tuple(count.examples),
        too_many_invalid=count.invalid > spec.request.max_error_rate * count.rows,
        prompt_tokens=count.prompt,
        output_tokens=count.output,
        tuned=spec.tuned and spec.tuned.benchmark_id,
        max_model_len=spec.engine.max_model_len,
        rows_too_long=count.too_long if spec.engine.max_model_len is not None else None,
        size=size,
        eta=eta,
        cost=cost_of(eta, spec.engine, cost),
        admission=preview(spec, size, capacity, store, clock),
    )
    store.put(spec.layout.dry_run, found.model_dump_json(indent=1).encode())
    return found


class _Count:
    """What the rows add up to."""

    def __init__(self, max_model_len: int | None) -> None:
        self._limit = max_model_len
        self.tally = LengthTally()
        self.rows = self.invalid = 0
        self.examples: list[str] = []
        self.prompt, self.output, self.too_long = Bounds(), Bounds(), Bounds()

    def add(self, row: StagedRow) -> None:
        self.rows += 1
        if row.error is not None:
            self.invalid += 1
            if len(self.examples) < EXAMPLES:
                self.examples.append(row.error)
            return
        longest = row.answer_limit
        self.tally.add(row.input_chars, longest)
        # Beyond ASCII a character has more than one byte; which of the request's are the prompt's does not matter.
        tokens = prompt_tokens(row.input_chars, row.input_chars + len(row.request.encode()) - len(row.request))
        self.prompt += tokens
        self.output += Bounds(high=longest)
        if self._limit is not None:
            self.too_long += Bounds(low=int(tokens.low >= self._limit), high=int(tokens.high >= self._limit))
