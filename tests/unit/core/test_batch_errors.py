"""The document of an invalid batch."""

from __future__ import annotations

from llmbatch.core.batch_errors import BatchError, batch_errors_uri
from llmbatch.core.layout import JobLayout


def test_it_is_in_the_folder_of_the_job() -> None:
    assert batch_errors_uri(JobLayout("s3://b/jobs/job-1")) == "s3://b/jobs/job-1/batch_errors.json"


def test_a_problem_as_a_part_of_a_sentence() -> None:
    error = BatchError(code="invalid_url", message="The URL is wrong.", param="url", line=3)
    assert error.text() == "in line 3: The URL is wrong (invalid_url)"
    assert error.model_copy(update={"line": None}).text() == "The URL is wrong (invalid_url)"
