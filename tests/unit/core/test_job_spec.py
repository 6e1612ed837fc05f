"""The accepted job: every default is resolved."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from fakes.finished_jobs import spec_of
from llmbatch.core.job_spec import JobSpec


@pytest.mark.parametrize("field", ["input_format", "output_format"])
def test_an_accepted_job_has_a_resolved_format(field: str) -> None:
    accepted = spec_of().model_dump()
    assert JobSpec.model_validate(accepted) == spec_of()
    with pytest.raises(ValidationError, match=f"{field}\n.*must be a resolved format, not auto"):
        JobSpec.model_validate({**accepted, field: "auto"})
