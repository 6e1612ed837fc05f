from __future__ import annotations

import platform

import llmbatch
from llmbatch.gateway.jobs.versions import versions


def test_the_versions_of_this_process() -> None:
    ours, airflow, python = versions()
    assert (ours, airflow.split(".")[0], python) == (llmbatch.__version__, "3", platform.python_version())
