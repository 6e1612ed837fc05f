"""The environment that vLLM's engine processes need. On CPUs it decides how many cores compute.

``cpu_threads_bind: all`` is one process with a thread per core, as on a GPU (ADR 22). Any other value is vLLM's own: a
worker process per rank, each thread bound to its core.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Collection
from pathlib import Path

from llmbatch.core.engine_settings import Accelerator, EngineSettings

_ALWAYS = {
    "VLLM_NO_USAGE_STATS": "1",
    "DO_NOT_TRACK": "1",
    "VLLM_LOGGING_LEVEL": "WARNING",
    # A call of a tool that is required is decoded to the JSON schema of the tools. The other way has a form that the
    # backend of constraints does not know.
    "VLLM_ENFORCE_STRICT_TOOL_CALLING": "0",
}
_ALL_CORES = "all"
_SPIN_MS = "5"
"""How long a thread of the engine looks for work before it sleeps. vLLM's own value for its worker processes; the
runtime's is 200 ms, which would keep every core busy in the pauses between steps."""

_SYSTEM_LIBRARIES = ("/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib")
_TCMALLOC = ("libtcmalloc_minimal.so.4", "libtcmalloc.so.4")


def engine_environment(settings: EngineSettings, cores: Collection[int] | None = None) -> dict[str, str]:
    """Return the variables to set before vLLM is imported on this node.

    Engine processes are spawned, not forked: a forked one would share the replica's threads, and only a spawned one
    loads the preloaded libraries.

    Args:
        settings: engine settings of the job.
        cores: cores that this process may use; None: read from the system.
    """
    environment = {**_ALWAYS, "VLLM_WORKER_MULTIPROC_METHOD": "spawn"}
    if settings.accelerator is Accelerator.GPU:
        return environment
    if computes_in_core(settings):
        count = len(os.sched_getaffinity(0) if cores is None else cores)
        # Ray gives an actor as many threads as it has CPUs of Ray, which is one.
        environment |= {"OMP_NUM_THREADS": str(count), "KMP_BLOCKTIME": _SPIN_MS, "KMP_TPAUSE": "0"}
    else:
        environment["VLLM_CPU_OMP_THREADS_BIND"] = settings.cpu_threads_bind
    environment["VLLM_CPU_KVCACHE_SPACE"] = str(settings.cpu_kvcache_gib)
    preload = [*_preloads(), *os.environ.get("LD_PRELOAD", "").split(":")]
    if any(preload):
        environment["LD_PRELOAD"] = ":".join(dict.fromkeys(path for path in preload if path))
    return environment


def computes_in_core(settings: EngineSettings) -> bool:
    """Return whether vLLM's EngineCore computes itself on a CPU, without a worker process."""
    return settings.accelerator is Accelerator.CPU and settings.cpu_threads_bind == _ALL_CORES


def _preloads() -> list[str]:
    """Return the allocator and the OpenMP runtime that exist here; engine processes load them when they start."""
    allocator = (Path(folder) / name for folder in _SYSTEM_LIBRARIES for name in _TCMALLOC)
    found = [next((str(path) for path in allocator if path.is_file()), None)]
    openmp = Path(sys.prefix) / "lib" / "libiomp5.so"
    found.append(str(openmp) if openmp.is_file() else None)
    return [path for path in found if path is not None]
