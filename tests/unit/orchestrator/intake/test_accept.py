from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fakes.proofs import put_proof
from llmbatch.core.config import Config
from llmbatch.core.errors import ForeignManifest, ObjectMissing, OtherRay, RequestError
from llmbatch.core.job_spec import JobSpec
from llmbatch.core.request_options import InputFormat, OutputFormat
from llmbatch.core.serving import Serving
from llmbatch.core.store import MemoryStore, ObjectInfo
from llmbatch.orchestrator.intake import accept as accept_module
from llmbatch.orchestrator.intake.accept import accept, request_of
from llmbatch.orchestrator.jobs.day_index import indexed_jobs
from llmbatch.orchestrator.jobs.documents import read_inputs, read_spec
from llmbatch.version import VERSION

CREATED = datetime(2030, 1, 2, 3, tzinfo=UTC)
OPENAI = {"custom_id": "a", "method": "POST", "url": "/v1/chat/completions", "body": {"messages": []}}


class BucketStore(MemoryStore):
    """A memory store that has only the bucket ``in`` and ``llmbatch``, as S3 has only those that were created."""

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        if not prefix.startswith(("s3://in/", "s3://llmbatch/")):
            raise ObjectMissing(prefix)
        return super().list(prefix)

    def create(self, uri: str, body: bytes) -> ObjectInfo:
        if not uri.startswith(("s3://in/", "s3://llmbatch/")):
            raise ObjectMissing(uri)
        return super().create(uri, body)


@pytest.fixture
def store() -> BucketStore:
    store = BucketStore()
    store.put("s3://in/openai.jsonl", _lines(OPENAI))
    store.put("s3://in/plain.jsonl", _lines({"prompt": "hi", "id": 1}))
    store.put("s3://in/chat.jsonl", _lines({"prompt": "hi", "messages": []}))
    store.put("s3://in/table.csv", b"question,answer\nwhy,because\n")
    store.put("s3://in/text.csv", b"text,answer\nwhy,because\n")
    store.put("s3://in/one.csv", b"words\nwhy\n")
    store.put("s3://in/odd.csv", b"a,b\n1,2\n")
    store.put("s3://in/many/part-0.jsonl", _lines({"text": "hi"}))
    store.put("s3://in/many/part-1.jsonl", _lines({"text": "ho"}))
    store.put("s3://in/many/_SUCCESS", b"x")
    store.put("s3://in/many/empty.jsonl", b"")
    store.put("s3://in/many/deep/part-2.jsonl", _lines({"text": "hu"}))
    store.put("s3://in/mixed/a.jsonl", _lines({"text": "hi"}))
    store.put("s3://in/mixed/b.csv", b"text\nhi\n")
    store.put("s3://in/nothing/empty.jsonl", b"")
    return store


@pytest.fixture
def config() -> Config:
    return Config.model_validate(
        {
            "store": {"allowed_inputs": None, "allowed_outputs": None},
            "default_model": "small",
            "models": {"small": {"uri": "bundled:small", "max_model_len": 2048}, "big": {"uri": "org/big"}},
            "engine": {"kind": "echo", "max_num_seqs": 16},
        }
    )


