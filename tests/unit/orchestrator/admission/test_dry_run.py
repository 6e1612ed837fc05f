from __future__ import annotations

import json
from typing import Any

import pytest

from fakes.retries import CREATED, accepted, finished, store_with_input
from llmbatch.core.admission import Feasibility
from llmbatch.core.clock import ManualClock
from llmbatch.core.config_sections import CostConfig
from llmbatch.core.dry_run import Bounds, DryRun
from llmbatch.core.errors import RequestError
from llmbatch.core.eta.basis import EtaBasis
from llmbatch.core.eta.priors import LengthPrior, Priors
from llmbatch.core.job_spec import JobSpec
from llmbatch.core.store import MemoryStore
from llmbatch.orchestrator.admission import admit as admission
from llmbatch.orchestrator.admission.dry_run import EXAMPLES, dry_run
from llmbatch.orchestrator.jobs.folders import job_folder

SECRET = "a prompt that nobody else may see"


def lines(*rows: Any) -> bytes:
    return b"".join(row if isinstance(row, bytes) else json.dumps(row).encode() + b"\n" for row in rows)


def run(store: MemoryStore, spec: JobSpec, cost: CostConfig | None = None) -> DryRun:
    return dry_run(spec, 1, cost or CostConfig(), store, ManualClock(CREATED))


def dry(body: bytes, **conf: Any) -> DryRun:
    store = store_with_input(body)
    return run(store, accepted(store, "dry", input_uri="s3://b/in.jsonl", dry_run=True, **conf))


def test_rows_tokens_and_bad_rows() -> None:
    found = dry(
        lines(
            {"prompt": "x" * 80},
            b"broken\n",
            {"prompt": "ü" * 16, "sampling": {"max_tokens": 10}},
            {"prompt": SECRET, "sampling": {"max_token": 1}},
        ),
        sampling={"max_tokens": 100},
    )
    assert (found.rows, found.invalid_rows, found.too_many_invalid) == (4, 2, False)
    assert found.prompt_tokens == Bounds(low=10 + 2, high=80 + 32 + 2 * 64)
    assert found.output_tokens == Bounds(low=0, high=110)
    assert [example.split(":")[0] for example in found.invalid_examples] == ["line 2 of in.jsonl", "line 4 of in.jsonl"]
    assert SECRET not in found.model_dump_json()
    assert (found.size.rows, found.size.rows_low, found.size.sampled_rows) == (2, 2, 2)


def test_several_answers_are_counted_and_reading_writes_none() -> None:
    found = dry(lines({"prompt": "x", "request": {"n": 3}}, {"prompt": "y"}), sampling={"max_tokens": 10})
    assert found.output_tokens == Bounds(high=40)
    found = dry(lines({"text": "x" * 80}), task="embed")
    assert (found.output_tokens, found.prompt_tokens.low, found.rows) == (Bounds(), 10, 1)


def test_nothing_is_staged_and_the_result_is_kept() -> None:
    store = store_with_input()
    spec = accepted(store, "dry", input_uri="s3://b/in.jsonl", dry_run=True)
    before = set(store.objects)
    found = run(store, spec)
    assert set(store.objects) - before == {spec.layout.dry_run}
    assert DryRun.model_validate_json(store.get(spec.layout.dry_run)) == found
    assert run(store, spec) == found


def test_examples_are_few() -> None:
    found = dry(lines({"prompt": "hi"}) + b"broken\n" * 50, max_error_rate=0.1)
    assert len(found.invalid_examples) == EXAMPLES
    assert found.too_many_invalid


def test_an_input_without_a_readable_row_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "basis_for", lambda spec, history: EtaBasis(engine="e", priors=Priors(rate=1.0)))
    found = dry(lines({"prompt": "x", "sampling": {"max_token": 1}}) * 3)
    assert (found.rows, found.invalid_rows, found.too_many_invalid) == (3, 3, True)
    assert (found.size.rows, found.size.cells, found.output_tokens) == (0, (), Bounds())


@pytest.mark.parametrize(
    ("chars", "too_long"), [(10, (0, 0)), (35, (0, 0)), (36, (0, 1)), (792, (0, 1)), (793, (1, 1))]
)
def test_rows_that_do_not_fit(chars: int, too_long: tuple[int, int]) -> None:
    found = dry(lines({"prompt": "x" * chars}), engine={"max_model_len": 100})
    assert found.rows_too_long == Bounds(low=too_long[0], high=too_long[1])


def test_without_a_known_context_window_nothing_is_said_of_it() -> None:
    found = dry(lines({"prompt": "x"}))
    assert (found.max_model_len, found.rows_too_long) == (None, None)


def test_without_history_time_and_cost_are_unknown() -> None:
    found = dry(lines({"prompt": "x"}))
    assert (found.eta, found.cost) == (None, None)
    assert found.admission.verdict is Feasibility.ACCEPTED
    assert "wall_time=? usd=?" in found.lines()[1]


def test_with_history(monkeypatch: pytest.MonkeyPatch) -> None:
    priors = Priors(
        lengths=LengthPrior(level=100.0, slope=0.0, spread=0.01, long=0.0), price=1e-9, rate=1.0, commit_seconds=0.0
    )
    monkeypatch.setattr(admission, "basis_for", lambda spec, history: EtaBasis(engine="e", priors=priors))
    found = dry(lines({"prompt": "x"}) * 36, sla_hours=0.5)
    assert found.eta is not None
    assert found.eta.p50 == pytest.approx(3600)
    assert found.admission.verdict is Feasibility.INFEASIBLE
    assert "wall_time=3600s (p10 1440s, p90 9000s)" in found.lines()[1]


def test_an_empty_input_is_an_error() -> None:
    with pytest.raises(RequestError, match="holds no row"):
        dry(b"prompt\n", input_format="csv")


def test_a_retry_counts_what_it_would_run() -> None:
    store = store_with_input()
    parent = finished(store, "first", {2: "failed", 7: "expired"}, input_uri="s3://b/in.jsonl")
    found = run(store, accepted(store, "dry", retry_failed_of=parent.job_id, dry_run=True))
    assert (found.rows, found.invalid_rows) == (2, 0)


def test_maintenance_takes_it_for_finished() -> None:
    store = store_with_input()
    spec = accepted(store, "dry", input_uri="s3://b/in.jsonl", dry_run=True)
    assert job_folder(store, spec.root_uri, CREATED).finished_at is None
    run(store, spec)
    assert job_folder(store, spec.root_uri, CREATED).finished_at is not None
