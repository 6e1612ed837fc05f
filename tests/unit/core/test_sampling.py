"""A row's sampling parameters over a job's."""

import pytest

from llmbatch.core.sampling import Sampling, sampling_of_body


def test_row_wins_over_job_and_unset_falls_back():
    row, job = Sampling(temperature=0.5), Sampling(temperature=1.0, max_tokens=9)
    assert row.over(job) == Sampling(temperature=0.5, max_tokens=9)


def test_openai_body_keys():
    body = {"model": "m", "max_completion_tokens": 7, "temperature": 0, "user": "u", "n": 1}
    assert sampling_of_body(body) == Sampling(max_tokens=7, temperature=0)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"frobnicate": 1}, "frobnicate"),
        ({"n": 2}, "one answer"),
        ({"top_p": 0}, "top_p"),
        ({"max_tokens": 1.5}, "max_tokens"),
    ],
)
def test_bad_body_is_named(body, words):
    with pytest.raises(ValueError, match=words):
        sampling_of_body(body)
