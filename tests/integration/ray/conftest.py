"""One SeaweedFS and one Ray node for all jobs of a folder below this one: they run in one process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fakes.cluster_jobs import Job
from fakes.ray_servers import running_node, running_s3
from llmbatch.cluster.storage.store import open_store
from llmbatch.s3.store import S3Store


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    with running_s3(tmp_path_factory.mktemp("weed")) as variables:
        yield variables


@pytest.fixture(scope="session")
def cluster(s3: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    with running_node(s3, tmp_path_factory.mktemp("ray") / "log") as variables:
        yield variables


@pytest.fixture
def store(s3: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> S3Store:
    for name, value in s3.items():
        monkeypatch.setenv(name, value)
    return open_store()


@pytest.fixture
def job(store: S3Store, cluster: dict[str, str]) -> Job:
    return Job(store, cluster)
