"""Copies that are proved, in an order in which half a copy never looks complete."""

from __future__ import annotations

import pytest

from llmbatch.core.errors import RequestError, StoreError
from llmbatch.core.store import MemoryStore, ObjectInfo
from llmbatch.orchestrator.maintenance.backup import CopyReport, copy_jobs

FROM, TO = "s3://b/jobs/", "s3://safe/jobs/"
NAMES = [
    *("j1/control.json", "j1/manifest.json", "j1/output/manifest.json", "j1/output/results.parquet"),
    *("j1/results/shard-00000.parquet", "j1/spec.json", "j1/staged/manifest.json", "j1/staged/shard-00000.parquet"),
    *("j2/manifest.json", "j2/spec.json"),
]


class Copies(MemoryStore):
    """Notes what is copied; can change the source, break a copy, or hand out ETags as if written in parts."""

    def __init__(self) -> None:
        super().__init__()
        self.copied: list[str] = []
        self.changes = 0
        self.broken: str | None = None
        self.parted: set[str] = set()

    def copy(self, source: ObjectInfo, uri: str) -> ObjectInfo:
        if self.changes and source.uri.endswith("control.json"):
            self.changes -= 1
            self.put(source.uri, self.get(source.uri) + b".")
        info = super().copy(source, uri)
        self.copied.append(uri.removeprefix(TO))
        return self.put(uri, b"?" * info.size) if uri == self.broken else self.head(uri)

    def head(self, uri: str) -> ObjectInfo:
        info = super().head(uri)
        return ObjectInfo(uri, f"{info.etag}-2" if uri in self.parted else info.etag, info.size)


@pytest.fixture
def store() -> Copies:
    store = Copies()
    for name in NAMES:
        store.put(FROM + name, f"body of {name}".encode())
    store.put("s3://b/jobsanother", b"x")
    store.put("s3://b/in.jsonl", b"x")
    return store


def inside(store: MemoryStore, folder: str) -> dict[str, bytes]:
    return {uri.removeprefix(folder): body for uri, body in store.objects.items() if uri.startswith(folder)}


def test_a_whole_prefix_and_again(store: Copies) -> None:
    size = sum(map(len, inside(store, FROM).values()))
    assert copy_jobs(FROM, TO, store) == CopyReport(objects=10, bytes=size, copied=10, skipped=0)
    assert inside(store, TO) == inside(store, FROM)
    assert copy_jobs(FROM.rstrip("/"), TO.rstrip("/"), store) == CopyReport(10, size, 0, 10)


def test_manifests_come_last_and_a_job_s_own_after_those_inside_it(store: Copies) -> None:
    copy_jobs(FROM, TO, store)
    last = store.copied[-4:]
    assert set(last[:2]) == {"j1/output/manifest.json", "j1/staged/manifest.json"}
    assert set(last[2:]) == {"j1/manifest.json", "j2/manifest.json"}


def test_one_job_there_and_what_was_lost_or_damaged_back(store: Copies) -> None:
    copy_jobs(f"{FROM}j1", f"{TO}j1", store)
    assert set(inside(store, TO)) == {name for name in NAMES if name.startswith("j1/")}
    whole = inside(store, FROM)
    store.delete(f"{FROM}j1/results/shard-00000.parquet")
    store.put(f"{FROM}j1/spec.json", b"BODY OF j1/spec.json")
    report = copy_jobs(f"{TO}j1", f"{FROM}j1", store)
    assert (report.copied, report.skipped) == (2, 6)
    assert inside(store, FROM) == whole


def test_equal_content_under_another_etag_is_a_copy(store: Copies) -> None:
    store.parted = {f"{FROM}j1/output/results.parquet", f"{TO}j2/spec.json"}
    assert copy_jobs(FROM, TO, store).copied == 10
    assert copy_jobs(FROM, TO, store).copied == 0


def test_an_object_that_changes_meanwhile_is_copied_as_it_is_then(store: Copies) -> None:
    store.changes = 2
    assert copy_jobs(FROM, TO, store).copied == 10
    assert inside(store, TO) == inside(store, FROM)


@pytest.mark.parametrize(
    ("problem", "words"),
    [
        ({"broken": f"{TO}j1/spec.json"}, r"j1/spec.json is not equal to .* Run the command again"),
        ({"changes": 99}, r"control.json was replaced 5 times while it was copied"),
    ],
)
def test_a_copy_that_cannot_be_proved_is_an_error_and_leaves_no_manifest(
    store: Copies, problem: dict[str, object], words: str
) -> None:
    vars(store).update(problem)
    with pytest.raises(StoreError, match=words):
        copy_jobs(FROM, TO, store)
    assert not [name for name in inside(store, TO) if name.endswith("manifest.json")]


@pytest.mark.parametrize(
    ("source", "target", "words"),
    [
        ("s3://b/nothing", TO, "source: there is nothing under s3://b/nothing/"),
        ("jobs", TO, "source: .*s3://bucket/key"),
        (FROM, "", "target: .*s3://bucket/key"),
        (FROM, FROM, "contain one another"),
        (FROM, "s3://b/jobs/backup", "contain one another"),
        ("s3://b/jobs/j1", "s3://b/jobs", "contain one another"),
    ],
)
def test_wrong_addresses(store: Copies, source: str, target: str, words: str) -> None:
    before = dict(store.objects)
    with pytest.raises(RequestError, match=words):
        copy_jobs(source, target, store)
    assert store.objects == before
