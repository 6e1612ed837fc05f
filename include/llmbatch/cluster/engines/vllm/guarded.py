"""vLLM's engine, with what must hold of every request on its way in and out, whichever endpoint made it."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, Any, cast

from llmbatch.cluster.engines.answer_check import require_end
from llmbatch.cluster.engines.live_tokens import LiveTokens
from llmbatch.cluster.schemas.checker import SchemaChecker
from llmbatch.cluster.schemas.constraint import Constraint, ConstraintKind

if TYPE_CHECKING:
    from vllm.outputs import RequestOutput
    from vllm.sampling_params import SamplingParams
    from vllm.v1.engine.async_llm import AsyncLLM


def guarded(schemas: SchemaChecker, tokens: LiveTokens) -> type[AsyncLLM]:
    """Return vLLM's engine as a class whose ``generate`` does three things more.

    It compiles what the answer is constrained to in a child first: vLLM compiles it here and again in its core, where a
    hostile one costs all other rows. It counts the output tokens of requests that have ended. And it refuses endings
    that are the engine's own.
    """
    from vllm.v1.engine.async_llm import AsyncLLM

    class GuardedLLM(AsyncLLM):
        async def generate(
            self, prompt: Any, sampling_params: SamplingParams, request_id: str, **options: Any
        ) -> AsyncGenerator[RequestOutput, None]:
            await check_constraint(schemas, sampling_params)
            async for output in super().generate(prompt, sampling_params, request_id, **options):
                if output.finished:
                    written = sum(len(each.token_ids) for each in output.outputs)
                    tokens.ended += written
                    for each in output.outputs:
                        require_end(each.finish_reason, written)
                yield output

    return GuardedLLM


async def check_constraint(schemas: SchemaChecker, params: SamplingParams) -> None:
    """Replace the constraint of a request by what the engine must get. Raises ``RowError``."""
    from vllm.v1.structured_output.request import get_structured_output_key

    wanted = params.structured_outputs
    if wanted is None or wanted.all_constraints_none():
        return
    key, spec = get_structured_output_key(wanted)
    kind = cast("ConstraintKind", key.name.lower())
    checked = await schemas.decodable(Constraint(kind, spec))
    if checked.spec != spec:
        changed: dict[str, Any] = {kind: checked.spec}
        params.structured_outputs = dataclasses.replace(wanted, **changed)
