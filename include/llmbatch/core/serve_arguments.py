"""Which arguments of ``vllm serve`` config.yaml may set for a model.

``serve_arguments.json`` is generated from the pinned vLLM (``make schemas``), and read when the first name is checked.
"""

from __future__ import annotations

import difflib
import json
from functools import cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict

_FILE = Path(__file__).with_suffix(".json")


class _Known(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    vllm: str
    arguments: tuple[str, ...]
    refused: dict[str, str]
    """The reason, for each argument that config.yaml may not set."""


def checked_serve_argument(name: str) -> str:
    """Return the name of an argument if config.yaml may set it.

    Raises:
        ValueError: vLLM has no such argument, with the nearest one; or llmbatch sets it, with the reason.
    """
    known = _known()
    reason = known.refused.get(name)
    if reason is not None:
        raise ValueError(f"config.yaml may not set it here: {reason}")
    if name not in known.arguments:
        near = difflib.get_close_matches(name.replace("-", "_"), set(known.arguments) - known.refused.keys(), n=1)
        hint = f", did you mean `{near[0]}`?" if near else ""
        raise ValueError(f"vLLM {known.vllm} has no such argument{hint}")
    return name


@cache
def _known() -> _Known:
    return _Known.model_validate(json.loads(_FILE.read_text(encoding="utf-8")))
