"""Another version of Ray is refused; a Ray that does not answer is not."""

from __future__ import annotations

import httpx
import pytest

from fakes.ray import FakeRay
from llmbatch.core.errors import OtherRay
from llmbatch.core.ray_version import RAY_VERSION
from llmbatch.orchestrator.ray_jobs.hook import RayHook
from llmbatch.orchestrator.ray_jobs.ray_version import require_ray_version
from llmbatch.version import VERSION


@pytest.fixture
def ray(monkeypatch: pytest.MonkeyPatch) -> FakeRay:
    ray = FakeRay()
    monkeypatch.setattr(RayHook, "get_conn", lambda self: ray.sync_client())
    return ray


def test_the_right_version_passes_in_silence(ray: FakeRay, caplog: pytest.LogCaptureFixture) -> None:
    require_ray_version("my_ray")
    assert caplog.text == ""


@pytest.mark.parametrize("version", ["2.59.1", "2.60.1", "3.0.0.dev0"])
def test_another_version_is_refused_and_the_message_names_both(ray: FakeRay, version: str) -> None:
    ray.version = version
    with pytest.raises(OtherRay) as caught:
        require_ray_version("my_ray")
    assert not caught.value.retryable
    assert str(caught.value) == (
        f"http://ray:8265 runs Ray {version}, and llmbatch {VERSION} needs Ray {RAY_VERSION}: it would end the job "
        f"before an engine starts. Install Ray {RAY_VERSION} on the cluster (requirements/ray-*.lock), or the release "
        f"of llmbatch for Ray {version}, then clear the task `accept`."
    )


@pytest.mark.parametrize(
    "broken",
    [
        httpx.ConnectError("refused"),
        httpx.ReadTimeout("slow"),
        httpx.Response(503),
        httpx.Response(403),
        httpx.Response(404),
        httpx.Response(200, text="<html>"),
    ],
    ids=repr,
)
def test_a_cluster_that_does_not_answer_is_a_warning(
    ray: FakeRay, caplog: pytest.LogCaptureFixture, broken: Exception | httpx.Response
) -> None:
    ray.broken, ray.version = [broken], "1.0"
    require_ray_version("my_ray")
    assert "event=ray_version_unknown conn_id=my_ray reason=" in caplog.text


def test_so_is_a_connection_that_is_not_there(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_NO_HOST", '{"conn_type": "ray"}')
    require_ray_version("no_host")
    assert "no_host" in caplog.text
