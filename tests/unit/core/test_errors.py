"""Which errors a retry can cure, and what a message tells."""

from __future__ import annotations

from llmbatch.core.errors import ErrorRateExceeded, ObjectExists, ObjectMissing, StoreError


def test_retry_hints():
    assert StoreError("x").retryable
    assert not ObjectExists("s3://b/k").retryable
    assert not ObjectMissing("s3://b/k").retryable


def test_error_rate_message_has_numbers_and_fix():
    text = str(ErrorRateExceeded(30, 100, 0.05, "line 7: empty prompt"))
    assert "30 of 100 rows failed (30.0%), more than max_error_rate 5.0%" in text
    assert "line 7: empty prompt" in text
