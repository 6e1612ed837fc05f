"""Rows that did not succeed, by class."""

from __future__ import annotations

from fakes.finished_jobs import finish, spec_of
from fakes.shown_jobs import beat_of
from llmbatch.core.states import ErrorClass, RowState
from llmbatch.core.store import MemoryStore
from llmbatch.gateway.pages.job.errors import EARLIER, EXPLANATIONS, UNCOUNTED, groups_of
from llmbatch.gateway.pages.job.samples import Sample

SPEC = spec_of()


def test_every_class_and_every_end_without_an_answer_is_explained() -> None:
    assert set(EXPLANATIONS) == {*ErrorClass, RowState.EXPIRED, RowState.CANCELLED}


def test_a_job_that_runs_has_the_counts_of_its_heartbeat() -> None:
    samples = [Sample("schema", "a", 1, "m"), Sample("engine", "b", 2, "m")]
    groups = groups_of(beat_of(SPEC), None, samples)
    assert [(group.name, group.rows, group.share) for group in groups] == [
        ("schema", 9, 0.009), ("too_long", 3, 0.003), ("expired", 1, 0.001)
    ]  # fmt: skip
    assert [group.samples for group in groups] == [(samples[0],), (), ()]


def test_nothing_before_the_first_heartbeat() -> None:
    assert groups_of(None, None, ()) == ()


def test_a_published_job_has_the_rows_of_its_proof() -> None:
    proof = finish(MemoryStore(), SPEC)
    rows = proof.rows.model_copy(update={"failed": 20, "cancelled": 4})
    proof = proof.model_copy(update={"rows": rows})
    counts = {group.name: group.rows for group in groups_of(beat_of(SPEC), proof, ())}
    assert counts == {"schema": 9, "too_long": 3, "cancelled": 4, UNCOUNTED: 8}
    retry = proof.model_copy(update={"retry_of": "x"})
    assert {group.name: group.rows for group in groups_of(beat_of(SPEC), retry, ())} == {
        "schema": 9,
        "too_long": 3,
        "cancelled": 4,
        EARLIER: 8,
    }
    assert {group.explanation for group in groups_of(None, proof, ())}
