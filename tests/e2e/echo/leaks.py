"""Where the secrets of a stack must not be: logs, Airflow's database, command lines, objects of a job, Ray's job API.

Airflow's database has XComs, rendered templates, requests, triggers, the audit log and everything else that its pages
and its API show.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psutil
import psycopg2
from psycopg2 import sql

from chaos.stack import ChaosStack
from llmbatch.core.access import Side
from llmbatch_stack.credentials import Credentials
from llmbatch_stack.wire import call


def secrets_of(credentials: Credentials) -> dict[str, str]:
    """Return what must not be shown, by name."""
    shared = ("s3_secret_key", "ray_token", "airflow_password", "fernet_key", "jwt_secret", "api_secret_key")
    sides = {f"s3_secret_key of {side}": credentials.s3_key_of(side).secret for side in Side}
    return {name: getattr(credentials, name) for name in shared} | sides


def leaks(stack: ChaosStack, job_root: str) -> list[str]:
    """Return where a secret is, and which one: ``<place>: <name of the secret>``."""
    secrets = secrets_of(stack.credentials)
    texts = (*_logs(stack), *_database(stack), *_command_lines(), *_objects(stack, job_root), *_ray_jobs(stack))
    return [f"{place}: {name}" for place, text in texts for name, secret in secrets.items() if secret.encode() in text]


def _logs(stack: ChaosStack) -> Iterator[tuple[str, bytes]]:
    """Of the stack's components, of tasks, and of Ray's processes."""
    for folder in (stack.settings.logs, stack.settings.ray_folder):
        files = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
        assert files, f"no logs under {folder}"
        for path in files:
            if path.suffix in {".log", ".out", ".err", ".json", ".txt", ".yaml"}:
                yield str(path), path.read_bytes()


def _database(stack: ChaosStack) -> Iterator[tuple[str, bytes]]:
    """Every row of every table as text."""
    socket = stack.settings.runtime / "postgres"
    with closing(psycopg2.connect(host=str(socket), user="postgres", dbname="postgres")) as database:
        cursor = database.cursor()
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename")
        tables = [name for (name,) in cursor.fetchall()]
        for table in tables:
            cursor.execute(sql.SQL("SELECT one::text FROM {} AS one").format(sql.Identifier(table)))
            rows = [row for (row,) in cursor.fetchall()]
            assert rows or table not in {"xcom", "rendered_task_instance_fields", "dag_run"}, f"{table} is empty"
            yield f"table {table}", "\n".join(rows).encode()


def _command_lines() -> Iterator[tuple[str, bytes]]:
    for process in psutil.process_iter():
        path = Path(f"/proc/{process.pid}/cmdline")
        try:
            yield str(path), path.read_bytes()
        except OSError:
            continue  # it has ended


def _objects(stack: ChaosStack, job_root: str) -> Iterator[tuple[str, bytes]]:
    for info in stack.store.list(f"{job_root}/"):
        yield info.uri, stack.store.get(info.uri)


def _ray_jobs(stack: ChaosStack) -> Iterator[tuple[str, bytes]]:
    """What Ray's dashboard shows of jobs and actors."""
    for path in ("/api/jobs/", "/api/v0/actors?detail=1", "/logical/actors"):
        reply = call(f"{stack.settings.ray_url}{path}", token=stack.credentials.ray_token)
        assert reply.status == 200, f"{path}: {reply.status} {reply.text[:200]}"
        yield path, reply.text.encode()
