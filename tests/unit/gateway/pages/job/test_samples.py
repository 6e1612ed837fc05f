"""Samples of failed rows."""

from __future__ import annotations

import pytest

from fakes.gateway import fake_gateway
from fakes.gateway_jobs import put_job
from fakes.shown_jobs import HOSTILE, put_dead_letters, put_rows, staged_row
from llmbatch.gateway.pages.job import samples, stored_rows
from llmbatch.gateway.pages.job.samples import MOST_SAMPLES, samples_of


def failed(number: int, name: str = "invalid", error: str = "not JSON") -> object:
    return staged_row(number, error_class=name, error=error)


def test_some_rows_of_each_class_from_committed_shards() -> None:
    gateway = fake_gateway()
    spec = put_job(gateway, "r")
    rows = [staged_row(0), *(failed(n) for n in range(1, 9)), failed(9, "too_long")]
    put_rows(gateway, spec, rows)  # type: ignore[arg-type]
    found = samples_of(spec, gateway.store, is_delivered=False)
    assert [sample.error_class for sample in found] == ["invalid"] * MOST_SAMPLES + ["too_long"]
    assert (found[0].custom_id, found[0].line, found[0].message) == ("q1", 1, "not JSON")
    assert samples_of(spec, gateway.store, is_delivered=True) == ()


def test_a_delivered_job_has_dead_letters() -> None:
    gateway = fake_gateway()
    spec = put_job(gateway, "r", "success")
    put_dead_letters(gateway, spec, [failed(1)])  # type: ignore[list-item]
    assert len(samples_of(spec, gateway.store, is_delivered=True)) == 1


def test_texts_are_cut() -> None:
    gateway = fake_gateway()
    spec = put_job(gateway, "r")
    long = HOSTILE + "x" * 2**20
    put_rows(gateway, spec, [staged_row(1, custom_id=long, error_class="engine", error=long)])
    (sample,) = samples_of(spec, gateway.store, is_delivered=False)
    assert len(sample.message) < stored_rows.TEXT_CHARS + 40
    assert sample.custom_id is not None
    assert len(sample.custom_id) < 250


def test_what_cannot_be_read_or_is_too_large_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    gateway = fake_gateway()
    spec = put_job(gateway, "r")
    put_rows(gateway, spec, [failed(1)])  # type: ignore[list-item]
    gateway.store.put(spec.layout.result_shard("shard-00001"), b"no parquet")
    gateway.store.put(f"{spec.layout.results}readme.txt", b"a note")
    assert len(samples_of(spec, gateway.store, is_delivered=False)) == 1
    monkeypatch.setattr(stored_rows, "MOST_BYTES", 10)
    assert samples_of(spec, gateway.store, is_delivered=False) == ()


def test_so_many_shards_and_rows_are_read_the_newest_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(samples, "MOST_SHARDS", 1)
    gateway = fake_gateway()
    spec = put_job(gateway, "r")
    for number in (2, 1):
        gateway.clock.advance(10)
        put_rows(gateway, spec, [failed(number)])  # type: ignore[list-item]
        body = gateway.store.get(spec.layout.result_shard("shard-00000"))
        gateway.store.put(spec.layout.result_shard(f"shard-0000{number}"), body)
    gateway.store.delete(spec.layout.result_shard("shard-00000"))
    assert [sample.line for sample in samples_of(spec, gateway.store, is_delivered=False)] == [1]
    monkeypatch.setattr(samples, "MOST_ROWS", 0)
    assert samples_of(spec, gateway.store, is_delivered=False) == ()
