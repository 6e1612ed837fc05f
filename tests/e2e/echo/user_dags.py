"""DAG files as users write them, in at most ten lines. They are in their folder when the stack starts."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from llmbatch_stack.settings import BUCKET

NIGHTLY, ON_ASSET = "e2e_nightly", "e2e_on_asset"
INPUTS = f"s3://{BUCKET}/inputs/e2e/nightly"

NIGHT = (datetime.now(UTC).hour + 12) % 24
"""Hour of the schedule, far from now: of a new daily DAG, Airflow makes up for a run of the last two hours."""

_NIGHTLY = f'''from llmbatch.orchestrator.tasks.airflow_dags import nightly_batch

nightly_batch(
    "{NIGHTLY}",
    schedule="0 {NIGHT} * * *",
    input_uri="{INPUTS}/{{{{ ds }}}}/",
    sla_hours=1,
)
'''
_ON_ASSET = f'''from airflow.sdk import Asset
from llmbatch.orchestrator.tasks.airflow_dags import nightly_batch

nightly_batch(
    "{ON_ASSET}",
    schedule=Asset("e2e_new_questions"),
    input_uri="{{{{ (triggering_asset_events.values() | first | last).extra.uri }}}}",
)
'''


def write_dags(folder: Path) -> None:
    """Write the files of both DAGs."""
    for dag_id, text in ((NIGHTLY, _NIGHTLY), (ON_ASSET, _ON_ASSET)):
        assert len(text.splitlines()) <= 10
        (folder / f"{dag_id}.py").write_text(text)
