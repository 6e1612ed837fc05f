"""The figures of one job, from what is stored of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from plotly import graph_objects

from fakes.gateway import FakeGateway, fake_gateway
from fakes.gateway_jobs import put_heartbeat, put_job, put_run
from fakes.page_jobs import course_of, put_halfway, put_met, put_missed
from llmbatch.core.eta.trace import EstimateTrace
from llmbatch.core.job_spec import JobSpec
from llmbatch.core.states import Phase
from llmbatch.gateway.jobs.lookup import FoundJob
from llmbatch.gateway.pages.job_figures import LIVE_SECONDS, MOST_POINTS
from llmbatch.gateway.pages.zone import Zone

NAMES = {"fan", "phases", "rates", "latency", "replicas", "shards"}


def figures(gateway: FakeGateway, spec: JobSpec, zone: Zone | None = None) -> Mapping[str, Any]:
    """Return the figures, each seen by plotly's own classes, which refuse what plotly does not know."""
    found = FoundJob(gateway.airflow.dag_runs[spec.dag_id, spec.run_id], spec)
    answer = asyncio.run(gateway.parts.job_figures.of(found, zone or Zone()))
    made = json.loads(answer.body)["figures"]
    for figure in made.values():
        if figure is not None:
            graph_objects.Figure(data=figure["data"], layout=figure["layout"])
    return dict(made)


def summaries(gateway: FakeGateway, spec: JobSpec) -> dict[str, str]:
    return {name: str(figure["summary"]) for name, figure in figures(gateway, spec).items() if figure is not None}


def test_a_running_job_has_all_figures() -> None:
    gateway = fake_gateway()
    found = summaries(gateway, put_halfway(gateway))
    assert set(found) == NAMES
    assert found["fan"].endswith("78 estimates of 2 generations.")
    assert found["phases"].startswith("2 h 22 min in 2 generations: queued 3 min 10 s, cluster 1 min 35 s,")
    assert "rows/s at last" in found["rates"]
    assert "s at most" in found["latency"]
    assert "Alerts: 2" in found["replicas"]
    assert "Reactions: 1" in found["replicas"]
    assert found["shards"].startswith("144 of 250 shards committed")
    assert "1,214 rows" in found["shards"]


def test_a_finished_job_is_drawn_from_its_proof() -> None:
    gateway = fake_gateway()
    met, missed = put_met(gateway), put_missed(gateway)
    found = summaries(gateway, met)
    assert set(found) == NAMES
    assert found["fan"].startswith("Finished 2029-12-31 22:37 UTC, 23 min before the deadline.")
    assert "stage 2 min 11 s" in found["phases"]
    assert "publish 1 min 14 s" in found["phases"]
    assert found["shards"] == "250 of 250 shards committed, 100.0 %."
    assert "37 min after the deadline" in summaries(gateway, missed)["fan"]


def test_a_job_that_was_not_accepted_or_has_not_begun_has_no_figure() -> None:
    gateway = fake_gateway()
    put_run(gateway, "new")
    answer = asyncio.run(
        gateway.parts.job_figures.of(FoundJob(gateway.airflow.dag_runs["llmbatch_inference", "new"], None), Zone())
    )
    assert json.loads(answer.body)["figures"] == dict.fromkeys(NAMES)
    assert set(figures(gateway, put_job(gateway, "accepted")).values()) == {None}


def test_the_last_heartbeat_is_a_point_before_its_trace_is_written() -> None:
    gateway = fake_gateway()
    spec = put_job(gateway, "r1")
    put_heartbeat(gateway, spec)
    found = summaries(gateway, spec)
    assert set(found) == {"fan", "replicas", "shards"}
    assert found["fan"].endswith("1 estimate of 1 generation.")
    assert found["shards"] == "0 of 1 shards committed, 0.0 %. 1 waiting."


def test_figures_are_made_once_in_seconds_for_each_zone() -> None:
    gateway = fake_gateway()
    spec = put_job(gateway, "r1")
    put_heartbeat(gateway, spec)

    async def look() -> list[bytes]:
        found = FoundJob(gateway.airflow.dag_runs[spec.dag_id, spec.run_id], spec)
        of, bodies = gateway.parts.job_figures.of, []
        bodies.append((await of(found, Zone())).body)
        gateway.clock.advance(1)
        put_heartbeat(gateway, spec, sequence=2)
        bodies.append((await of(found, Zone())).body)
        bodies.append((await of(found, Zone("Asia/Kolkata"))).body)
        gateway.clock.advance(LIVE_SECONDS)
        bodies.append((await of(found, Zone())).body)
        return bodies

    first, same, other_zone, later = asyncio.run(look())
    assert first == same
    assert b"Asia/Kolkata" in other_zone
    assert later != first


def test_nothing_new_is_the_same_answer() -> None:
    gateway = fake_gateway()
    spec = put_halfway(gateway)
    found = FoundJob(gateway.airflow.dag_runs[spec.dag_id, spec.run_id], spec)
    first = asyncio.run(gateway.parts.job_figures.of(found, Zone())).etag
    gateway.clock.advance(100)
    assert asyncio.run(gateway.parts.job_figures.of(found, Zone())).etag == first


def test_many_generations_are_a_bounded_answer() -> None:
    gateway = fake_gateway()
    spec = put_job(gateway, "r1")
    points = course_of(spec)[1].points
    for n in range(1, 121):
        trace = EstimateTrace(job_id=spec.job_id, generation=n, points=points * 5)
        gateway.store.put(spec.layout.trace(n), trace.model_dump_json().encode())
    put_heartbeat(gateway, spec, phase=Phase.WORK)
    found = figures(gateway, spec)
    assert len(json.dumps(found)) < 500_000
    fan = found["fan"]
    assert fan is not None
    assert "of 50 generations" in str(fan["summary"])
    assert len(fan["data"][1]["x"]) <= MOST_POINTS + 2 * 50


def test_unreadable_documents_cost_their_figures_only() -> None:
    gateway = fake_gateway()
    spec = put_halfway(gateway)
    gateway.store.put(spec.layout.progress, b"{")
    gateway.store.put(spec.layout.trace(1), b"[]")
    gateway.store.put(spec.layout.reaction(1), b"")
    found = figures(gateway, spec)
    assert {name for name, figure in found.items() if figure is None} == {"shards", "rates"}


def test_a_missed_proof_of_a_run_that_airflow_calls_done_is_no_error() -> None:
    gateway = fake_gateway()
    spec = put_met(gateway)
    gateway.store.delete(spec.layout.manifest)
    assert figures(gateway, spec)["fan"] is not None
