"""Objects that an input_uri names: one object, a prefix, a glob."""

from __future__ import annotations

import pytest

from llmbatch.core.errors import RequestError
from llmbatch.core.job_spec import InputObject
from llmbatch.core.store import MemoryStore
from llmbatch.orchestrator.inputs import listing
from llmbatch.orchestrator.inputs.listing import covers, list_inputs, searched_folder

NAMES = (
    "a/.hidden",
    "a/_SUCCESS",
    "a/x1.csv",
    "a/x2.csv",
    "a/x10.csv",
    "a/old.csv",
    "a/deep/x3.csv",
    "a/deep/er/x4.csv",
    "a.csv",
)


@pytest.fixture
def store() -> MemoryStore:
    store = MemoryStore()
    for name in NAMES:
        store.put(f"s3://in/{name}", name.encode())
    store.put("s3://in/a/empty.csv", b"")
    return store


def names(uri: str, store: MemoryStore) -> list[str]:
    return [item.uri.removeprefix("s3://in/") for item in list_inputs(uri, store)]


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("s3://in/a.csv", ["a.csv"]),
        ("s3://in/a/_SUCCESS", ["a/_SUCCESS"]),
        ("s3://in/a/", ["a/deep/er/x4.csv", "a/deep/x3.csv", "a/old.csv", "a/x1.csv", "a/x10.csv", "a/x2.csv"]),
        ("s3://in/a/x?.csv", ["a/x1.csv", "a/x2.csv"]),
        ("s3://in/a/x*", ["a/x1.csv", "a/x10.csv", "a/x2.csv"]),
        ("s3://in/a/x[!1].csv", ["a/x2.csv"]),
        ("s3://in/a/x[13].csv", ["a/x1.csv"]),
        ("s3://in/a/*/x*", ["a/deep/x3.csv"]),
        ("s3://in/a/**/x*", ["a/deep/er/x4.csv", "a/deep/x3.csv", "a/x1.csv", "a/x10.csv", "a/x2.csv"]),
        ("s3://in/a/deep/**", ["a/deep/er/x4.csv", "a/deep/x3.csv"]),
        ("s3://in/*.csv", ["a.csv"]),
    ],
)
def test_objects_by_name_prefix_and_glob(store: MemoryStore, uri: str, expected: list[str]) -> None:
    assert names(uri, store) == expected


@pytest.mark.parametrize(
    "uri",
    [
        "s3://in/a.csv",
        "s3://in/a/",
        "s3://in/",
        "s3://in",
        "s3://in/a/x?.csv",
        "s3://in/**/x[13].csv",
        "s3://in/*",
        "s3://i/",
    ],
)
def test_what_an_address_covers_is_what_it_lists(store: MemoryStore, uri: str) -> None:
    covered = [f"s3://in/{name}" for name in NAMES if covers(uri, f"s3://in/{name}")]
    try:
        listed = [item.uri for item in list_inputs(uri, store)]
    except RequestError:
        listed = []
    assert sorted(covered) == sorted(listed)


def test_a_glob_searches_the_folder_before_its_first_sign() -> None:
    found = [searched_folder(f"s3://in/{key}") for key in ("a/b*/c", "a/[b]", "*", "a/b", "a/")]
    assert found == ["s3://in/a", "s3://in/a", "s3://in/", "s3://in/a/b", "s3://in/a/"]


def test_an_object_has_its_current_version(store: MemoryStore) -> None:
    info = store.head("s3://in/a.csv")
    assert list_inputs("s3://in/a.csv", store) == (InputObject(uri=info.uri, etag=info.etag, size=5),)


@pytest.mark.parametrize(
    ("uri", "words"),
    [
        ("s3://in/a/x3.csv", "does not exist.*Did you mean .*s3://in/a/x"),
        ("s3://in/a", "does not exist.*end the prefix with a slash: s3://in/a/"),
        ("s3://in/void/", "names no object.*Upload the input under s3://in/void/"),
        ("s3://in/a/*.json", "names no object"),
        ("s3://in/a?x1.csv", "names no object"),
        ("s3://in/a/empty.csv", "is empty"),
        ("s3://in/a/empty*", "is empty"),
    ],
)
def test_an_input_without_rows_is_refused_with_the_fix(store: MemoryStore, uri: str, words: str) -> None:
    with pytest.raises(RequestError, match=words) as caught:
        list_inputs(uri, store)
    assert caught.value.field == "input_uri"


