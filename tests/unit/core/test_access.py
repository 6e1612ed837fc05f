"""The table of access: complete, without overlaps, and what it must never grant."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from llmbatch.core import backups, batch_errors, gateway_layout, layout
from llmbatch.core.access import PLACES, Operation, Place, Side, may, place_of
from llmbatch.core.layout import JobLayout

BASE = "s3://bucket/base"
JOB = JobLayout.of(BASE, "job-0123456789abcdef")


def key_of(uri: str) -> str:
    return uri.removeprefix(f"{BASE}/")


def addresses() -> Iterator[tuple[str, str]]:
    """Yield the name and the address of all objects and folders that the code has names for."""
    for name, member in vars(JobLayout).items():
        if isinstance(member, property) and isinstance(value := getattr(JOB, name), str):
            yield name, value
    yield "inputs", JOB.inputs("0" * 64)
    for name in ("staged_shard", "kept_shard", "result_shard", "failed_shard"):
        yield name, getattr(JOB, name)("shard-00000")
    for name in ("claim", "trace", "reaction"):
        yield name, getattr(JOB, name)(1)
    yield "crash", JOB.crash(1, "r0")
    yield "alert", JOB.alert("red", 1)
    yield "batch_errors", batch_errors.batch_errors_uri(JOB)
    of_base = [layout.history_uri, layout.queue_uri, layout.index_uri, layout.drop_uri, backups.backups_uri]
    of_base += [getattr(gateway_layout, name) for name in vars(gateway_layout) if name.endswith("_uri")]
    for function in of_base:
        more = ("ada",) if function in {gateway_layout.files_uri, gateway_layout.batches_uri} else ()
        yield function.__name__, function(BASE, *more)
    yield "benchmark_uri", layout.benchmark_uri(BASE, "bench-1")
    yield "tuned_uri", layout.tuned_uri(BASE, "small")
    yield "idempotency_uri", layout.idempotency_uri(BASE, "key", "ada")


NO_PLACE = {"job_id", "base", "staged"}
"""Of the layout of a job: a name, the base, and a folder of several places."""


@pytest.mark.parametrize(("name", "uri"), [each for each in addresses() if each[0] not in NO_PLACE])
def test_every_address_is_in_one_place(name: str, uri: str) -> None:
    key = key_of(f"{uri}object" if uri.endswith("/") else uri)
    assert [place.pattern for place in PLACES if place.holds(key)] == [place_of(key).pattern]  # type: ignore[union-attr]


def test_every_function_that_names_an_address_is_looked_at() -> None:
    looked_at = {name for name, _ in addresses()}
    methods = {name for name, member in vars(JobLayout).items() if callable(member) and not name.startswith("_")}
    functions = {name for name in vars(layout) if name.endswith("_uri") and name != "split_uri"}
    assert methods - {"of", "generation_of", "reaction_of", "shard_of"} <= looked_at
    assert functions <= looked_at


def key_in(place: Place) -> str:
    """Return the shortest key of a place with one folder more than needed."""
    return place.pattern.replace("?" * 16, "0123456789abcdef").replace("*", "x/y")


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.pattern)
def test_no_place_is_in_another(place: Place) -> None:
    assert [other for other in PLACES if other.holds(key_in(place))] == [place]


FORBIDDEN = {
    (Side.AIRFLOW, Operation.WRITE): [
        JOB.result_shard("shard-00000"), JOB.progress, JOB.trace(1), JOB.crash(1, "r0"), JOB.probe,
        f"{JOB.results}alerts/shard-00000.parquet", f"{BASE}/backups/x.json", f"{BASE}/unknown", f"{JOB.root}/unknown",
    ],
    (Side.AIRFLOW, Operation.DELETE): [f"{BASE}/queue.json", f"{BASE}/service.json", f"{BASE}/eta/history.json"],
    (Side.RAY, Operation.WRITE): [
        JOB.spec, JOB.manifest, JOB.control, JOB.staged_manifest, JOB.staged_shard("shard-00000"), JOB.admission,
        JOB.basis, JOB.sla, JOB.failed_shard("shard-00000"), JOB.alert("red", 1), f"{JOB.root}/output/output.jsonl",
        layout.idempotency_uri(BASE, "key", "ada"), layout.queue_uri(BASE), f"{layout.drop_uri(BASE)}open/x.json",
        f"{gateway_layout.keys_uri(BASE)}x.json", f"{gateway_layout.files_uri(BASE, 'ada')}file-1.json",
        gateway_layout.service_uri(BASE), layout.history_uri(BASE), layout.tuned_uri(BASE, "small"),
    ],
    (Side.RAY, Operation.READ): [
        f"{gateway_layout.keys_uri(BASE)}x.json", f"{gateway_layout.files_uri(BASE, 'ada')}file-1.json",
        layout.idempotency_uri(BASE, "key", "ada"), layout.queue_uri(BASE), JOB.kept_shard("shard-00000"),
        f"{JOB.root}/output/output.jsonl", JOB.alert("red", 1),
    ],
    (Side.RAY, Operation.DELETE): [key_in(place) for place in PLACES],
}  # fmt: skip


@pytest.mark.parametrize(
    ("side", "operation", "uri"), [(*who, uri) for who, uris in FORBIDDEN.items() for uri in uris]
)  # fmt: skip
def test_what_a_key_may_never_do(side: Side, operation: Operation, uri: str) -> None:
    assert not may(side, operation, key_of(uri))
