"""Who may deliver which job, and where to."""

from __future__ import annotations

import pytest

from fakes.retries import CONFIG, accepted, finished, store_with_input
from llmbatch.core.config import Config
from llmbatch.core.errors import RequestError
from llmbatch.core.job_spec import JobSpec
from llmbatch.core.store import MemoryStore
from llmbatch.orchestrator.intake.delivery import delivery

ADMIN = CONFIG.model_copy(update={"admins": ("ada",)})


@pytest.fixture(scope="module")
def done() -> tuple[JobSpec, MemoryStore]:
    store = store_with_input()
    return finished(store, "first", {2: "failed"}, input_uri="s3://b/in.jsonl", owner="ann"), store


def asked(
    done: tuple[JobSpec, MemoryStore], uri: str = "s3://b/second", owner: str = "ann", config: Config = ADMIN
) -> JobSpec:
    return delivery(done[0].job_id, uri, owner=owner, config=config, store=done[1])


def test_the_job_has_its_new_address_and_nothing_is_written(done: tuple[JobSpec, MemoryStore]) -> None:
    before = dict(done[1].objects)
    assert asked(done).output_uri == f"s3://b/second/{done[0].job_id}/"
    assert asked(done, owner="ada").job_id == done[0].job_id
    assert done[1].objects == before


@pytest.mark.parametrize(
    ("uri", "owner", "words"),
    [
        ("s3://b/second", "bob", "belongs to another user"),
        ("s3://b/second", "", "belongs to another user"),
        ("s3://other/second", "ann", "allowed_outputs"),
        ("/etc/passwd", "ann", "output_uri"),
        (f"{CONFIG.store.base_uri}/jobs", "ann", "store.base_uri"),
        ("s3://b/inbox/x", "ann", "inbox"),
    ],
)
def test_what_is_refused(done: tuple[JobSpec, MemoryStore], uri: str, owner: str, words: str) -> None:
    config = Config.model_validate({**ADMIN.model_dump(), "drop": {"inbox": [{"uri": "s3://b/inbox"}]}})
    with pytest.raises(RequestError) as caught:
        asked(done, uri, owner, config)
    assert words in str(caught.value)
    assert str(caught.value).isprintable()


def test_only_a_finished_job() -> None:
    store = store_with_input()
    spec = accepted(store, "runs", input_uri="s3://b/in.jsonl", owner="ann")
    with pytest.raises(RequestError, match="has not finished"):
        asked((spec, store))
    for job_id, words in (("job-0000000000000000", "there is no job"), ("../x\x1b", "is no job id")):
        with pytest.raises(RequestError, match=words):
            delivery(job_id, "s3://b/x", owner="ann", config=CONFIG, store=store)
