"""``/ui/jobs/{job_id}`` and ``/ui/runs/…``: the page, its head, its alerts, and buttons that work."""

from __future__ import annotations

import html
import json
import re
from itertools import product

import pytest
from httpx import Response

from fakes.finished_jobs import finish
from fakes.gateway import FakeGateway, fake_gateway
from fakes.gateway_jobs import put_finished, put_job, put_run
from fakes.shown_jobs import HOSTILE, put_alerts, put_beat, put_control, put_dry_run, put_rows, staged_row
from llmbatch.core.identity import FAILURE, INFERENCE_DAG, job_id_of
from llmbatch.core.states import DesiredState, Phase

PAGE = {"Accept": "text/html"}
STATES = (
    "waits", "runs", "paused", "draining", "cancelling", "publishes", "failed", "refused", "delivered", "clean",
    "expired", "dry", "gone",
)  # fmt: skip


def get(gateway: FakeGateway, path: str, user: str = "ann", role: str = "viewer", **headers: str) -> Response:
    return gateway.client.get(path, headers={**gateway.as_user(user, role), **PAGE, **headers})


def put(gateway: FakeGateway, state: str) -> str:
    """Put a job of ann in a state; return its id."""
    match state:
        case "waits" | "refused":
            return put_run(gateway, state, "queued" if state == "waits" else "failed")
        case "runs" | "paused" | "draining" | "cancelling" | "publishes":
            spec = put_job(gateway, state)
            put_beat(gateway, spec, phase=Phase.DONE if state == "publishes" else Phase.WORK)
            desired = {"draining": DesiredState.DRAIN, "cancelling": DesiredState.CANCEL}
            put_control(gateway, spec, desired.get(state, DesiredState.RUN), paused=state == "paused")
        case "failed" | "dry" | "gone":
            spec = put_job(gateway, state, "success" if state == "dry" else "failed")
            if state == "dry":
                dry = spec.model_copy(update={"request": spec.request.model_copy(update={"dry_run": True})})
                gateway.store.put(spec.layout.spec, dry.model_dump_json().encode())
            if state == "gone":
                del gateway.airflow.dag_runs[INFERENCE_DAG, spec.run_id]
        case _:
            spec = put_finished(gateway, state)
            if state != "expired":
                put_rows(gateway, spec, [staged_row(1)])
            if state == "clean":
                proof = finish(gateway.store, spec)
                rows = proof.rows.model_copy(update={"failed": 0})
                body = proof.model_copy(update={"rows": rows}).model_dump_json().encode()
                gateway.store.put(spec.layout.manifest, body)
    return spec.job_id


def buttons(text: str) -> dict[str, dict[str, object]]:
    """The path of each button that posts, and a body of the values in its dialog."""
    found = {}
    for tag in re.findall(r"<button[^>]*data-post[^>]*>", text):
        path, fields = (html.unescape(re.findall(rf'data-{name}="([^"]*)"', tag)[0]) for name in ("post", "fields"))
        found[path] = {field["name"]: field.get("value", FILLED.get(field["name"], "")) for field in json.loads(fields)}
    return found


EXPECTED = {
    "waits": {"cancel"},
    "runs": {"pause", "scale", "drain", "cancel"},
    "paused": {"resume", "scale", "drain", "cancel"},
    "draining": {"resume", "cancel"},
    "cancelling": {"resume"},
    "failed": {"resume"},
    "delivered": {"retry-failed", "deliver"},
    "clean": {"deliver"},
    "expired": {"deliver"},
}
"""What an owner who may edit runs is offered; nothing in the other states."""
OF_ROWS = {"retry-failed", "deliver"}
FILLED = {"output_uri": "s3://b/elsewhere"}
"""What is typed into empty inputs of a dialog."""


@pytest.mark.parametrize("state", STATES)
def test_every_button_that_is_shown_works(state: str) -> None:
    gateway = fake_gateway()
    job_id = put(gateway, state)
    path = f"/ui/jobs/{job_id}/head"
    for user, role in product(("ann", "bob"), ("viewer", "user", "op")):
        shown = buttons(get(gateway, path, user, role).text)
        assert shown == buttons(get(gateway, f"/ui/jobs/{job_id}", user, role).text)
        verbs = {each.rpartition("/")[2] for each in shown}
        offered = EXPECTED.get(state, set())
        assert verbs == {verb for verb in offered if _may(user, role, verb)}, (user, role)
        for each, body in shown.items():
            fresh = fake_gateway()
            assert put(fresh, state) == job_id
            answer = fresh.client.post(each, json=body, headers=fresh.as_user(user, role))
            assert answer.status_code == 202, (user, role, each, answer.text)
            assert answer.json().get("done") or answer.json()["job_id"] != job_id


def _may(user: str, role: str, verb: str) -> bool:
    """Who may what: rows are for their owner, if he may start runs; all else is for those who may edit the run."""
    return (role != "viewer" and user == "ann") if verb in OF_ROWS else role == "op"


def test_an_admin_of_the_deployment_retries_the_jobs_of_others() -> None:
    gateway = fake_gateway(admins=("ada",))
    job_id = put(gateway, "delivered")
    assert list(buttons(get(gateway, f"/ui/jobs/{job_id}/head", "ada", "user").text)) == [
        f"/jobs/{job_id}/{verb}" for verb in ("retry-failed", "deliver")
    ]


