"""A second worker of Ray joins the head, and is lost for good in the middle of a job."""

from __future__ import annotations

import pytest

from containers.jobs import Service
from containers.stack import Stack

pytestmark = pytest.mark.timeout(3600)


def test_a_lost_worker_costs_no_row(stack: Stack, service: Service) -> None:
    stack.compose(
        "up", "--detach", "--wait", "--no-recreate", "--pull=never", "--scale=ray-worker-cpu=2", "ray-worker-cpu"
    )
    workers = sorted(one.name for one in stack.containers().values() if one.service == "ray-worker-cpu")
    assert len(workers) == 2
    job = service.start("two-nodes", 641, {"sla_hours": 1, "engine": {"concurrency": 2}})
    job.until_committing()
    stack.engine.docker("rm", "--force", workers[-1])
    job.finish()
    stack.until_well()
