"""The store of this repository keeps its conditions, also when several processes write at once."""

from __future__ import annotations

import pytest

from llmbatch.cli.check_store import run
from llmbatch.s3.store import S3Store

from .small_jobs import BUCKET

pytestmark = pytest.mark.integration


def test_seaweedfs_can_be_used(store: S3Store, capsys: pytest.CaptureFixture[str]) -> None:
    code = run(store, f"s3://{BUCKET}/check", rounds=10, writers=8)
    assert code == 0, capsys.readouterr().out
    assert not list(store.list(f"s3://{BUCKET}/check/"))
