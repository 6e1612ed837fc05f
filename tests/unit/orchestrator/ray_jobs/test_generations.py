from __future__ import annotations

import pytest

from fakes.state_store import StateStore
from llmbatch.orchestrator.ray_jobs.generations import CURRENT_KEY, OVER_KEY, Generations, generation_of


@pytest.mark.parametrize(
    ("submission_id", "number"), [("job-1-g1", 1), ("a-g2-g12", 12), ("job", 0), ("job-g", 0), ("x-gy", 0)]
)
def test_generation_of(submission_id: str, number: int) -> None:
    assert generation_of(submission_id) == number


@pytest.mark.parametrize(
    ("stored", "following"),
    [
        ({}, 1),
        ({CURRENT_KEY: "job-g3"}, 4),
        ({OVER_KEY: 2}, 3),
        ({OVER_KEY: 5, CURRENT_KEY: "job-g3"}, 6),
    ],
)
def test_next(stored: dict, following: int) -> None:
    assert Generations("job", StateStore(stored)).next() == following


def test_close_never_lowers_the_number() -> None:
    store = StateStore({CURRENT_KEY: "job-g2", OVER_KEY: 3})
    Generations("job", store).close("job-g2")
    assert store == {OVER_KEY: 3}


def test_without_a_store_the_first_is_tried() -> None:
    generations = Generations("job", None)
    generations.close("job-g1")
    assert generations.next() == 1
