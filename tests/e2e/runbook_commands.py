"""The commands of the runbook that need a stack that is up: which they are, and how a test runs one of them.

``tests/unit/cli/test_runbook_commands.py`` runs the others and fails for a command that is in neither place.
"""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass

from e2e.running import Running
from fakes.runbook_pages import variables
from llmbatch_stack.environment import environment
from llmbatch_stack.install import tools


@dataclass(frozen=True)
class Command:
    """One command.

    Attributes:
        text: as on the page, without its comment.
        room: whose environment it needs: ``airflow``, ``ray`` or ``plain``.
        needs_monitor: whether Prometheus and Alertmanager must be up (``make monitor``).
        shows: a text of its output.
    """

    text: str
    room: str = "plain"
    needs_monitor: bool = False
    shows: str = ""


_AMTOOL = "amtool --alertmanager.url=$ALERTMANAGER"

COMMANDS: tuple[Command, ...] = (
    Command("make status", shows="healthy"),
    Command("du -sh .llmbatch/logs", shows="logs"),
    Command("find .llmbatch/logs/tasks -type f -mtime +30 -delete"),
    Command("grep -h ERROR .llmbatch/logs/*.log | tail -n 20"),
    Command('curl -s $LLMBATCH/metrics -H "$AUTH"', shows="llmbatch_jobs"),
    Command("ray status --address $RAY_GCS", "ray", shows="Active:"),
    Command("ray list nodes --address $RAY_API", "ray", shows="ALIVE"),
    Command("ray list actors --address $RAY_API --detail", "ray"),
    Command("ray job list --address $RAY_API", "ray"),
    Command("airflow dags list-import-errors", "airflow"),
    Command("airflow pools list", "airflow", shows="llmbatch_ray"),
    Command("airflow jobs check --job-type SchedulerJob", "airflow", shows="alive"),
    Command("airflow jobs check --job-type TriggererJob", "airflow", shows="alive"),
    Command("airflow dags list-runs llmbatch_maintenance", "airflow"),
    Command("airflow dags list-runs llmbatch_drop_folder", "airflow"),
    Command(
        'airflow dags trigger llmbatch_maintenance --conf \'{"dry_run": true, "jobs_days": 30}\'',
        "airflow",
        shows="queued",  # the table breaks longer words
    ),
    Command("airflow dags pause llmbatch_maintenance", "airflow", shows="llmbatch_maintenance"),
    Command("airflow dags unpause llmbatch_maintenance", "airflow", shows="llmbatch_maintenance"),
    Command("make monitor"),
    Command('curl -s "$PROMETHEUS/api/v1/targets?state=active"', needs_monitor=True, shows='"status":"success"'),
    Command('curl -s "$PROMETHEUS/api/v1/query?query=llmbatch_job_burn_rate"', needs_monitor=True, shows='"success"'),
    Command("curl -s $PROMETHEUS/api/v1/rules", needs_monitor=True, shows="LlmbatchWatchdog"),
    Command('curl -s "$ALERTMANAGER/api/v2/alerts?active=true&silenced=false"', needs_monitor=True, shows="["),
    Command(f"{_AMTOOL} alert query", needs_monitor=True),
    Command(f"{_AMTOOL} alert query severity=critical", needs_monitor=True),
    Command(
        f'{_AMTOOL} silence add alertname=LlmbatchGpuIdle --duration=2h --author=oncall --comment="new GPUs"',
        needs_monitor=True,
    ),
    Command(f"{_AMTOOL} silence query", needs_monitor=True, shows="LlmbatchGpuIdle"),
)
"""In an order in which they can run on one stack; the silence is left behind, for two hours."""

ELSEWHERE: dict[str, str] = {
    "make up": "tests/integration/airflow/test_stack_life.py",
    "make down": "tests/integration/airflow/test_stack_life.py",
}
"""Commands that would end the stack of the other tests, by the test that runs them on a stack of its own."""


def run(command: Command, running: Running, token: str) -> subprocess.CompletedProcess[str]:
    """Run a command on a stack that is up, in bash, from the root of the repository.

    Args:
        command: one of ``COMMANDS``; with ``needs_monitor`` after ``make monitor``.
        running: the stack.
        token: an API key, or a token of Airflow.
    """
    settings = running.settings
    values = variables(TOKEN=token) | {
        "LLMBATCH": settings.gateway_url,
        "RAY_GCS": f"127.0.0.1:{settings.port('ray_gcs')}",
        "RAY_API": settings.ray_url,
        "PROMETHEUS": settings.prometheus_url,
        "ALERTMANAGER": settings.alertmanager_url,
    }
    env = environment(command.room, settings, running.credentials) | values
    programs = [str(settings.venv(command.room) / "bin")] if command.room != "plain" else []
    if (amtool := tools.find(settings, "amtool")) is not None:
        programs.append(str(amtool.parent))
    env |= {
        "PATH": os.pathsep.join([*programs, env.get("PATH", os.defpath)]),
        "LLMBATCH_PORT_BASE": str(settings.port_base),
        "LLMBATCH_STATE": str(settings.state),
    }
    script = f"set -eu\n{command.text.replace('.llmbatch/', f'{settings.state}/')}"
    return subprocess.run(
        ["bash", "-c", script], cwd=settings.repo, env=env, capture_output=True, text=True, check=False, timeout=300
    )