@pytest.mark.parametrize("state", STATES)
def test_every_state_has_a_page(state: str) -> None:
    gateway = fake_gateway()
    job_id = put(gateway, state)
    answer = get(gateway, f"/ui/jobs/{job_id}")
    assert (answer.status_code, job_id in answer.text) == (200, True)
    for part in ("head", "alerts", "errors", "files"):
        assert get(gateway, f"/ui/jobs/{job_id}/{part}").status_code == 200


def test_an_unknown_job_is_a_page_with_a_way_on() -> None:
    gateway = fake_gateway()
    for job_id in ("job-0000000000000000", "no-job", "job-%1b[31m"):
        answer = get(gateway, f"/ui/jobs/{job_id}")
        assert (answer.status_code, 'href="/ui/jobs"' in answer.text, "\x1b" in answer.text) == (404, True, False)


def test_a_poll_costs_nothing_while_nothing_changes() -> None:
    gateway = fake_gateway()
    spec = put_job(gateway, "r")
    put_beat(gateway, spec)
    for part in ("head", "alerts", "errors", "files"):
        first = get(gateway, f"/ui/jobs/{spec.job_id}/{part}")
        again = get(gateway, f"/ui/jobs/{spec.job_id}/{part}", **{"If-None-Match": first.headers["etag"]})
        assert (first.status_code, again.status_code, again.content) == (200, 304, b"")


def test_who_may_not_read_runs_sees_nothing() -> None:
    gateway = fake_gateway()
    job_id = put(gateway, "runs")
    for path in (f"jobs/{job_id}", f"jobs/{job_id}/head", f"jobs/{job_id}/alerts", "runs/d/r"):
        assert gateway.client.get(f"/ui/{path}").status_code == 401


def test_the_tab_of_a_run_is_the_page_of_its_job() -> None:
    gateway = fake_gateway()
    spec = put_job(gateway, "manual__2030-01-01T00:00:00+00:00")
    answer = get(gateway, f"/ui/runs/{INFERENCE_DAG}/manual__2030-01-01T00:00:00+00:00")
    assert (answer.status_code, f"/ui/jobs/{spec.job_id}/head" in answer.text) == (200, True)


@pytest.mark.parametrize("path", [f"{INFERENCE_DAG}/none", "other/r", "other/a/b", "other/%3Cscript%3E%E2%80%AE"])
def test_a_run_that_is_no_job_says_so(path: str) -> None:
    answer = get(fake_gateway(), f"/ui/runs/{path}")
    assert (answer.status_code, "This run is no job" in answer.text) == (200, True)
    assert 'href="/ui/jobs">Show all jobs' in answer.text
    assert "<script>" not in answer.text
    assert "\u202e" not in answer.text


def test_a_run_that_adopted_a_job_shows_that_job() -> None:
    gateway = fake_gateway()
    spec = put_finished(gateway, "first")
    put_run(gateway, "second", "success")
    key = (INFERENCE_DAG, "second", "accept", "job_id")
    for adopted, shown in ((spec.job_id, spec.job_id), ("job-0000000000000000", job_id_of(INFERENCE_DAG, "second"))):
        gateway.airflow.xcoms[key] = adopted
        assert f"/ui/jobs/{shown}/head" in get(gateway, f"/ui/runs/{INFERENCE_DAG}/second").text


def test_hostile_texts_are_text() -> None:
    gateway = fake_gateway()
    long = HOSTILE + "x" * 2**20
    spec = put_job(gateway, "r", "failed", owner=HOSTILE, model_name=long)
    put_beat(gateway, spec, eta_reason=long)
    put_alerts(gateway, spec, long)
    put_control(gateway, spec, DesiredState.DRAIN)
    gateway.airflow.tasks[INFERENCE_DAG, "r"] = {"run": "failed"}
    gateway.airflow.xcoms[INFERENCE_DAG, "r", "run", FAILURE] = long
    odd = put_run(gateway, HOSTILE, "queued", owner=HOSTILE, model=long)
    for job_id in (spec.job_id, odd):
        for path in ("", "/head", "/alerts", "/errors", "/files", "/documents"):
            answer = get(gateway, f"/ui/jobs/{job_id}{path}", "ann", "op")
            assert answer.status_code in ({200, 404} if path == "/documents" else {200}), path
            assert len(answer.text) < 200_000, path
            for raw in ("<script>alert", "\x1b", "\u202e"):
                assert raw not in answer.text, path


def test_a_dry_run_shows_what_the_job_would_need() -> None:
    gateway = fake_gateway()
    spec = put_dry_run(gateway, example=HOSTILE)
    text = get(gateway, f"/ui/jobs/{spec.job_id}").text
    for words in ("the deadline is at risk", "4 jobs before it", "0.50 USD", "15 min", "This is a dry run"):
        assert words in text
    assert "<script>alert" not in text
    assert "alerts-of-job" not in text


def test_an_error_of_a_job_says_what_to_do() -> None:
    gateway = fake_gateway()
    job_id = put(gateway, "failed")
    gateway.airflow.tasks[INFERENCE_DAG, "failed"] = {"publish": "failed"}
    gateway.airflow.xcoms[INFERENCE_DAG, "failed", "publish", FAILURE] = "disk full. Make room."
    text = get(gateway, f"/ui/jobs/{job_id}/head", role="op").text
    assert "The task publish failed." in text
    assert "disk full. Make room." in text
    assert "do-resume" in text
