"""What a request may read, and where it may deliver."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from llmbatch.core.config import Config
from llmbatch.core.errors import ObjectMissing, RequestError, StoreDenied, StoreError
from llmbatch.core.gateway_layout import files_uri
from llmbatch.core.job_spec import JobSpec
from llmbatch.core.store import MemoryStore, ObjectInfo
from llmbatch.orchestrator.intake.accept import accept, request_of

CREATED = datetime(2030, 1, 2, 3, tzinfo=UTC)
LINE = b'{"prompt": "hi"}\n'


class Bucket(MemoryStore):
    """Holds the buckets ``own`` and ``other``; some addresses refuse a call."""

    def __init__(self) -> None:
        super().__init__()
        self.created: list[str] = []
        self.denied: str | None = None
        self.no_deletes: type[StoreError] | None = None

    def create(self, uri: str, body: bytes) -> ObjectInfo:
        if not uri.startswith(("s3://own/", "s3://other/")):
            raise ObjectMissing(uri)
        if self.denied is not None and uri.startswith(self.denied):
            raise StoreDenied(f"{uri}: AccessDenied")
        self.created.append(uri)
        return super().create(uri, body)

    def delete(self, uri: str) -> None:
        if self.no_deletes is not None:
            raise self.no_deletes(uri)
        super().delete(uri)


@pytest.fixture
def store() -> Bucket:
    store = Bucket()
    for key in (
        "in/a.jsonl",
        "in/2030/b.jsonl",
        "input2/a.jsonl",
        "llmbatch/jobs/job-1/output/results.jsonl",
        "x.jsonl",
    ):
        store.put(f"s3://own/{key}", LINE)
    store.put("s3://other/a.jsonl", LINE)
    return store


def job(
    store: MemoryStore,
    run_id: str = "r",
    settings: dict[str, Any] | None = None,
    inboxes: tuple[str, ...] = (),
    owner: str = "",
    **conf: Any,
) -> JobSpec:
    config = Config.model_validate(
        {
            "drop": {"inbox": [{"uri": uri} for uri in inboxes]},
            "store": {"base_uri": "s3://own/llmbatch"} | (settings or {}),
            "default_model": "m",
            "models": {"m": {"uri": "hub/m"}},
        }
    )
    request = request_of({}, {"input_uri": "s3://own/in/a.jsonl"} | conf)
    return accept(request, dag_id="d", run_id=run_id, created_at=CREATED, config=config, store=store, owner=owner)


def refused(
    store: Bucket, settings: dict[str, Any] | None = None, inboxes: tuple[str, ...] = (), owner: str = "", **conf: Any
) -> RequestError:
    before = dict(store.objects)
    with pytest.raises(RequestError) as caught:
        job(store, settings=settings, inboxes=inboxes, owner=owner, **conf)
    assert store.objects == before
    return caught.value


@pytest.mark.parametrize(
    "uri",
    [
        "s3://own/llmbatch/jobs/job-1/output/results.jsonl",
        "s3://own//llmbatch//jobs/job-1/output/results.jsonl",
        "s3://own/llmbatch/jobs/",
        "s3://own/llmbatch/jobs/*/output/*.jsonl",
        "s3://own/",
        "s3://own/**/results.jsonl",
        "s3://own/llm*/jobs/job-1/**",
    ],
)
def test_the_folders_of_jobs_are_no_input(store: Bucket, uri: str) -> None:
    error = refused(store, input_uri=uri)
    assert error.field == "input_uri"
    assert "store.base_uri s3://own/llmbatch" in str(error)
    assert "retry_failed_of" in str(error)


def test_a_job_reads_the_uploads_of_its_own_user_only(store: Bucket) -> None:
    anns, bobs = (files_uri("s3://own/llmbatch", name) for name in ("ann", "bob"))
    for folder in (anns, bobs, files_uri("s3://own/llmbatch", "")):
        store.put(f"{folder}content/file-1.jsonl", LINE)
    settings = {"allowed_inputs": ["s3://own/in"]}
    for owner, folder in (("ann", bobs), ("", anns), ("", files_uri("s3://own/llmbatch", ""))):
        error = refused(store, settings, owner=owner, input_uri=f"{folder}content/file-1.jsonl")
        assert "store.base_uri s3://own/llmbatch" in str(error)
    refused(store, owner="ann", input_uri=f"{anns[:-3]}*/content/*.jsonl")
    refused(store, owner="ann", input_uri="s3://own/llmbatch/gateway/files/")
    refused(store, owner="ann", input_uri="s3://own/**/file-1.jsonl")
    job(store, "one", settings, owner="ann", input_uri=f"{anns}content/file-1.jsonl")
    job(store, "two", settings, owner="ann", input_uri=f"{anns}content/*.jsonl")


@pytest.mark.parametrize(
    "uri", ["s3://own", "s3://own/", "s3://own/llmbatch", "s3://own/llmbatch/", "s3://own/llmbatch/jobs/job-1"]
)
def test_no_job_delivers_where_jobs_are(store: Bucket, uri: str) -> None:
    error = refused(store, output_uri=uri)
    assert (error.field, "store.base_uri s3://own/llmbatch" in str(error)) == ("output_uri", True)


def test_the_own_bucket_is_allowed_unless_config_has_another_list(store: Bucket) -> None:
    assert "store.allowed_inputs in config.yaml allows (s3://own)" in str(
        refused(store, input_uri="s3://other/a.jsonl")
    )
    assert "store.allowed_outputs in config.yaml allows (s3://own)" in str(refused(store, output_uri="s3://other/out"))
    lists = {"allowed_inputs": ["s3://own/in", "s3://other"], "allowed_outputs": ["s3://other/out"]}
    refused(store, lists, input_uri="s3://own/input2/a.jsonl")
    refused(store, lists, input_uri="s3://own/in*/a.jsonl")
    refused(store, lists, input_uri="s3://own/x.jsonl")
    refused(store, lists, output_uri="s3://other/output2")
    assert "(nothing)" in str(refused(store, {"allowed_inputs": []}))
    assert job(store, "one", lists, input_uri="s3://own/in/**/*.jsonl", output_uri="s3://other/out/x").inputs.objects
    assert job(store, "two", lists, input_uri="s3://other/a.jsonl").inputs.objects
    every = {"allowed_inputs": None, "allowed_outputs": None}
    assert job(store, "three", every, input_uri="s3://other/a.jsonl", output_uri="s3://other/out").inputs.objects


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("s3://own/in/", "s3://own/in"),
        ("s3://own/in/", "s3://own/in/answers/"),
        ("s3://own/in/**/*.jsonl", "s3://own/in/answers"),
        ("s3://own/in/*.json*", "s3://own/in"),
        ("s3://own/in/*/*.jsonl", "s3://own/in"),
    ],
)
def test_a_job_does_not_deliver_into_its_own_input(store: Bucket, source: str, target: str) -> None:
    error = refused(store, input_uri=source, output_uri=target)
    assert (error.field, f"its input {source} covers" in str(error)) == ("output_uri", True)


def test_a_pointer_that_is_the_input_is_not_written_over(store: Bucket) -> None:
    store.put("s3://own/out/latest.json", LINE)
    error = refused(store, input_uri="s3://own/out/latest.json", input_format="jsonl", output_uri="s3://own/out")
    assert "would deliver s3://own/out/latest.json" in str(error)


@pytest.mark.parametrize(
    ("source", "conf"),
    [
        ("s3://own/in/*.jsonl", {"output_uri": "s3://own/in/answers"}),
        ("s3://own/in/**/*.jsonl", {"output_uri": "s3://own/answers"}),
        ("s3://own/in/", {"output_uri": "s3://own/in2"}),
        ("s3://own/in/2030/", {"output_uri": "s3://own/in"}),
        ("s3://own/in/*.jsonl", {"output_uri": "s3://own/in", "output_format": "parquet"}),
    ],
)
def test_an_output_beside_the_input_is_accepted(store: Bucket, source: str, conf: dict[str, str]) -> None:
    spec = job(store, input_uri=source, **conf)
    assert spec.output_uri == f"{conf['output_uri']}/{spec.job_id}/"


def test_a_prefix_that_holds_the_jobs_folder_is_refused_before_there_are_jobs(store: Bucket) -> None:
    del store.objects["s3://own/llmbatch/jobs/job-1/output/results.jsonl"]
    error = refused(store, input_uri="s3://own/")
    assert (error.field, "which its input s3://own/ covers" in str(error)) == ("input_uri", True)


def test_empty_parts_of_an_output_are_refused(store: Bucket) -> None:
    assert "empty part" in str(refused(store, output_uri="s3://own//out"))
    assert job(store, output_uri="s3://own/out//").output_uri.startswith("s3://own/out/job-")


def test_the_output_is_tried_once_and_leaves_no_object(store: Bucket) -> None:
    spec = job(store, output_uri="s3://own/out")
    (probe,) = [uri for uri in store.created if uri.startswith(f"{spec.output_uri}.probe-")]
    assert probe not in store.objects
    assert job(store, output_uri="s3://own/out") == spec
    assert not [uri for uri in store.objects if uri.startswith("s3://own/out")]
    job(store, "without")
    assert len([uri for uri in store.created if ".probe-" in uri]) == 2


def test_an_output_that_cannot_be_written_is_refused_with_the_fix(store: Bucket) -> None:
    any_bucket: dict[str, Any] = {"allowed_outputs": None}
    error = refused(store, any_bucket, output_uri="s3://absent/out")
    assert (error.field, "no bucket 'absent'" in str(error)) == ("output_uri", True)
    store.denied = "s3://other/locked/"
    error = refused(store, any_bucket, output_uri="s3://other/locked")
    assert (error.field, "not writable" in str(error), "AccessDenied" in str(error)) == ("output_uri", True, True)


def test_a_key_that_may_not_delete_can_still_deliver(store: Bucket, caplog: pytest.LogCaptureFixture) -> None:
    store.no_deletes = StoreDenied
    spec = job(store, output_uri="s3://own/out")
    assert f"event=probe_left job_id={spec.job_id} " in caplog.text
    store.no_deletes = StoreError
    with pytest.raises(StoreError):
        job(store, "again", output_uri="s3://own/out")


@pytest.mark.parametrize("field", ["input_uri", "output_uri"])
def test_control_characters_are_refused_and_shown_escaped(store: Bucket, field: str) -> None:
    error = refused(store, **{field: "s3://own/x\n\x1b[2Jevent=forged"})
    assert (error.field, str(error).isprintable()) == (field, True)
    assert r"s3://own/x\n\x1b[2J" in str(error)


@pytest.mark.parametrize("uri", ["s3://own/inbox", "s3://own/inbox/answers/"])
def test_nothing_is_delivered_into_an_inbox(store: Bucket, uri: str) -> None:
    error = refused(store, inboxes=("s3://own/inbox",), output_uri=uri)
    assert (error.field, "s3://own/inbox, where every object starts a job" in str(error)) == ("output_uri", True)


def test_a_folder_beside_an_inbox_is_an_output(store: Bucket) -> None:
    assert job(store, inboxes=("s3://own/inbox",), output_uri="s3://own/inbox2").output_uri.startswith(
        "s3://own/inbox2/job-"
    )
