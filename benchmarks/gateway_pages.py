"""The pages of the UI under load: every address below ``/ui`` that a page or its script asks for with ``GET``.

The addresses are those of the application itself, so a new one is measured without a change here.
"""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NoReturn

from fastapi.routing import APIRoute

from gateway_jobs import ACTIVE, HISTORY
from gateway_load import OK, Connection, at_rate
from llmbatch.core.identity import INFERENCE_DAG, job_id_of
from llmbatch.gateway.app import create_app

ZONE = "Europe/Berlin"
WATCHED = 12
"""Jobs whose pages are open, half of them running. Their polls repeat, as those of a page do."""

_PREFIX = "/ui/"
_FILES = ("/ui/static/", "/ui/icon")


@dataclass(frozen=True)
class Route:
    """One address with its parameters in braces, such as ``/ui/jobs/{job_id}``."""

    path: str

    def of(self, run_id: str) -> str:
        """Return the address for the job of a run."""
        values = {"job_id": job_id_of(INFERENCE_DAG, run_id), "dag_id": INFERENCE_DAG, "run_id": run_id}
        return f"{self.path.format(**values)}?tz={ZONE}"


def page_routes() -> tuple[list[Route], list[str]]:
    """Return the routes of the pages, and the addresses that cannot be asked for without more than a job."""
    known: list[Route] = []
    skipped: list[str] = []
    for route in create_app(_no_parts).routes:
        if not isinstance(route, APIRoute) or "GET" not in route.methods or not route.path.startswith(_PREFIX):
            continue
        if route.path.startswith(_FILES):
            continue
        needs = {field.alias for field in route.dependant.path_params} - {"job_id", "dag_id", "run_id"}
        needs |= {field.alias for field in route.dependant.query_params if field.field_info.is_required()}
        if needs:
            skipped.append(route.path_format)
        else:
            known.append(Route(route.path_format))
    return known, skipped


async def measured_pages(
    port: int, token: str, jobs: int, running: int, rate: float, seconds: float
) -> dict[str, object]:
    """Return the figures of a gateway that has answered nothing yet.

    Args:
        port: of the gateway.
        token: of the caller.
        jobs: finished jobs that are there.
        running: jobs that run.
        rate: requests a second.
        seconds: how long.
    """
    routes, skipped = page_routes()
    runs = watched_runs(jobs, running)
    first, refused = await first_answers(port, token, routes, runs[0])
    routes = [route for route in routes if route.path in first]
    etags: dict[str, str] = {}
    await at_rate(port, token, asked(routes, runs), rate, min(seconds, 5.0), etags)
    polls = await at_rate(port, token, asked(routes, runs), rate, seconds, etags)
    return {
        "ui_first_ms_route": first,
        "ui_p50_ms": polls.quantile_ms(0.5),
        "ui_p99_ms": polls.quantile_ms(0.99),
        "ui_p99_ms_route": {route: polls.quantile_ms(0.99, route) for route in sorted(polls.seconds)},
        "ui_not_modified_pct": round(100 * polls.not_modified / polls.answers, 1) if polls.answers else None,
        "ui_errors": dict(polls.errors),
        "ui_skipped": [*skipped, *refused],
    }


async def first_answers(
    port: int, token: str, routes: Sequence[Route], run_id: str
) -> tuple[dict[str, float], list[str]]:
    """Return the milliseconds of the first answer of each route, one after the other, and the routes that refuse.

    Some are for other jobs, such as the outcome of a dry run.
    """
    connection = Connection(port, token)
    await connection.get("/health")  # the process has begun to work
    found: dict[str, float] = {}
    refused: list[str] = []
    for route in routes:
        began = time.monotonic()
        status, _ = await connection.get(route.of(run_id))
        if status == OK:
            found[route.path] = round(1000 * (time.monotonic() - began), 1)
        else:
            refused.append(f"{route.path} {status}")
    connection.close()
    return found, refused


def watched_runs(jobs: int, running: int) -> list[str]:
    """Return the run ids of the jobs whose pages are open, a running one first."""
    half = WATCHED // 2
    going = [f"{ACTIVE}{number}" for number in range(1, min(half, running) + 1)]
    return going + [f"{HISTORY}{number}" for number in range(1, min(half, jobs) + 1)]


def asked(routes: Sequence[Route], runs: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield the route and address of one request after the other: all routes in turn, of any watched job."""
    pick = random.Random(7)
    for number in itertools.count():
        route = routes[number % len(routes)]
        yield route.path, route.of(pick.choice(runs))


def _no_parts() -> NoReturn:
    raise AssertionError  # routes are read, none is called
