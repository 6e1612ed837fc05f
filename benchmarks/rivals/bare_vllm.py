"""The yardstick: vLLM's asynchronous engine in one process, all rows submitted at once, nothing around it."""

from __future__ import annotations

import asyncio
import time

from workload import Workload, read_workload, report


async def measure(workload: Workload, started: float) -> None:
    """Time from the first row's submission to the last answer, templates and tokenisation included."""
    from vllm import SamplingParams
    from vllm.engine.arg_utils import AsyncEngineArgs
    from vllm.sampling_params import RequestOutputKind
    from vllm.v1.engine.async_llm import AsyncLLM

    engine = AsyncLLM.from_engine_args(
        AsyncEngineArgs(model=workload.model, disable_log_stats=True, **workload.engine_arguments)
    )
    tokenizer = engine.get_tokenizer()

    async def answer(index: int, messages: list[dict[str, str]], max_tokens: int) -> int:
        # Each row is rendered when it is submitted, so that the engine works from the first row on.
        prompt = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        params = SamplingParams(max_tokens=max_tokens, temperature=0.0, output_kind=RequestOutputKind.FINAL_ONLY)
        tokens = 0
        async for output in engine.generate(prompt, params, str(index)):
            tokens = len(output.outputs[0].token_ids)
        return tokens

    await answer(-1, [{"role": "user", "content": "warm up"}], 1)
    first = time.monotonic()
    tokens = await asyncio.gather(
        *(answer(i, workload.messages(row), workload.max_tokens(row)) for i, row in enumerate(workload.rows))
    )
    seconds = time.monotonic() - first
    engine.shutdown()
    report(rows=len(tokens), output_tokens=sum(tokens), seconds=seconds, started=started)


if __name__ == "__main__":
    _started = time.monotonic()
    asyncio.run(measure(read_workload(), _started))
