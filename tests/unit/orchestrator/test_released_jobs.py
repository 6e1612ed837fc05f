"""What every recorded version has stored, read and continued by this one (ADR 21)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

import pytest
from pydantic import BaseModel, ValidationError

from fakes.released import RELEASES, Release
from llmbatch.core.admission import Admission, AdmissionQueue
from llmbatch.core.alerts import Alert
from llmbatch.core.batch_errors import BatchErrors
from llmbatch.core.claims import Claim
from llmbatch.core.clock import ManualClock
from llmbatch.core.config import Config
from llmbatch.core.control import Control
from llmbatch.core.crashes import Crash
from llmbatch.core.errors import ReconcileError, RequestError
from llmbatch.core.eta.basis import EtaBasis
from llmbatch.core.eta.history import History
from llmbatch.core.eta.trace import EstimateTrace
from llmbatch.core.input_list import InputList
from llmbatch.core.job_spec import JobSpec
from llmbatch.core.manifest import JobManifest, read_manifest
from llmbatch.core.progress import Progress
from llmbatch.core.service import Service
from llmbatch.core.shards import StagedManifest
from llmbatch.core.store import MemoryStore
from llmbatch.core.stored import is_later, read_document
from llmbatch.gateway.access.key_document import KeyDocument
from llmbatch.gateway.openai.batch_records import BatchRecord
from llmbatch.gateway.openai.batch_shown import BatchShown
from llmbatch.gateway.openai.files import StoredFile
from llmbatch.orchestrator.alerting.turns import _Tries
from llmbatch.orchestrator.history.job_report import SlaReport, learn_from, report_sla
from llmbatch.orchestrator.intake.accept import accept, request_of
from llmbatch.orchestrator.jobs.documents import read_inputs, read_spec
from llmbatch.orchestrator.jobs.folders import job_folders
from llmbatch.orchestrator.jobs.keys import KeyNote
from llmbatch.orchestrator.jobs.staged_shards import load_staged
from llmbatch.orchestrator.publishing.latest import Latest
from llmbatch.orchestrator.publishing.publish import publish
from llmbatch.orchestrator.staging.stage import stage

JOB = r".+/jobs/job-[0-9a-f]{16}"
MODELS: Mapping[str, type[BaseModel]] = {
    rf"{JOB}/spec\.json": JobSpec,
    rf"{JOB}/inputs/[0-9a-f]{{16}}\.json": InputList,
    rf"{JOB}/staged/manifest\.json": StagedManifest,
    rf"{JOB}/progress\.json": Progress,
    rf"{JOB}/control\.json": Control,
    rf"{JOB}/generations/g\d+": Claim,
    rf"{JOB}/crashes/.+\.json": Crash,
    rf"{JOB}/admission\.json": Admission,
    rf"{JOB}/eta/basis\.json": EtaBasis,
    rf"{JOB}/eta/traces/g\d+\.json": EstimateTrace,
    rf"{JOB}/alerts/[a-z]+-\d+\.json": Alert,
    rf"{JOB}/alerts/sending/.+": _Tries,
    rf"{JOB}/sla\.json": SlaReport,
    rf"{JOB}/batch_errors\.json": BatchErrors,
    rf"({JOB}/manifest|.+/delivered/job-[0-9a-f]{{16}}/manifest|{JOB}/output/manifest)\.json": JobManifest,
    r".+/delivered/latest\.json": Latest,
    r".+/eta/history\.json": History,
    r".+/queue\.json": AdmissionQueue,
    r".+/service\.json": Service,
    r".+/idempotency/[0-9a-f]{64}\.json": KeyNote,
    r".+/gateway/keys/.+\.json": KeyDocument,
    r".+/gateway/files/[^/]+/file-[0-9a-f]+\.json": StoredFile,
    r".+/gateway/batches/[^/]+/batch_[0-9a-f]+\.json": BatchRecord,
    r".+/gateway/batches-shown/.+\.json": BatchShown,
}
"""The model of every document, by its address."""

NO_DOCUMENTS = r".+\.(parquet|jsonl)|.+/\.probe|.+/index/.+"
DOCUMENTS = [
    (release, uri, body)
    for release in RELEASES
    for uri, body in release.objects.items()
    if not re.fullmatch(NO_DOCUMENTS, uri)
]
IDS = [f"{release.version}-{uri.partition('/released/')[2] or uri}" for release, uri, _ in DOCUMENTS]
EACH = pytest.mark.parametrize("release", RELEASES, ids=lambda release: release.version)


def model_of(uri: str) -> type[BaseModel]:
    [found] = [model for pattern, model in MODELS.items() if re.fullmatch(pattern, uri)]
    return found


def loaded(release: Release) -> tuple[MemoryStore, ManualClock, Config]:
    clock = ManualClock(release.recorded_at)
    store = MemoryStore(clock)
    release.load(store)
    models = {"small": {"uri": "hub/small"}}
    config = {"store": {"base_uri": release.base}, "default_model": "small", "models": models}
    return store, clock, Config.model_validate(config | {"engine": {"kind": "echo"}, "staging": {"shard_rows": 2}})


@EACH
def test_the_folder_has_every_kind_of_document(release: Release) -> None:
    found = {model_of(uri) for each, uri, _ in DOCUMENTS if each is release}
    assert found == set(MODELS.values())


@pytest.mark.parametrize(("release", "uri", "body"), DOCUMENTS, ids=IDS)
def test_every_document_is_read(release: Release, uri: str, body: bytes) -> None:
    read_document(model_of(uri), body)


@pytest.mark.parametrize(("release", "uri", "body"), DOCUMENTS, ids=IDS)
def test_a_document_of_the_next_version_is_read_and_one_of_a_later_format_refused(
    release: Release, uri: str, body: bytes
) -> None:
    model, document = model_of(uri), json.loads(body)
    added = document | {"added": {"since": 9}, "versions": {**document.get("versions", {}), "llmbatch": "9.1.0"}}
    known = read_document(model, json.dumps(added).encode()).model_dump(exclude={"versions"})
    assert known == read_document(model, body).model_dump(exclude={"versions"})
    later = added | {"schema_version": model.model_fields["schema_version"].default + 1}
    with pytest.raises(ValidationError, match=r"which llmbatch 9\.1\.0 wrote, is later than") as caught:
        read_document(model, json.dumps(later).encode())
    assert is_later(caught.value)


@EACH
def test_a_published_job_stays_published_and_can_be_reported_again(release: Release) -> None:
    store, clock, _ = loaded(release)
    for name, counts in (("finished", (9, 6, 3)), ("retry", (9, 8, 1)), ("batch", (4, 4, 0))):
        spec = read_spec(release.job(name).root, store)
        before = store.get(spec.layout.manifest)
        rows = publish(spec, store, clock).rows
        assert (name, rows.input, rows.succeeded, rows.failed) == (name, *counts)
        assert store.get(spec.layout.manifest) == before
        report_sla(spec.root_uri, store)
        learn_from(spec.root_uri, store)


@EACH
def test_its_failed_rows_are_run_again(release: Release) -> None:
    store, clock, config = loaded(release)
    earlier = read_manifest(release.job("finished"), store)
    spec = accept(
        request_of({}, {"retry_failed_of": release.job("finished").job_id, "max_error_rate": 1}),
        dag_id="d", run_id="again", created_at=clock.now(), config=config, store=store, owner="ann", clock=clock,
    )  # fmt: skip
    staged = stage(spec, store, clock)
    assert staged.rows == earlier.rows.failed - earlier.input.invalid_rows


@EACH
def test_a_key_finds_the_job_that_had_it(release: Release) -> None:
    store, clock, config = loaded(release)
    run = next(each["run"] for each in release.noted["runs"] if each["run"]["dag_run_id"].endswith("__finished"))
    spec = accept(
        request_of({}, run["conf"]),
        dag_id="d", run_id="other", created_at=clock.now(), config=config, store=store, owner="ann", clock=clock,
    )  # fmt: skip
    assert spec.job_id == release.job("finished").job_id


@EACH
def test_a_half_done_job_is_not_published(release: Release) -> None:
    store, clock, _ = loaded(release)
    with pytest.raises(ReconcileError, match="rows missing and 0 doubled"):
        publish(read_spec(release.job("half_done").root, store), store, clock)


@EACH
def test_staging_goes_on_where_that_version_stopped(release: Release) -> None:
    store, clock, _ = loaded(release)
    spec = read_spec(release.job("waiting").root, store)
    before = load_staged(spec, store)
    assert before is not None
    store.delete(spec.layout.staged_manifest)
    store.delete(spec.layout.staged_shard(before.shards[-1].shard_id))
    after = stage(spec, store, clock)
    assert [(shard.shard_id, shard.rows) for shard in after.shards] == [
        (shard.shard_id, shard.rows) for shard in before.shards
    ]
    assert after.shards[0] == before.shards[0]
    assert read_inputs(spec, store)


@EACH
def test_accept_meets_the_spec_of_that_version(release: Release) -> None:
    """As after an upgrade between the two attempts of a task, or a cleared one. The settings are those of then."""
    store, clock, config = loaded(release)
    run = next(each["run"] for each in release.noted["runs"] if each["run"]["dag_run_id"].endswith("__waiting"))
    kept = read_spec(release.job("waiting").root, store)
    config = config.model_copy(update={"engine": kept.engine, "heartbeat": kept.heartbeat})
    spec = accept(
        request_of({}, run["conf"]),
        dag_id=kept.dag_id, run_id=kept.run_id, created_at=kept.created_at, config=config, store=store,
        owner="ann", clock=clock,
    )  # fmt: skip
    assert spec.job_id == kept.job_id
    assert read_spec(kept.root_uri, store) == kept


@EACH
def test_maintenance_understands_its_folders(release: Release) -> None:
    store, clock, _ = loaded(release)
    folders = {folder.job_id: folder for folder in job_folders(store, release.base, clock.now())}
    assert set(folders) == {id_ for name, id_ in release.noted["jobs"].items() if name != "refused"}
    assert folders[release.job("retry").job_id].finished_at is not None
    assert folders[release.job("half_done").job_id].deadline is not None


def test_a_refused_request_is_still_refused() -> None:
    store, clock, config = loaded(RELEASES[-1])
    run = next(each["run"] for each in RELEASES[-1].noted["runs"] if each["run"]["dag_run_id"].endswith("__refused"))
    with pytest.raises(RequestError, match="input_uri"):
        accept(
            request_of({}, run["conf"]),
            dag_id="d", run_id="r", created_at=clock.now(), config=config, store=store, clock=clock,
        )  # fmt: skip
