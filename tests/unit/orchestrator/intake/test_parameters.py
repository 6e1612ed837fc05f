"""Parameters of a job request."""

from __future__ import annotations

import pytest

from llmbatch.core.errors import RequestError
from llmbatch.core.job_request import JobRequest
from llmbatch.core.request_options import InputFormat
from llmbatch.core.serving import Serving
from llmbatch.orchestrator.intake.parameters import require_parameters


@pytest.mark.parametrize("fmt", [InputFormat.JSONL, InputFormat.OPENAI_BATCH])
def test_an_unknown_key_is_refused_with_the_nearest_name(fmt: InputFormat) -> None:
    request = JobRequest(input_uri="s3://b/in/", request={"temprature": 1})
    with pytest.raises(RequestError) as caught:
        require_parameters(request, fmt, Serving(), 1000)
    assert str(caught.value) == (
        "request.temprature: is not a parameter of /v1/chat/completions. Did you mean `temperature`?."
    )
    require_parameters(request.model_copy(update={"request": {"temperature": 1}}), fmt, Serving(), 1000)
