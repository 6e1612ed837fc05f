"""Which errors a retry can cure, and what a message tells."""

from __future__ import annotations

import pickle

import pytest

from llmbatch.core.errors import (
    DiskFull,
    ErrorRateExceeded,
    LlmbatchError,
    ObjectExists,
    ObjectMissing,
    RequestError,
    RowError,
    StoreError,
    Superseded,
)
from llmbatch.core.states import ErrorClass


def test_retry_hints():
    assert StoreError("x").retryable
    assert not ObjectExists("s3://b/k").retryable
    assert not ObjectMissing("s3://b/k").retryable


def test_error_rate_message_has_numbers_and_fix():
    text = str(ErrorRateExceeded(30, 100, 0.05, "line 7: empty prompt"))
    assert "30 of 100 rows failed (30.0%), more than max_error_rate 5.0%" in text
    assert "line 7: empty prompt" in text


@pytest.mark.parametrize(
    "error",
    [
        RequestError("model", "is unknown", "Correct it."),
        ObjectMissing("s3://b/k"),
        RowError(ErrorClass.INVALID, "no prompt"),
        DiskFull("job-1", "/tmp", 2, 1),
        Superseded("job-1", 1, 2),
        StoreError("x"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_is_the_same_in_another_process(error: LlmbatchError) -> None:
    """Ray and Airflow carry errors between processes with pickle."""
    there = pickle.loads(pickle.dumps(error))
    assert (type(there), str(there), vars(there)) == (type(error), str(error), vars(error))
