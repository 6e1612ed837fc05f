from __future__ import annotations

import httpx
import pytest

from fakes.ray import FakeRay
from llmbatch.core.errors import RayJobError
from llmbatch.orchestrator.ray_jobs.address import RayAddress
from llmbatch.orchestrator.ray_jobs.status import RayJobInfo, RayJobStatus
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


@pytest.mark.parametrize("body", [{}, ["a"], "a", None])
def test_a_list_of_jobs_that_is_none_says_so(body: object) -> None:
    ray = FakeRay(broken=[httpx.Response(200, json=body)])
    with ray.sync_client() as jobs, pytest.raises(RayJobError, match="not as a Ray dashboard"):
        jobs.submissions()


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


def test_info_reads_exit_code_and_times() -> None:
    info = RayJobInfo.from_api("a", {"status": "FAILED", "driver_exit_code": 22, "start_time": 1000, "message": None})
    assert (info.status, info.driver_exit_code, info.message) == (RayJobStatus.FAILED, 22, "")
    assert info.started_at is not None
    assert info.started_at.timestamp() == 1
    assert info.ended_at is None


@pytest.mark.parametrize("status", list(RayJobStatus))
def test_every_status_is_active_or_over(status: RayJobStatus) -> None:
    assert status.is_active != status.is_over
    assert status.is_active == (status in {"PENDING", "RUNNING"})


class Connection:
    def __init__(self, host: str | None, port: int | None = None, schema: str | None = None, extra: dict | None = None):
        self.conn_id, self.host, self.port, self.schema, self.password = "my_ray", host, port, schema, "secret-token"
        self.extra_dejson = extra or {}


@pytest.mark.parametrize(
    ("connection", "url"),
    [
        (Connection("ray"), "http://ray:8265"),
        (Connection("ray", 1234), "http://ray:1234"),
        (Connection("ray", 1234, "https"), "https://ray:1234"),
        (Connection("ray:99"), "http://ray:99"),
        (Connection("http://ray", 1234), "http://ray:1234"),
        (Connection("https://ray.example.com/"), "https://ray.example.com"),
        (Connection("https://ray.example.com:8443"), "https://ray.example.com:8443"),
    ],
)
def test_address_of_a_connection(connection: Connection, url: str) -> None:
    address = RayAddress.of_connection(connection)
    assert address.url == url
    assert address.headers == {"Authorization": "Bearer secret-token"}
    assert "secret-token" not in repr(address)


def test_dashboard_of_people_may_differ_from_that_of_workers() -> None:
    address = RayAddress.of_connection(Connection("ray", extra={"dashboard_url": "https://public/ray/"}))
    assert address.dashboard_of("a-g1") == "https://public/ray/#/jobs/a-g1"


def test_a_connection_without_host_says_so() -> None:
    with pytest.raises(ValueError, match=r"my_ray.*no host"):
        RayAddress.of_connection(Connection(None))
