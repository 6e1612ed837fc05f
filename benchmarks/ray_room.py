"""Scripts of ``benchmarks/resume`` in the Ray room of a stack that is up."""

from __future__ import annotations

import json
import subprocess
import uuid

from llmbatch_stack.credentials import Credentials, S3Key
from llmbatch_stack.environment import environment, s3_variables
from llmbatch_stack.settings import BUCKET, Settings


def in_ray_room(
    settings: Settings, credentials: Credentials, script: str, *words: str, job: str = ""
) -> dict[str, float]:
    """Run a script to its end; return what it measured.

    Args:
        settings: of the stack, whose store the script uses.
        credentials: of the stack.
        script: its name without ``.py``.
        words: of its command line.
        job: the ``s3://`` folder that it writes into; a new one if empty.

    Raises:
        RuntimeError: it measured nothing.
    """
    path = settings.repo / "benchmarks" / "resume" / f"{script}.py"
    # the script claims a generation, as Airflow does, and commits, as Ray does: no side's key may do both
    own_key = S3Key(credentials.s3_access_key, credentials.s3_secret_key)
    job = job or f"s3://{BUCKET}/bench/{uuid.uuid4().hex[:8]}"
    done = subprocess.run(
        [settings.python("ray"), str(path), "--job", job, *words],
        env=environment("ray", settings, credentials) | s3_variables(settings, own_key),
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith("MEASURED ")]
    if not lines:
        raise RuntimeError(f"{script} measured nothing (exit code {done.returncode}): {done.stderr[-2000:]}")
    found: dict[str, float] = json.loads(lines[-1].removeprefix("MEASURED "))
    return found
