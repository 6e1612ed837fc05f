"""What holds for every test of both rooms."""

import logging
import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings
from xdist.scheduler import LoadFileScheduling

settings.register_profile(
    "llmbatch",
    deadline=None,  # a slow machine is no failure, and neither is a slow example
    suppress_health_check=[HealthCheck.too_slow],  # a clock as well
    derandomize=True,  # the same commit gets the same verdict everywhere
    print_blob=True,
)
settings.load_profile("llmbatch")
if examples := os.environ.get("LLMBATCH_FUZZ"):  # of each property; others each time
    settings.register_profile("fuzz", settings.default, max_examples=int(examples), derandomize=False)
    settings.load_profile("fuzz")


@pytest.fixture(autouse=True)
def _no_log_to_a_closed_stream() -> Iterator[None]:
    """Airflow, when it is first used, logs to the stream of that moment, which ``capsys`` closes after its test."""
    yield
    root = logging.getLogger()
    handlers = [each for each in root.handlers if isinstance(each, logging.StreamHandler)]
    for handler in [each for each in handlers if getattr(each.stream, "closed", False)]:
        root.removeHandler(handler)


class ByPlace(LoadFileScheduling):
    """With ``-n``: a file's tests run in one process, in their order; so do all in one folder of integration tests.

    Those share servers, and some measure how fast their machine is. Tests of pages share a browser.
    """

    def _split_scope(self, nodeid: str) -> str:
        file = super()._split_scope(nodeid)
        return file.rpartition("/")[0] if "/integration/" in file or "/browser/" in file else file


@pytest.hookimpl(optionalhook=True)  # not called with -p no:xdist
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> ByPlace:
    return ByPlace(config, log)
