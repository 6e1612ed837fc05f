"""What an inbox holds."""

from __future__ import annotations

from datetime import timedelta

import pytest

from fakes.inboxes import INBOX
from llmbatch.core.clock import ManualClock
from llmbatch.core.store import ObjectInfo
from llmbatch.orchestrator.drop_folder.inbox import UNFINISHED, Inbox, read_inbox

NOW = ManualClock().now()


def held(*names: str, size: int = 1, age: float = 1, etag: str = "e") -> Inbox:
    """Return an inbox with objects that were written ``age`` minutes ago."""
    modified = NOW - timedelta(minutes=age)
    return read_inbox(INBOX, [ObjectInfo(f"{INBOX}/{name}", etag, size, modified) for name in sorted(names)], NOW)


def test_names_that_begin_with_a_dot_or_underscore_are_no_input():
    assert held("_a.jsonl", ".b.jsonl", "_temporary/part-0", ".git/_SUCCESS", "") == Inbox()


@pytest.mark.parametrize("ending", UNFINISHED)
def test_an_upload_under_another_name_is_no_input(ending: str):
    assert held(f"a.jsonl{ending}", age=100) == Inbox()


def test_a_sidecar_belongs_to_its_object_and_is_no_input():
    [drop] = held("a.jsonl", "a.jsonl.llmbatch.yaml").drops
    assert drop.source == f"{INBOX}/a.jsonl"
    assert drop.options is not None
    assert [each.uri for each in drop.companions] == [f"{INBOX}/a.jsonl.llmbatch.yaml"]


def test_oldest_input_comes_first():
    infos = [ObjectInfo(f"{INBOX}/{name}", "e", 1, NOW - timedelta(minutes=age)) for name, age in [("a", 1), ("b", 3)]]
    assert [drop.source[-1] for drop in read_inbox(INBOX, infos, NOW).drops] == ["b", "a"]


def test_a_folder_waits_for_its_marker():
    assert held("n/part-0", "n/deep/_SUCCESS").drops == ()
    assert held("n/part-0", age=9).unmarked == ()
    assert held("n/part-0", age=11).unmarked == (f"{INBOX}/n/",)


@pytest.mark.parametrize("marker", ["_SUCCESS", ".llmbatch.yaml"])
def test_a_folder_with_a_marker_is_one_input(marker: str):
    [drop] = held("n/part-0", "n/deep/part-1", f"n/{marker}").drops
    assert (drop.source, drop.is_folder, drop.size) == (f"{INBOX}/n/", True, 0)
    assert [each.uri for each in drop.companions] == [f"{INBOX}/n/{marker}"]


def test_the_identity_of_a_folder_is_that_of_its_content():
    first, same = held("n/p", "n/_SUCCESS").drops[0], held("n/p", "n/.llmbatch.yaml").drops[0]
    other, more = held("n/p", "n/_SUCCESS", etag="f").drops[0], held("n/p", "n/q", "n/_SUCCESS").drops[0]
    assert first.drop_id == same.drop_id
    assert len({first.drop_id, other.drop_id, more.drop_id}) == 3


def test_the_identity_of_an_object_is_address_and_etag():
    one, other, place = held("a").drops[0], held("a", etag="f").drops[0], held("b").drops[0]
    assert len({one.drop_id, other.drop_id, place.drop_id}) == 3
    assert held("a", age=5).drops[0].drop_id == one.drop_id


def test_empty_objects_and_lone_sidecars_have_ten_minutes():
    assert held("a.jsonl", size=0, age=9) == held("a.jsonl.llmbatch.yaml", age=9) == Inbox()
    [empty] = held("a.jsonl", size=0, age=11).strays
    assert "is empty" in empty.reason
    [lone] = held("a.jsonl.llmbatch.yaml", age=11).strays
    assert "no object 'a.jsonl'" in lone.reason
    assert held("a.jsonl", "a.jsonl.llmbatch.yaml", age=11).strays == ()
