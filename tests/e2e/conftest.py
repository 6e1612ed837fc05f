"""The real stack: the one that is up, or one that is started for the tests and stopped after them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from llmbatch.core.s3_store import S3Store
from llmbatch_stack import settings as stack_settings
from llmbatch_stack import stack
from llmbatch_stack.airflow_api import AirflowApi
from llmbatch_stack.credentials import Credentials, load_or_create
from llmbatch_stack.job_run import open_airflow, open_store


@dataclass(frozen=True)
class Running:
    """A stack that is up."""

    settings: stack_settings.Settings
    credentials: Credentials
    store: S3Store
    api: AirflowApi


@pytest.fixture(scope="session")
def running() -> Iterator[Running]:
    settings = stack_settings.load()
    started_here = stack.up(settings, lambda _line: None)
    credentials = load_or_create(settings)
    try:
        with open_airflow(settings, credentials) as api:
            yield Running(settings, credentials, open_store(settings, credentials), api)
    finally:
        if started_here:
            stack.down(settings)
