"""The drop folder on a real S3 server: conditional deletions, metadata, uploads in parts."""

from __future__ import annotations

import contextlib
import uuid
from typing import Any

import pytest

from fakes.inboxes import MemoryRuns
from llmbatch.core.clock import SystemClock
from llmbatch.core.config import Config
from llmbatch.core.errors import ObjectChanged, ObjectMissing
from llmbatch.orchestrator.deployment.run_states import DagRunState
from llmbatch.orchestrator.drop_folder.scan import Found, Scan
from llmbatch.s3.store import S3Store

from .small_jobs import BUCKET


class Folder:
    """An inbox of its own."""

    def __init__(self, store: S3Store) -> None:
        self.base = f"s3://{BUCKET}/{uuid.uuid4().hex}"
        self.store, self.runs = store, MemoryRuns(store, f"{self.base}/llmbatch")
        section = {"inbox": [{"uri": f"{self.base}/inbox"}]}
        place = {"base_uri": f"{self.base}/llmbatch"}
        models = {"default_model": "m", "models": {"m": {"uri": "hub/m"}}}
        self.config = Config.model_validate({"store": place, "drop": section, **models})

    def scan(self) -> Found:
        return Scan(self.config, self.store, self.runs, SystemClock()).run()

    def names(self, folder: str) -> set[str]:
        return {info.uri.rpartition("/")[2] for info in self.store.list(f"{self.base}/{folder}/")}


@pytest.fixture
def folder(store: S3Store) -> Folder:
    return Folder(store)


def test_only_the_version_that_was_read_is_deleted(store: S3Store) -> None:
    uri = f"s3://{BUCKET}/versions/[a] b\u00e9.jsonl"
    old = store.put(uri, b"old")
    assert store.metadata(uri, old.etag) == {}
    new = store.put(uri, b"new")
    with pytest.raises(ObjectChanged):
        store.delete_version(uri, old.etag)
    with pytest.raises(ObjectChanged):
        store.metadata(uri, old.etag)
    assert store.get(uri) == b"new"
    store.delete_version(uri, new.etag)
    with contextlib.suppress(ObjectChanged):
        store.delete_version(uri, new.etag)
    with pytest.raises(ObjectMissing):
        store.head(uri)


def test_an_input_goes_from_inbox_to_failed_with_its_options(folder: Folder, client: Any) -> None:
    key = f"{folder.base}/inbox/a [1].jsonl".removeprefix(f"s3://{BUCKET}/")
    client.put_object(Bucket=BUCKET, Key=key, Body=b"rows", Metadata={"llmbatch": "{sla_hours: 6}"})
    assert folder.scan().started == 1
    assert [conf["sla_hours"] for conf in folder.runs.confs.values()] == [6]
    folder.runs.states = dict.fromkeys(folder.runs.states, DagRunState.OVER)
    assert folder.scan().as_dict()["failed"] == 1
    assert folder.names("inbox") == set()
    assert folder.names("failed") == {"a [1].jsonl", "a [1].jsonl.reason.txt"}


def test_an_upload_in_parts_is_seen_when_it_is_complete(folder: Folder, client: Any) -> None:
    place = {"Bucket": BUCKET, "Key": f"{folder.base}/inbox/big.jsonl".removeprefix(f"s3://{BUCKET}/")}
    upload = {**place, "UploadId": client.create_multipart_upload(**place)["UploadId"]}
    parts = []
    for number in (1, 2):
        etag = client.upload_part(**upload, PartNumber=number, Body=b"r" * 5 * 2**20)["ETag"]
        parts.append({"PartNumber": number, "ETag": etag})
        assert folder.scan().as_dict()["started"] == 0
    client.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    assert folder.scan().started == 1
    folder.runs.finish(next(iter(folder.runs.confs)))
    folder.scan()
    assert folder.names("done") == {"big.jsonl", "big.jsonl.manifest.json"}
    assert folder.names("inbox") == set()
