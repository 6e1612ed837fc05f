"""The short form of parameters in a job request."""

import pytest
from pydantic import ValidationError

from llmbatch.core.sampling import Sampling


def test_row_wins_over_job_and_unset_falls_back():
    row, job = Sampling(temperature=0.5), Sampling(temperature=1.0, max_tokens=9)
    assert row.over(job) == Sampling(temperature=0.5, max_tokens=9)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"frobnicate": 1}, "frobnicate"),
        ({"top_p": 0}, "top_p"),
        ({"max_tokens": 1.5}, "max_tokens"),
        ({"stop": ["a", ""]}, "empty text"),
        ({"min_tokens": 3, "max_tokens": 2}, "min_tokens 3 is more than max_tokens 2"),
    ],
)
def test_a_bad_value_is_named(values, words):
    with pytest.raises(ValidationError, match=words):
        Sampling.model_validate(values)
