from __future__ import annotations

import pytest

from fakes.ray_task import Ti
from llmbatch.orchestrator.ray_jobs.submission import RaySubmission, filled, origin_of


def test_resources_are_fields_of_the_body_itself() -> None:
    job = RaySubmission("job-g1", "true", {"env_vars": {"A": "1"}}, {"k": "v"}, {"entrypoint_num_cpus": 0.5})
    assert job.body() == {
        "submission_id": "job-g1",
        "entrypoint": "true",
        "runtime_env": {"env_vars": {"A": "1"}},
        "metadata": {"k": "v"},
        "entrypoint_num_cpus": 0.5,
    }


@pytest.mark.parametrize(
    ("entrypoint", "command"),
    [
        ("work --id {submission_id} -n {generation}", "work --id job-g2 -n 2"),
        ("echo '{\"a\": {}}' ${HOME} {other}", "echo '{\"a\": {}}' ${HOME} {other}"),
    ],
)
def test_only_the_two_known_braces_are_filled_in(entrypoint: str, command: str) -> None:
    assert filled(entrypoint, "job-g2", 2) == command


def test_the_origin_is_text_that_names_the_task() -> None:
    assert origin_of(Ti(), 2) == {"dag_id": "d", "run_id": "r", "task_id": "run", "generation": "2"}
