"""The history in the store loses nothing if jobs end together, if it is unreadable, or if a task is repeated."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from fakes.finished_jobs import BASE, NOW, job_id, spec_of
from llmbatch.core.endpoints import Endpoint, Task
from llmbatch.core.errors import StoreError
from llmbatch.core.eta.history import FinishedJob, History
from llmbatch.core.eta.priors import Priors
from llmbatch.core.eta.spread import KNOTS, Spread
from llmbatch.core.layout import history_uri
from llmbatch.core.store import MemoryStore, ObjectInfo
from llmbatch.orchestrator.history.lessons import TRIES, add_finished, basis_for, engine_key, read_history, template_key

URI = history_uri(BASE)


def lesson(number: int, engine: str = "e", **values: object) -> FinishedJob:
    at = NOW + timedelta(hours=number)
    return FinishedJob(job_id=job_id(number), finished_at=at, engine=engine, log_ratios=(0.1,) * len(KNOTS), **values)


class Busy(MemoryStore):
    """Another process writes just before each of the first writes."""

    def __init__(self, times: int, other: Callable[[MemoryStore], None]) -> None:
        super().__init__()
        self.times, self.other = times, other

    def _first(self) -> None:
        if self.times:
            self.times -= 1
            self.other(self)

    def create(self, uri: str, body: bytes) -> ObjectInfo:
        self._first()
        return super().create(uri, body)

    def replace(self, uri: str, body: bytes, etag: str) -> ObjectInfo:
        self._first()
        return super().replace(uri, body, etag)


def others() -> Callable[[MemoryStore], None]:
    """Each call is one more job that ended elsewhere."""
    numbers = iter(range(100, 200))

    def write(store: MemoryStore) -> None:
        history = History.model_validate_json(store.objects[URI]) if URI in store.objects else History()
        store.put(URI, history.with_job(lesson(next(numbers))).model_dump_json().encode())

    return write


@pytest.mark.parametrize("times", [0, 1, 5])
def test_jobs_that_end_together_are_all_kept(times: int) -> None:
    store = Busy(times, others())
    add_finished(BASE, lesson(1), store)
    found = [job.job_id for job in read_history(BASE, store).jobs]
    assert found == [job_id(1), *(job_id(100 + n) for n in range(times))]


def test_it_gives_up_and_says_what_to_do() -> None:
    with pytest.raises(StoreError, match=rf"{TRIES} times in a row; {job_id(1)} is not in it. Clear the task"):
        add_finished(BASE, lesson(1), Busy(TRIES, others()))


def test_a_repeated_call_writes_nothing() -> None:
    store = MemoryStore()
    add_finished(BASE, lesson(1), store)
    before = store.head(URI)
    add_finished(BASE, lesson(1), store)
    assert store.head(URI).modified == before.modified
    add_finished(BASE, lesson(1, rate=7.0), store)
    assert [job.rate for job in read_history(BASE, store).jobs] == [7.0]


def test_an_unreadable_history_is_kept_aside(caplog: pytest.LogCaptureFixture) -> None:
    store = MemoryStore()
    store.put(URI, b'{"schema_version": 9')
    assert read_history(BASE, store) == History()
    assert list(store.objects) == [URI]
    assert f"event=history_unreadable history={URI}" in caplog.text
    add_finished(BASE, lesson(1), store)
    assert [job.job_id for job in read_history(BASE, store).jobs] == [job_id(1)]
    aside = [uri for uri in store.objects if uri != URI]
    assert [uri.startswith(f"{URI}.unreadable-") for uri in aside] == [True]
    assert store.get(aside[0]) == b'{"schema_version": 9'


def test_without_history_the_basis_is_wide() -> None:
    basis = basis_for(spec_of(), read_history(BASE, MemoryStore()))
    assert (basis.jobs, basis.priors, basis.spread) == (0, Priors(), Spread.default())


def test_the_basis_comes_from_jobs_of_the_same_engine() -> None:
    spec, history = spec_of(), History()
    for number in range(4):
        history = history.with_job(lesson(number, engine_key(spec), rate=80.0, phases={"model_load": 40.0}))
    history = history.with_job(lesson(9, "another", rate=1.0))
    basis = basis_for(spec, history)
    assert (basis.engine, basis.jobs, basis.priors.rate) == (engine_key(spec), 4, pytest.approx(80))
    assert basis.priors.phases["model_load"].seconds == pytest.approx(40)


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({"max_replicas": 8}, True),
        ({"row_timeout_seconds": 5.0}, True),
        ({"max_num_seqs": 8}, False),
        ({"max_num_batched_tokens": 512}, False),
        ({"enforce_eager": False}, False),
        ({"chunked_prefill": False}, False),
        ({"accelerator": "cpu"}, False),
        ({"gpus_per_replica": 4}, False),
        ({"kind": "echo"}, False),
    ],
)
def test_the_engine_key_tells_speeds_apart(change: dict[str, object], same: bool) -> None:
    spec = spec_of()
    data = spec.model_dump()
    other = type(spec).model_validate({**data, "engine": {**data["engine"], **change}})
    assert (engine_key(other) == engine_key(spec)) is same


@pytest.mark.parametrize("change", [{"task": Task.EMBED}, {"batch_endpoint": Endpoint.EMBEDDINGS}])
def test_the_engine_key_keeps_tasks_apart(change: dict[str, object]) -> None:
    """An engine that embeds is not as fast as the same one that answers; the request tells them apart."""
    spec = spec_of()
    assert engine_key(spec).split()[:4] == ["small", "vllm", "generate", "gpu"]
    embeds = spec.model_copy(update={"request": spec.request.model_copy(update=change)})
    assert engine_key(embeds).split()[2] == "embed"
    assert engine_key(embeds) != engine_key(spec)
    history = History()
    for number in range(4):
        history = history.with_job(lesson(number, engine_key(spec), rate=80.0))
    assert basis_for(spec, history).priors.rate == pytest.approx(80)
    basis = basis_for(embeds, history)
    assert (basis.jobs, basis.priors, basis.spread) == (0, Priors(), Spread.default())


def test_the_template_key_tells_answers_apart_and_no_text() -> None:
    keys = {
        template_key(spec_of(**request))
        for request in (
            {},
            {"system_prompt": "whisper"},
            {"prompt_template": "whisper {a}"},
            {"system_prompt": "whisper", "sampling": {"max_tokens": 7}},
        )
    }
    assert len(keys) == 4
    assert "whisper" not in "".join(keys)
    assert template_key(spec_of(system_prompt="whisper")) in keys
