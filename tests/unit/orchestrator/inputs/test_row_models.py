"""The model that a row names."""

from __future__ import annotations

import pytest

from llmbatch.core.errors import RowError
from llmbatch.core.job_request import JobRequest
from llmbatch.core.serving import Serving
from llmbatch.orchestrator.inputs.row_models import RowModels

SERVING = Serving(name="small", adapters={"legal": "s3://b/legal"})


def models(**job: object) -> RowModels:
    return RowModels(JobRequest.model_validate({"input_uri": "s3://b/in/", **job}), SERVING)


def test_only_an_adapter_stays_in_the_request() -> None:
    rows = models()
    assert [rows.of(name) for name in (None, "small", "legal", "gpt-4o", "gpt-4o")] == [None, None, "legal", None, None]
    assert rows.foreign == 2


def test_the_adapter_of_the_job_is_that_of_rows_that_name_no_other() -> None:
    rows = models(model="legal")
    assert [rows.of(name) for name in (None, "legal", "small", "gpt-4o")] == ["legal", "legal", None, "legal"]
    assert rows.foreign == 1


def test_a_strict_job_fails_rows_that_name_another_model() -> None:
    rows = models(strict_model=True)
    assert [rows.of(name) for name in (None, "small", "legal")] == [None, None, "legal"]
    with pytest.raises(RowError, match=r"`model` is 'gpt-4o', .*strict_model and serves small, legal"):
        rows.of("gpt-4o")
    assert rows.foreign == 0


def test_a_model_is_a_text() -> None:
    with pytest.raises(RowError, match="`model` is a number, not a text"):
        models().of(3)
