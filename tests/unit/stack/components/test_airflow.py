"""The scheduler's own program: Airflow's command line, after the imports of the tasks that it forks."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import replace
from pathlib import Path

from llmbatch.orchestrator.tasks.imports import MODULES
from llmbatch_stack.components import airflow
from llmbatch_stack.credentials import load_or_create
from llmbatch_stack.settings import load


def test_the_scheduler_has_imported_what_its_tasks_import(tmp_path: Path):
    settings = replace(load({}), state=tmp_path)
    components = {each.name: each for each in airflow.components(settings, load_or_create(settings))}
    program = list(components["airflow-scheduler"].command)
    assert program[-2:] == ["scheduler", "--skip-serve-logs"]
    program[-3] += "; import json, sys; print(json.dumps(sorted(sys.modules)))"
    home = {"AIRFLOW_HOME": str(tmp_path), "PYTHONPATH": str(settings.repo / "include")}
    done = subprocess.run(
        [*program[:-2], "version"], env=os.environ | home, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert set(MODULES) <= set(json.loads(done.stdout.splitlines()[-1]))
