"""Rows on a real engine in a process of its own: asks ``tests/integration/ray/media_probe.py``."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).parents[2]
PROBE = REPOSITORY / "tests" / "integration" / "ray" / "media_probe.py"
SECONDS = 540
"""An engine starts in 20 to 40 s on two free cores."""


def outcomes(
    model: Path,
    rows: Sequence[tuple[str, dict[str, Any]]],
    *,
    objects: Mapping[str, bytes] | None = None,
    **serving: Any,
) -> list[Any]:
    """Return how each row ended on a real engine of the model, which serves as the keywords say."""
    question = {
        "model": str(model),
        "serving": {"name": "tiny", **serving},
        "objects": {uri: base64.b64encode(body).decode() for uri, body in (objects or {}).items()},
        "rows": rows,
    }
    done = subprocess.run(
        [sys.executable, str(PROBE)],
        input=json.dumps(question),
        env={**os.environ, "PYTHONPATH": str(REPOSITORY / "include")},
        capture_output=True, text=True, timeout=SECONDS, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout.splitlines()[-1])["outcomes"]
    assert len(found) == len(rows)
    return list(found)