def _lines(*rows: dict[str, Any]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def job(store: MemoryStore, config: Config, require: Callable[[], None] = lambda: None, **conf: Any) -> JobSpec:
    return accept(
        request_of({}, conf),
        dag_id="d",
        run_id="r",
        created_at=CREATED,
        config=config,
        store=store,
        require_cluster=require,
    )


def test_every_default_is_resolved_and_frozen(store: BucketStore, config: Config) -> None:
    spec = job(store, config, input_uri="s3://in/openai.jsonl")
    assert spec.root_uri == f"s3://llmbatch/llmbatch/jobs/{spec.job_id}"
    assert (spec.input_format, spec.output_format) == (InputFormat.OPENAI_BATCH, OutputFormat.OPENAI_BATCH)
    assert spec.output_uri == f"{spec.root_uri}/output/"
    assert spec.deadline == CREATED + timedelta(hours=24)
    assert (spec.model_name, spec.model_uri, spec.engine.max_model_len) == ("small", "bundled:small", 2048)
    assert spec.engine.max_num_seqs == 16
    assert [item.size for item in read_inputs(spec, store)] == [len(_lines(OPENAI))]
    assert read_spec(spec.root_uri, store) == spec


def test_options_win_over_model_and_config(store: BucketStore, config: Config) -> None:
    spec = job(
        store,
        config,
        input_uri="s3://in/plain.jsonl",
        engine={"batch_size": 4, "concurrency": 3, "max_model_len": 99},
        output_uri="s3://in/here",
        model="big",
        sla_hours=2,
    )
    assert (spec.engine.max_num_seqs, spec.engine.max_replicas, spec.engine.max_model_len) == (4, 3, 99)
    assert (spec.output_uri, spec.model_uri) == (f"s3://in/here/{spec.job_id}/", "org/big")
    assert spec.deadline == CREATED + timedelta(hours=2)


@pytest.mark.parametrize(("fallback", "uri"), [(None, None), ("small", "bundled:small"), ("org/new", "org/new")])
def test_the_fallback_model_s_address_is_frozen(
    store: BucketStore, config: Config, fallback: str | None, uri: str | None
) -> None:
    spec = job(store, config, input_uri="s3://in/plain.jsonl", model="big", reactions={"fallback_model": fallback})
    assert spec.fallback_model_uri == uri
    assert spec.model_name_of("org/big") == "big"
    if fallback is not None and uri is not None:
        assert spec.model_name_of(uri) == fallback


def test_what_the_model_serves_is_frozen(store: BucketStore, config: Config) -> None:
    sections = config.model_dump() | {"media_domains": ("pictures.example",)}
    sections["models"]["big"] |= {"serve": {"tool_call_parser": "hermes"}, "adapters": {"legal": "s3://in/legal/"}}
    config = Config.model_validate(sections)
    spec = job(store, config, input_uri="s3://in/plain.jsonl", model="legal", reactions={"fallback_model": "small"})
    assert (spec.model_name, spec.model_uri, spec.request.model) == ("big", "org/big", "legal")
    assert spec.serving == Serving(
        name="big",
        options={"tool_call_parser": "hermes"},
        adapters={"legal": "s3://in/legal/"},
        media_domains=("pictures.example",),
        media_prefixes=None,
    )
    assert spec.fallback_serving == Serving(name="small", media_domains=("pictures.example",), media_prefixes=None)


def test_a_hub_model_serves_by_its_id_and_without_arguments(store: BucketStore, config: Config) -> None:
    spec = job(store, config, input_uri="s3://in/plain.jsonl", model="org/new")
    assert (spec.serving, spec.fallback_serving) == (Serving(name="org/new", media_prefixes=None), None)


@pytest.mark.parametrize(
    ("uri", "names"),
    [
        ("s3://in/many/", ["deep/part-2.jsonl", "part-0.jsonl", "part-1.jsonl"]),
        ("s3://in/many/part-*.jsonl", ["part-0.jsonl", "part-1.jsonl"]),
        ("s3://in/many/part-[!0].jsonl", ["part-1.jsonl"]),
        ("s3://in/many/part-?.jsonl", ["part-0.jsonl", "part-1.jsonl"]),
        ("s3://in/many/**/part-*", ["deep/part-2.jsonl", "part-0.jsonl", "part-1.jsonl"]),
        ("s3://in/many/*/part-*", ["deep/part-2.jsonl"]),
    ],
)
def test_prefixes_and_globs(store: BucketStore, config: Config, uri: str, names: list[str]) -> None:
    spec = job(store, config, input_uri=uri)
    assert [item.uri.removeprefix("s3://in/many/") for item in read_inputs(spec, store)] == names


@pytest.mark.parametrize(
    ("conf", "column", "messages"),
    [
        ({"input_uri": "s3://in/plain.jsonl"}, "prompt", None),
        ({"input_uri": "s3://in/chat.jsonl"}, None, "messages"),
        ({"input_uri": "s3://in/table.csv"}, None, None),
        ({"input_uri": "s3://in/text.csv"}, "text", None),
        ({"input_uri": "s3://in/one.csv", "csv": {"header": False}}, "column_1", None),
        ({"input_uri": "s3://in/table.csv", "prompt_column": "answer"}, "answer", None),
        ({"input_uri": "s3://in/table.csv", "prompt_template": "{question}: {answer}"}, None, None),
        ({"input_uri": "s3://in/openai.jsonl"}, None, None),
    ],
)
def test_which_column_holds_the_prompt(
    store: BucketStore, config: Config, conf: dict[str, Any], column: str | None, messages: str | None
) -> None:
    request = job(store, config, **conf).request
    assert (request.prompt_column, request.messages_column) == (column, messages)


BAD = [
    ({}, ["input_uri: ", "is required"]),
    ({"input_uri": "http://x/y"}, ["input_uri: ", "s3://bucket/key"]),
    (
        {"input_uri": "s3://in/plain.jsonl", "output_schema": {"type": "strin"}},
        ["output_schema: is not a JSON schema at $.type", "'strin'", "Correct the schema"],
    ),
    (
        {"input_uri": "s3://in/plain.jsonl", "request": {"top_logprob": 3}},
        ["request.top_logprob: is not a parameter of /v1/chat/completions", "Did you mean `top_logprobs`"],
    ),
    ({"input_uri": "s3://in/openai.jsonl", "request": {"n": 0}}, ["request.n: is 0, and 1 is the least"]),
    (
        {"input_uri": "s3://in/table.csv", "task": "score"},
        ["task: score needs the columns text_1 and text_2", "columns there: question, answer"],
    ),
    ({"input_uri": "s3://nowhere/x.jsonl"}, ["input_uri: ", "no bucket 'nowhere'", "Create it"]),
    ({"input_uri": "s3://nowhere/"}, ["input_uri: ", "no bucket 'nowhere'", "Create it"]),
    ({"input_uri": "s3://in/plain.json"}, ["input_uri: ", "does not exist", "s3://in/plain.jsonl"]),
    ({"input_uri": "s3://in/many"}, ["input_uri: ", "end the prefix with a slash", "s3://in/many/"]),
    ({"input_uri": "s3://in/void/"}, ["input_uri: ", "names no object", "Upload"]),
    ({"input_uri": "s3://in/many/*.csv"}, ["input_uri: ", "names no object"]),
    ({"input_uri": "s3://in/nothing/"}, ["input_uri: ", "is empty"]),
    (
        {"input_uri": "s3://in/mixed/"},
        ["input_uri: ", "jsonl: s3://in/mixed/a.jsonl", "csv: s3://in/mixed/b.csv", "glob"],
    ),
    ({"input_uri": "s3://in/odd.csv"}, ["prompt_column: ", "columns there: a, b", "csv.header", "csv.delimiter"]),
    ({"input_uri": "s3://in/one.csv"}, ["prompt_column: ", "columns there: words.", "If the first line is a row"]),
    ({"input_uri": "s3://in/plain.jsonl", "id_column": "key"}, ["id_column: ", "no column 'key'", "prompt, id"]),
    ({"input_uri": "s3://in/openai.jsonl", "id_column": "none"}, ["id_column: ", "OpenAI", "Leave it out"]),
    ({"input_uri": "s3://in/plain.jsonl", "csv": {"header": False}}, ["csv: ", "jsonl", "Leave it out"]),
    (
        {"input_uri": "s3://in/table.csv", "prompt_column": "quest"},
        ["prompt_column: ", "'question'", "question, answer"],
    ),
    ({"input_uri": "s3://in/plain.jsonl", "messages_column": "chat"}, ["messages_column: ", "prompt, id"]),
    ({"input_uri": "s3://in/plain.jsonl", "prompt_template": "{promt}"}, ["prompt_template: ", "'prompt'"]),
    ({"input_uri": "s3://in/openai.jsonl", "prompt_column": "x"}, ["prompt_column: ", "OpenAI", "Leave it out"]),
    ({"input_uri": "s3://in/plain.jsonl", "promt_column": "x"}, ["promt_column: ", "'prompt_column'"]),
    ({"input_uri": "s3://in/plain.jsonl", "engine": {"batchsize": 1}}, ["engine.batchsize: ", "'batch_size'"]),
    ({"input_uri": "s3://in/plain.jsonl", "engine": {"batch_size": 5000}}, ["engine.batch_size: ", "1024"]),
    ({"input_uri": "s3://in/plain.jsonl", "sampling": {"temperature": 9}}, ["sampling.temperature: "]),
    ({"input_uri": "s3://in/plain.jsonl", "sla_hours": 0}, ["sla_hours: ", "greater than or equal to 0.001"]),
    ({"input_uri": "s3://in/plain.jsonl", "output_uri": "out"}, ["output_uri: ", "s3://bucket/key"]),
    ({"input_uri": "s3://in/plain.jsonl", "prompt_column": "a", "messages_column": "b"}, ["exclude each other"]),
]


@pytest.mark.parametrize(("conf", "words"), BAD, ids=[str(conf)[:70] for conf, _ in BAD])
def test_bad_requests_name_the_field_and_the_fix(
    store: BucketStore, config: Config, conf: dict[str, Any], words: list[str]
) -> None:
    before = dict(store.objects)
    with pytest.raises(RequestError) as caught:
        job(store, config, **conf)
    for word in words:
        assert word in str(caught.value)
    assert store.objects == before


def test_a_run_at_the_end_of_time_is_refused(store: BucketStore, config: Config) -> None:
    request, end = request_of({}, {"input_uri": "s3://in/plain.jsonl"}), datetime(9999, 12, 31, tzinfo=UTC)
    with pytest.raises(RequestError, match="run_after: 9999-12-31T00:00:00"):
        accept(request, dag_id="d", run_id="r", created_at=end, config=config, store=store)


def test_a_missing_bucket_for_jobs_names_config(store: BucketStore, config: Config) -> None:
    elsewhere = config.model_copy(update={"store": config.store.model_copy(update={"base_uri": "s3://gone/x"})})
    with pytest.raises(RequestError, match=r"store.base_uri.*'gone'.*config.yaml"):
        job(store, elsewhere, input_uri="s3://in/plain.jsonl")


def test_a_retry_meets_its_own_spec(store: BucketStore, config: Config) -> None:
    first = job(store, config, input_uri="s3://in/plain.jsonl")
    assert job(store, config, input_uri="s3://in/plain.jsonl") == first


def test_a_spec_names_the_llmbatch_that_accepted_it_and_a_retry_by_another_meets_it(
    store: BucketStore, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = job(store, config, input_uri="s3://in/plain.jsonl")
    assert first.versions == {"llmbatch": VERSION}
    monkeypatch.setattr(accept_module, "VERSION", "9.1.0")
    job(store, config, input_uri="s3://in/plain.jsonl")
    assert read_spec(first.root_uri, store) == first


def test_a_cluster_that_cannot_run_the_job_leaves_nothing_of_it(store: BucketStore, config: Config) -> None:
    def refuse() -> None:
        raise OtherRay("Ray 2.59.0 instead of 2.60.0")

    before = dict(store.objects)
    with pytest.raises(OtherRay):
        job(store, config, refuse, input_uri="s3://in/plain.jsonl")
    assert store.objects == before
    assert job(store, config, refuse, input_uri="s3://in/plain.jsonl", dry_run=True).request.dry_run


def test_a_finished_job_needs_no_cluster(store: BucketStore, config: Config) -> None:
    spec = job(store, config, input_uri="s3://in/plain.jsonl")
    put_proof(store, spec.layout)
    assert job(store, config, lambda: pytest.fail("it was asked"), input_uri="s3://in/plain.jsonl") == spec


def test_an_accepted_job_never_changes(store: BucketStore, config: Config) -> None:
    job(store, config, input_uri="s3://in/plain.jsonl")
    with pytest.raises(RequestError, match=r"accepted before with another deadline.*start a new job"):
        job(store, config, input_uri="s3://in/plain.jsonl", sla_hours=1)
    store.put("s3://in/plain.jsonl", _lines({"prompt": "changed"}))
    with pytest.raises(RequestError, match="another inputs"):
        job(store, config, input_uri="s3://in/plain.jsonl")


def test_the_spec_stays_small_and_the_list_of_the_input_is_written_before_it(
    store: BucketStore, config: Config
) -> None:
    for number in range(300):
        store.put(f"s3://in/parts/{number:03}.jsonl", _lines({"prompt": "a"}))
    spec = job(store, config, input_uri="s3://in/parts/")
    assert len(store.get(spec.layout.spec)) < 6000
    written = [uri for uri in store.objects if uri.startswith(spec.root_uri)]
    assert written.index(spec.layout.inputs(spec.inputs.sha256)) < written.index(spec.layout.spec)
    assert spec.inputs.objects == len(read_inputs(spec, store)) == 300


def test_an_accepted_job_is_in_the_index_and_a_dry_run_is_not(store: BucketStore, config: Config) -> None:
    spec = job(store, config, input_uri="s3://in/plain.jsonl")
    assert job(store, config, input_uri="s3://in/plain.jsonl") == spec
    [entry] = indexed_jobs(config.store.base_uri, store)
    assert (entry.job_id, entry.is_reported) == (spec.job_id, False)
    assert list(store.objects).index(spec.layout.spec) < list(store.objects).index(entry.entries[0])
    conf = {"input_uri": "s3://in/plain.jsonl", "dry_run": True}
    accept(request_of({}, conf), dag_id="d", run_id="dry", created_at=CREATED, config=config, store=store)
    assert [entry.job_id for entry in indexed_jobs(config.store.base_uri, store)] == [spec.job_id]


def test_a_finished_job_is_what_it_is_whatever_became_of_its_input(store: BucketStore, config: Config) -> None:
    first = job(store, config, input_uri="s3://in/plain.jsonl")
    del store.objects["s3://in/plain.jsonl"]
    with pytest.raises(RequestError, match="does not exist"):
        job(store, config, input_uri="s3://in/plain.jsonl")
    put_proof(store, first.layout)
    assert job(store, config, input_uri="s3://in/plain.jsonl") == first
    with pytest.raises(RequestError, match="does not exist"):
        job(store, config, input_uri="s3://in/plain.jsonl", sla_hours=1)


def test_another_job_s_manifest_does_not_finish_a_job(store: BucketStore, config: Config) -> None:
    first = job(store, config, input_uri="s3://in/plain.jsonl")
    put_proof(store, first.layout, "job-ffffffffffffffff")
    with pytest.raises(ForeignManifest, match=f"is not the proof of {first.job_id}"):
        job(store, config, input_uri="s3://in/plain.jsonl")


def test_the_same_job_asked_for_in_other_words_is_a_retry(store: BucketStore, config: Config) -> None:
    found = job(store, config, input_uri="s3://in/text.csv")
    named = job(store, config, input_uri="s3://in/text.csv", prompt_column="text")
    assert named.model_copy(update={"request_digest": found.request_digest}) == found


@pytest.mark.parametrize(
    ("params", "conf", "hours"),
    [
        ({"sla_hours": 24}, {}, 24),
        ({"sla_hours": 24}, {"sla_hours": 3}, 3),
        ({"sla_hours": 24}, {"completion_window": "12h"}, 12),
        ({"sla_hours": 24, "completion_window": "12h"}, {"completion_window": "12h"}, 12),
        ({"sla_hours": 24}, None, 24),
    ],
)
def test_the_window_synonym_wins_over_the_form_s_default(
    params: dict[str, Any], conf: dict[str, Any] | None, hours: float
) -> None:
    assert request_of({"input_uri": "s3://in/x", **params}, conf).sla_hours == hours
