"""docker-compose.yaml as Docker Compose reads it: profiles chosen, variables filled in, anchors resolved."""

from __future__ import annotations

import json
import os
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

from alert_cases.programs import path_of

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "deploy" / "compose"
EXAMPLE = FOLDER / "env.example"
PROFILES = ("cpu", "gpu", "monitoring", "s3")
ONCE = {"airflow-init", "seaweedfs-init", "seaweedfs-bucket"}
"""Services that end."""

Document = dict[str, Any]


@cache
def composed(*profiles: str, files: tuple[str, ...] = ("docker-compose.yaml",), **variables: str) -> Document:
    """Return the document with the settings of env.example, and with ``variables`` in their place."""
    chosen = [word for file in files for word in ("--file", str(ROOT / file))]
    command = [path_of("docker-compose"), "--env-file", str(EXAMPLE), *chosen, "config", "--format", "json"]
    environment = {"PATH": os.environ["PATH"], "COMPOSE_PROFILES": ",".join(profiles), **variables}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    document: Document = json.loads(done.stdout)
    return document


def services(*profiles: str, **variables: str) -> dict[str, Document]:
    """Return the services of the profiles, by default those of all."""
    found: dict[str, Document] = composed(*(profiles or PROFILES), **variables)["services"]
    return found
