"""Options of an input are small, plain YAML."""

from __future__ import annotations

import pytest

from fakes.inboxes import INBOX, Deployment
from llmbatch.core.errors import ObjectChanged, RequestError
from llmbatch.core.store import MemoryStore
from llmbatch.orchestrator.drop_folder.inbox import Drop, read_inbox
from llmbatch.orchestrator.drop_folder.options import MOST_BYTES, read_options


def dropped(there: Deployment, sidecar: str | None = None) -> Drop:
    if sidecar is not None:
        there.drop("a.jsonl.llmbatch.yaml", sidecar)
    there.drop("a.jsonl")
    return read_inbox(INBOX, MemoryStore.list(there.store, INBOX), there.clock.now()).drops[0]


def test_an_input_without_options_has_none():
    there = Deployment()
    assert read_options(dropped(there), there.store) == {}


@pytest.mark.parametrize("text", ["", "# nothing\n"])
def test_an_empty_sidecar_has_none(text: str):
    there = Deployment()
    assert read_options(dropped(there, text), there.store) == {}


def test_the_sidecar_goes_over_the_metadata():
    there = Deployment()
    there.store.user_metadata[f"{INBOX}/a.jsonl"] = {"LLMbatch": "{sla_hours: 6, model: m}", "other": "x"}
    drop = dropped(there, "sla_hours: 3\n")
    assert read_options(drop, there.store) == {"sla_hours": 3, "model": "m"}


def test_a_date_stays_text():
    there = Deployment()
    assert read_options(dropped(there, "system_prompt: 2030-01-01\n"), there.store) == {"system_prompt": "2030-01-01"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: [1\nb: 2", "line 2"),
        ("- a", "is a list and not a mapping"),
        ("sla_hours", "is a str and not a mapping"),
        ("a: &x [1]\nb: *x", "alias"),
        ("a: !!python/object:os.system {}", "could not determine a constructor"),
        ("a: !!binary aGk=\n", "neither text, number"),
        ("a: .nan\n? [1]\n: 2", "YAML"),
        ("a: " + "[" * 5000, "nested too deeply"),
        ("a: 1\n" + "#" * MOST_BYTES, f"more than {MOST_BYTES}"),
        ("a: \x01", "not valid YAML"),
    ],
)
def test_options_that_cannot_be_read_name_the_object(text: str, words: str):
    there = Deployment()
    with pytest.raises(RequestError, match=r"a\.jsonl\.llmbatch\.yaml") as caught:
        read_options(dropped(there, text), there.store)
    assert words in str(caught.value)


def test_metadata_that_cannot_be_read_names_it():
    there = Deployment()
    there.store.user_metadata[f"{INBOX}/a.jsonl"] = {"llmbatch": "["}
    with pytest.raises(RequestError, match="the metadata llmbatch of s3://b/inbox/a"):
        read_options(dropped(there), there.store)


def test_an_object_that_was_overwritten_is_not_read():
    there = Deployment()
    drop = dropped(there)
    there.drop("a.jsonl", "new")
    with pytest.raises(ObjectChanged):
        read_options(drop, there.store)
