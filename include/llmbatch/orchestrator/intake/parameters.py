"""Whether the parameters that a request sets for all rows are ones that the engine takes."""

from __future__ import annotations

from llmbatch.core.job_request import JobRequest
from llmbatch.core.request_options import InputFormat
from llmbatch.core.serving import Serving
from llmbatch.orchestrator.inputs.job_parameters import job_problem


def require_parameters(request: JobRequest, input_format: InputFormat, serving: Serving, most_tokens: int) -> None:
    """Check ``request`` against what vLLM's request models take.

    Args:
        request: the validated request.
        input_format: of its input; rows of OpenAI's batch format name their own endpoints.
        serving: what its model serves.
        most_tokens: ``limits.max_tokens``.

    Raises:
        RequestError: naming the field, with the nearest name for one that no endpoint has.
    """
    is_table = input_format is not InputFormat.OPENAI_BATCH and request.retry_failed_of is None
    problem = job_problem(request, serving, most_tokens, is_table=is_table)
    if problem is not None:
        raise problem.of_request()