def test_the_number_of_objects_has_a_limit(store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "MAX_OBJECTS", 3)
    assert len(list_inputs("s3://in/a/x*", store)) == 3
    with pytest.raises(RequestError, match=r"names more than 3 objects.*Split the job"):
        list_inputs("s3://in/a/", store)


def test_a_set_may_hold_any_character(store: MemoryStore) -> None:
    for name in ("odd/[x", "odd/&x", "odd/|x", "odd/ax"):
        store.put(f"s3://in/{name}", b"1")
    assert names("s3://in/odd/[[&]*", store) == ["odd/&x", "odd/[x"]
    assert names("s3://in/odd/[a||]x", store) == ["odd/ax", "odd/|x"]


def test_a_reversed_range_is_an_error_of_the_request(store: MemoryStore) -> None:
    with pytest.raises(RequestError, match=r"input_uri.*\[z-a\]\*.*not a valid glob"):
        names("s3://in/a/[z-a]*", store)


SPARK = (
    "out/part-0.jsonl",
    "out/_temporary/0/part-0.jsonl",
    "out/.spark/x.jsonl",
    "out/deep/_old/x.jsonl",
    "out/_day=1/part-0.jsonl",
    "out/day=2/part-0.jsonl",
    "out/day=2/_delta_log/0.json",
    "out/_hidden=1.jsonl",
)


@pytest.mark.parametrize("uri", ["s3://in/out/", "s3://in/out/**", "s3://in/out/**/*", "s3://in/ou*/**"])
def test_folders_that_begin_with_an_underscore_or_a_dot_are_no_input(store: MemoryStore, uri: str) -> None:
    for name in SPARK:
        store.put(f"s3://in/{name}", b"1")
    assert names(uri, store) == ["out/_day=1/part-0.jsonl", "out/day=2/part-0.jsonl", "out/part-0.jsonl"]


@pytest.mark.parametrize("uri", ["s3://in/out/_temporary/", "s3://in/out/_temporary/**", "s3://in/out/_temporary/*/p*"])
def test_a_folder_that_the_prefix_names_is_read(store: MemoryStore, uri: str) -> None:
    for name in SPARK:
        store.put(f"s3://in/{name}", b"1")
    assert names(uri, store) == ["out/_temporary/0/part-0.jsonl"]


@pytest.mark.parametrize("uri", ["s3://in/only/", "s3://in/only/**", "s3://in/only/*/*.jsonl"])
def test_an_input_of_skipped_objects_only_says_so(store: MemoryStore, uri: str) -> None:
    store.put("s3://in/only/_tmp/x.jsonl", b"1")
    with pytest.raises(RequestError, match=r"names no object.*begin with _ or \. are skipped, such as .*_tmp/x.jsonl"):
        names(uri, store)


@pytest.mark.parametrize("name", ["part[1].jsonl", "part?.jsonl", "part*.jsonl", "[x", "run[1]/part1.jsonl"])
def test_an_object_of_exactly_that_key_wins_over_the_glob(store: MemoryStore, name: str) -> None:
    for there in ("part1.jsonl", "part11.jsonl", "x", "run1/part1.jsonl", name):
        store.put(f"s3://in/{there}", b"1")
    assert names(f"s3://in/{name}", store) == [name]


def test_a_prefix_may_hold_brackets(store: MemoryStore) -> None:
    store.put("s3://in/run[1]/x.jsonl", b"1")
    store.put("s3://in/run1/x.jsonl", b"1")
    assert names("s3://in/run[1]/", store) == ["run[1]/x.jsonl"]
    with pytest.raises(RequestError, match=r"names no object.*end it with /\*\*: s3://in/run\?/\*\*"):
        names("s3://in/run?/", store)
