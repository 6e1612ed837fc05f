"""The pool that keeps one Ray job at a time on the embedded stack."""

import pytest

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(3600)]


def test_the_pool_of_ray_jobs_counts_deferred_tasks(running):
    pool = running.api.get("/api/v2/pools/llmbatch_ray").json()
    assert pool["include_deferred"] is True
    assert pool["slots"] == 1
