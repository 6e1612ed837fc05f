"""The yardstick: vLLM's asynchronous engine in one process, all rows submitted at once, nothing around it.

With ``--rounds`` the engine starts once and answers all rows anew for every line on standard input.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable

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

    async def all_rows() -> None:
        first = time.monotonic()
        tokens = await asyncio.gather(
            *(answer(i, workload.messages(row), workload.max_tokens(row)) for i, row in enumerate(workload.rows))
        )
        report(rows=len(tokens), output_tokens=sum(tokens), seconds=time.monotonic() - first, started=started)
        await engine.reset_prefix_cache()

    await answer(-1, [{"role": "user", "content": "warm up"}], 1)
    await (_each_line(all_rows) if workload.rounds else all_rows())
    engine.shutdown()


async def _each_line(run: Callable[[], Awaitable[None]]) -> None:
    loop = asyncio.get_running_loop()
    while await loop.run_in_executor(None, sys.stdin.readline):
        await run()


if __name__ == "__main__":
    _started = time.monotonic()
    asyncio.run(measure(read_workload(), _started))
