"""The documents that are generated from the pinned vLLM."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_the_package_has_what_the_pinned_vllm_takes() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "tools" / "request_schemas.py"), "--check"],
        env={**os.environ, "PYTHONPATH": str(ROOT / "include"), "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert (done.returncode, done.stderr[-2000:] if done.returncode else "") == (0, "")
