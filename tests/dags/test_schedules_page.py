"""The DAG files in docs/schedules.md are files that Airflow reads, with valid requests, of at most ten lines."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from llmbatch.core.job_request import parse_request

PAGE = Path(__file__).parents[2] / "docs" / "schedules.md"
FILES = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)


def inputs_of(text: str, folder: Path, context: Any) -> dict[str, str]:
    """Return the rendered input by DAG id."""
    from airflow.dag_processing.dagbag import DagBag

    file = folder / f"{abs(hash(text))}.py"
    file.write_text(text)
    bag = DagBag(str(file), safe_mode=True)
    assert bag.import_errors == {}
    found = {}
    for dag_id, dag in bag.dags.items():
        (task,) = dag.tasks
        task.render_template_fields(context, task.get_template_env())
        found[dag_id] = parse_request(task.request).source_uri
    return found


@pytest.mark.parametrize("text", FILES, ids=range(len(FILES)))
def test_a_file_has_at_most_ten_lines(text: str) -> None:
    assert len(text.splitlines()) <= 10


def test_each_file_is_one_dag_with_the_input_that_the_page_says(tmp_path: Path) -> None:
    from airflow.sdk import timezone

    events = {"new_questions": [SimpleNamespace(extra={"uri": f"s3://b/{name}"}) for name in ("old", "new")]}
    context = {
        "ds": "2026-01-02",
        "data_interval_start": timezone.datetime(2026, 1, 1, 2),
        "triggering_asset_events": events,
    }
    found = [inputs_of(text, tmp_path, context) for text in FILES]
    assert found == [
        {"daily_answers": "s3://llmbatch/questions/2026-01-02/"},
        {"answers_of_yesterday": "s3://llmbatch/questions/2026-01-01/"},
        {"answers_to_new_questions": "s3://b/new"},
    ]
