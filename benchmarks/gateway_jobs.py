"""Jobs of a deployment that has run for long: documents in the store, and runs in Airflow's database.

The documents are those of one real job under other ids; the runs are copies of one real run of a paused DAG, which the
scheduler leaves alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from fakes.finished_jobs import finish, progress_of, spec_of, trace_of
from fakes.job_inputs import put_inputs
from llmbatch.core.identity import INFERENCE_DAG, job_id_of
from llmbatch.core.job_spec import JobSpec
from llmbatch.core.layout import JobLayout
from llmbatch.core.read_ahead import in_order
from llmbatch.core.store import MemoryStore, ObjectStore
from llmbatch.orchestrator.history.job_report import report_sla
from llmbatch.orchestrator.jobs.day_index import note_accepted

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Database

MODEL_RUN = "bench__model"
_MODEL_JOB = "job-" + "f" * 16
_COPY = """
insert into dag_run ({columns}) select {values} from dag_run, generate_series(1, %(count)s) n where run_id = %(model)s
"""


HISTORY, ACTIVE = "bench__history__", "bench__active__"
"""Run ids of finished and of running jobs, before the number, from 1."""


def write_documents(base_uri: str, store: ObjectStore, *, finished: int, active: int) -> None:
    """Write the documents of all jobs."""
    old, new = MemoryStore(), MemoryStore()
    spec = _spec(base_uri, datetime.now(UTC) - timedelta(days=1))
    note_accepted(spec, old)
    put_inputs(old, spec.root_uri, ())
    finish(old, spec, seconds=3000)
    report_sla(spec.root_uri, old)
    old.delete_many([uri for uri in old.objects if "/eta/" in uri])  # no page of a finished job needs them
    spec = _spec(base_uri, datetime.now(UTC))
    new.put(spec.layout.spec, spec.model_dump_json().encode())
    new.put(spec.layout.progress, progress_of(spec, 0, eta=(3000, 3600, 4000)).model_dump_json().encode())
    new.put(spec.layout.trace(1), trace_of(spec).model_dump_json().encode())
    note_accepted(spec, new)
    put_inputs(new, spec.root_uri, ())

    def objects() -> Iterator[tuple[str, bytes]]:
        # The running ones first: a heartbeat that is stored long after it was written shows a skewed clock.
        for number in range(1, active + 1):
            yield from _renamed(new, f"{ACTIVE}{number}")
        for number in range(1, finished + 1):
            yield from _renamed(old, f"{HISTORY}{number}")

    for _ in in_order(lambda each: store.put(*each), objects(), in_flight=64, name="upload"):
        pass


def copy_runs(database: Database, *, finished: int, active: int) -> None:
    """Copy the run ``MODEL_RUN`` of the DAG; finished ones a second apart, since a day ago."""
    now = "now()"
    began = f"{now} - interval '1 day' + n * interval '1 second'"
    _copy(database, finished, HISTORY, {"state": "'success'", **dict.fromkeys(_TIMES, began)})
    _copy(database, active, ACTIVE, {"state": "'running'", **dict.fromkeys(_TIMES, now), "end_date": "null"})
    with database.cursor() as cursor:
        cursor.execute("delete from dag_run where run_id = %s", (MODEL_RUN,))
        cursor.execute("analyze dag_run")
    database.commit()


_TIMES = ("run_after", "queued_at", "start_date", "end_date")


def _copy(database: Database, count: int, prefix: str, values: dict[str, str]) -> None:
    given = {"id": "nextval(pg_get_serial_sequence('dag_run', 'id'))", "run_id": f"'{prefix}' || n", **values}
    with database.cursor() as cursor:
        cursor.execute("select column_name from information_schema.columns where table_name = 'dag_run'")
        columns = [column for (column,) in cursor.fetchall()]
        picked = ", ".join(given.get(column, column) for column in columns)
        statement = _COPY.format(columns=", ".join(columns), values=picked)
        cursor.execute(statement, {"count": count, "model": MODEL_RUN})
    database.commit()


def _spec(base_uri: str, at: datetime) -> JobSpec:
    layout = JobLayout.of(base_uri, _MODEL_JOB)
    changes = {"job_id": _MODEL_JOB, "dag_id": INFERENCE_DAG, "run_id": MODEL_RUN, "root_uri": layout.root}
    return spec_of(1, submitted_at=at).model_copy(update=changes)


def _renamed(store: MemoryStore, run_id: str) -> Iterator[tuple[str, bytes]]:
    """Yield the documents under the ids of another run."""
    job_id = job_id_of(INFERENCE_DAG, run_id)
    for uri, body in store.objects.items():
        renamed = body.replace(_MODEL_JOB.encode(), job_id.encode()).replace(MODEL_RUN.encode(), run_id.encode())
        yield uri.replace(_MODEL_JOB, job_id), renamed
