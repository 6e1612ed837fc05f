from __future__ import annotations

import httpx
import pytest

from fakes.ray import FakeRay
from llmbatch.core.errors import RayJobError
from llmbatch.orchestrator.ray_jobs.client import RayJobs
from llmbatch.orchestrator.ray_jobs.status import RayJobStatus
from llmbatch.orchestrator.ray_jobs.submission import RaySubmission

JOB = RaySubmission("job-1-g1", "true", {"env_vars": {"A": "1"}}, {"k": "v"}, {"entrypoint_num_cpus": 0.5})


def test_submit_sends_the_whole_request_and_returns_the_status() -> None:
    ray = FakeRay()
    with ray.sync_client() as jobs:
        info = jobs.submit(JOB)
    assert info.status is RayJobStatus.PENDING
    assert ray.posts == [
        {
            "submission_id": "job-1-g1",
            "entrypoint": "true",
            "runtime_env": {"env_vars": {"A": "1"}},
            "metadata": {"k": "v"},
            "entrypoint_num_cpus": 0.5,
        }
    ]


def test_a_repeated_submit_meets_the_running_job() -> None:
    ray = FakeRay()
    ray.put("job-1-g1", "RUNNING")
    with ray.sync_client() as jobs:
        assert jobs.submit(JOB).status is RayJobStatus.RUNNING
    assert ray.posts == []


def test_a_lost_race_between_look_and_submit_reattaches() -> None:
    ray = FakeRay(hide_once={"job-1-g1"})
    ray.put("job-1-g1", "RUNNING")
    with ray.sync_client() as jobs:
        assert jobs.submit(JOB).status is RayJobStatus.RUNNING
    assert ray.posts == []


def test_unknown_ids_are_answers_not_errors() -> None:
    with FakeRay().sync_client() as jobs:
        assert jobs.status("nobody").status is RayJobStatus.NOT_FOUND
        assert jobs.logs("nobody") == ""
        assert jobs.stop("nobody") is False
        assert jobs.delete("nobody") is False


def test_stop_logs_and_delete() -> None:
    ray = FakeRay(logs={"a": "line\n"})
    ray.put("a", "RUNNING")
    with ray.sync_client() as jobs:
        assert jobs.logs("a") == "line\n"
        assert jobs.stop("a") is True
        assert jobs.status("a").status is RayJobStatus.STOPPED
        assert jobs.delete("a") is True
        assert jobs.status("a").status is RayJobStatus.NOT_FOUND


def test_submissions_are_all_jobs_but_plain_drivers() -> None:
    ray = FakeRay()
    ray.put("a", "RUNNING", metadata={"dag_id": "d"})
    ray.put("b", "FAILED")
    with ray.sync_client() as jobs:
        found = jobs.submissions()
    assert [(info.submission_id, info.status.is_active, dict(info.metadata)) for info in found] == [
        ("a", True, {"dag_id": "d"}),
        ("b", False, {}),
    ]


def test_the_version_of_ray_is_asked_with_little_patience() -> None:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, json={"version": "4", "ray_version": "2.60.0", "ray_commit": "abc"})

    with RayJobs(FakeRay().sync_client().address, httpx.MockTransport(answer)) as jobs:
        assert jobs.version() == "2.60.0"
    assert [request.url.path for request in asked] == ["/api/version"]
    assert max(asked[0].extensions["timeout"].values()) <= 5


@pytest.mark.parametrize("body", [{}, ["a"], None, {"ray_version": ""}, {"ray_version": 2}])
def test_what_names_no_version_is_no_ray(body: object) -> None:
    ray = FakeRay(broken=[httpx.Response(200, json=body)])
    with ray.sync_client() as jobs, pytest.raises(RayJobError, match="not as a Ray dashboard"):
        jobs.version()


@pytest.mark.parametrize("body", [{}, ["a"], "a", None])
def test_a_list_of_jobs_that_is_none_says_so(body: object) -> None:
    ray = FakeRay(broken=[httpx.Response(200, json=body)])
    with ray.sync_client() as jobs, pytest.raises(RayJobError, match="not as a Ray dashboard"):
        jobs.submissions()


def test_a_server_without_the_api_is_not_ray() -> None:
    with FakeRay(broken=[httpx.Response(404)] * 2).sync_client() as jobs:
        for ask in (jobs.version, jobs.submissions):
            with pytest.raises(RayJobError, match="not as a Ray dashboard"):
                ask()


@pytest.mark.parametrize(
    ("token", "broken", "words"),
    [
        (None, None, ["HTTP 401", "'my_ray'", "password", "RAY_AUTH_TOKEN"]),
        ("wrong", None, ["HTTP 403", "'my_ray'", "replace"]),
        ("right", httpx.ConnectError("refused"), ["http://ray:8265", "cannot be reached", "'my_ray'", "head node"]),
        ("right", httpx.ReadTimeout("slow"), ["ReadTimeout", "'my_ray'"]),
        ("right", httpx.Response(500, text="Traceback\nOSError: disk full"), ["HTTP 500", "disk full", "a-g1"]),
        ("right", httpx.Response(200, text="<html>"), ["not as a Ray dashboard", "'my_ray'"]),
        ("right", httpx.Response(200, json={"status": "DANCING"}), ["DANCING", "a-g1"]),
    ],
)
def test_errors_name_the_connection_and_the_fix(
    token: str | None, broken: Exception | httpx.Response | None, words: list[str]
) -> None:
    ray = FakeRay(broken=[broken] if broken is not None else [])
    with ray.sync_client(token) as jobs, pytest.raises(RayJobError) as caught:
        jobs.status("a-g1")
    for word in words:
        assert word in str(caught.value)
    assert "right" not in str(caught.value).replace("RAY_AUTH_TOKEN", "")
