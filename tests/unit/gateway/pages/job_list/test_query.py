from __future__ import annotations

import re

import pytest

from llmbatch.gateway.pages.job_list.query import DEFAULT_SORT, SORT_PATTERN, SORTS, JobQuery, Shown, SortKey


def test_the_address_has_only_what_is_asked_for() -> None:
    assert JobQuery().address() == ""
    assert JobQuery(owner="a&b", sort="deadline").address() == "?owner=a%26b&sort=deadline"
    assert JobQuery(state=Shown.AT_RISK).address(after="r 1") == "?state=at_risk&after=r+1"
    assert JobQuery(owner="a", after="r").address(after=None) == "?owner=a"


@pytest.mark.parametrize(
    ("state", "has_open", "over"),
    [
        (None, True, ("success", "failed")),
        (Shown.OPEN, True, ()),
        (Shown.RUNNING, True, ()),
        (Shown.AT_RISK, True, ()),
        (Shown.FINISHED, False, ("success", "failed")),
        (Shown.SUCCEEDED, False, ("success",)),
        (Shown.FAILED, False, ("failed",)),
    ],
)
def test_a_state_is_of_open_jobs_or_of_those_that_are_over(
    state: Shown | None, has_open: bool, over: tuple[str, ...]
) -> None:
    query = JobQuery(state=state)
    assert (query.has_open, query.over_states) == (has_open, over)


def test_a_column_first_sorts_as_it_is_most_useful_then_the_other_way() -> None:
    query = JobQuery(sort="deadline")
    assert (query.aria_sort("deadline"), query.aria_sort("level")) == ("ascending", "none")
    assert (query.next_sort("deadline"), query.next_sort("level")) == ("-deadline", "")
    query = JobQuery(sort="-deadline")
    assert (query.aria_sort("deadline"), query.next_sort("deadline")) == ("descending", "deadline")


@pytest.mark.parametrize("text", ["JOB-1", "nigh", "llama", "Ann", "s3://in"])
def test_a_text_is_a_part_of_any_field_in_any_case(text: str) -> None:
    assert JobQuery(text=text).matches(owner="ann", model="Llama", texts=("job-1", "nightly", "s3://input/x"))
    assert not JobQuery(text=f"{text}?").matches(owner="ann", model="Llama", texts=("job-1", "nightly", "s3://input/x"))


def test_owner_and_model_are_whole_names() -> None:
    job = {"owner": "ann", "model": "small"}
    assert JobQuery(owner="ann", model="small").matches(**job, texts=())
    assert not JobQuery(owner="an").matches(**job, texts=())
    assert not JobQuery(model="smal").matches(**job, texts=())


def test_every_state_and_order_has_words() -> None:
    assert all(state.label for state in Shown)
    assert next(iter(SORTS)) == DEFAULT_SORT
    assert set(SORTS) == {f"{sign}{key}" for sign in ("", "-") for key in SortKey}
    assert all(re.fullmatch(SORT_PATTERN, sort) for sort in SORTS)


def test_what_leaves_jobs_out_is_a_filter() -> None:
    assert JobQuery(text="a").is_filtered
    assert not JobQuery(sort="deadline", after="r").is_filtered
