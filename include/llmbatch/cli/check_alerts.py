"""Send a test alert to every sink and report which one is broken, and why.

In the environment of an Airflow process, so that connections are found::

    python -m llmbatch.cli.check_alerts --level yellow

Alertmanager drops the test alert after an hour; ``--level ok`` ends it at once.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from llmbatch.core.alerts import Alert, Level
from llmbatch.core.clock import SystemClock
from llmbatch.core.errors import ConfigError
from llmbatch.core.identity import INFERENCE_DAG
from llmbatch.orchestrator.alerting.sinks import sinks_of
from llmbatch.orchestrator.deployment.settings import load_settings


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line: one line for each sink; 1 if any is broken."""
    parser = argparse.ArgumentParser(prog="python -m llmbatch.cli.check_alerts", description=__doc__)
    parser.add_argument("--level", choices=[level.value for level in Level], default=Level.YELLOW.value)
    level = Level(parser.parse_args(arguments).level)
    # outside of a task Airflow looks for connections in its database only with this setting
    os.environ.setdefault("_AIRFLOW_PROCESS_CONTEXT", "server")
    try:
        config = load_settings().alerts
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 1
    alert = _test_alert(level, config.runbook_url)
    broken = 0
    for sink in sinks_of(config):
        try:
            sink.send(alert)
        except Exception as error:
            broken += 1
            print(f"broken {sink.name}: {error}")
        else:
            print(f"ok     {sink.name}")
    return 1 if broken else 0


def _test_alert(level: Level, runbook_url: str) -> Alert:
    now = SystemClock().now()
    return Alert(
        job_id="job-test",
        dag_id=INFERENCE_DAG,
        run_id="test",
        level=level,
        number=1,
        raised_at=now,
        raised_by="check",
        deadline=now,
        reason="this is a test of the sinks; the job does not exist",
        runbook_url=f"{runbook_url}#sla-{level.value}" if runbook_url else "",
    )


if __name__ == "__main__":
    sys.exit(main())
