"""Which endpoints an engine serves, and what vLLM reads a request with and answers it with."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter

from llmbatch.cluster.engines.base import Body
from llmbatch.cluster.engines.vllm.requests import taken_structural_tag
from llmbatch.cluster.engines.vllm.transcription import transcriptions
from llmbatch.core.endpoints import Endpoint


@dataclass(frozen=True)
class Served:
    """One endpoint.

    Attributes:
        request: reads a body. Raises what vLLM's models raise, and ``RowError``.
        response: answers a request that ``request`` returned.
    """

    request: Callable[[Body], Any]
    response: Callable[[Any], Awaitable[Any]]


def served_endpoints(state: Any) -> dict[Endpoint, Served]:
    """Return the endpoints that vLLM has built for its model in the state of its server."""
    handlers = {
        Endpoint.CHAT: _method(state, "openai_serving_chat", "create_chat_completion"),
        Endpoint.COMPLETIONS: _method(state, "openai_serving_completion", "create_completion"),
        Endpoint.RESPONSES: _method(state, "openai_serving_responses", "create_responses"),
        Endpoint.EMBEDDINGS: getattr(state, "serving_embedding", None),
        Endpoint.POOLING: getattr(state, "serving_pooling", None),
        Endpoint.CLASSIFY: getattr(state, "serving_classification", None),
        Endpoint.SCORE: getattr(state, "serving_scores", None),
        Endpoint.RERANK: getattr(state, "serving_scores", None),
    }
    readers = {**_generating(), **_pooling()}
    found = {
        endpoint: Served(readers[endpoint], handler) for endpoint, handler in handlers.items() if handler is not None
    }
    create = _method(state, "openai_serving_transcription", "create_transcription")
    if create is not None:
        found[Endpoint.TRANSCRIPTIONS] = Served(*transcriptions(create))
    return found


def _method(state: Any, name: str, method: str) -> Callable[..., Awaitable[Any]] | None:
    return getattr(getattr(state, name, None), method, None)


def _pooling() -> dict[Endpoint, Callable[[Body], Any]]:
    from vllm.entrypoints.pooling.classify.protocol import ClassificationRequest
    from vllm.entrypoints.pooling.embed.protocol import EmbeddingRequest
    from vllm.entrypoints.pooling.pooling.protocol import PoolingRequest
    from vllm.entrypoints.pooling.scoring.protocol import RerankRequest, ScoreRequest

    types: dict[Endpoint, Any] = {
        Endpoint.EMBEDDINGS: EmbeddingRequest,
        Endpoint.POOLING: PoolingRequest,
        Endpoint.CLASSIFY: ClassificationRequest,
        Endpoint.SCORE: ScoreRequest,
        Endpoint.RERANK: RerankRequest,
    }
    return {endpoint: TypeAdapter(kind).validate_python for endpoint, kind in types.items()}


def _generating() -> dict[Endpoint, Callable[[Body], Any]]:
    from vllm.sampling_params import StructuredOutputsParams

    from llmbatch.cluster.engines.vllm.limits import limited_requests

    def reader(kind: Any) -> Callable[[Body], Any]:
        def read(body: Body) -> Any:
            tag = taken_structural_tag(body)
            request = kind.model_validate(body)
            if tag is not None:
                request.structured_outputs = StructuredOutputsParams(structural_tag=tag)
            return request

        return read

    return {endpoint: reader(kind) for endpoint, kind in limited_requests().items()}
