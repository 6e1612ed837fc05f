"""The accepted job: every default is resolved."""

from __future__ import annotations

import json
import re

import pytest
from pydantic import ValidationError

from fakes.finished_jobs import spec_of
from llmbatch.core.errors import OtherVersion, SpecError
from llmbatch.core.job_spec import JobSpec, parse_spec
from llmbatch.core.request_options import OutputFormat
from llmbatch.core.shown import shown
from llmbatch.version import VERSION


@pytest.mark.parametrize("field", ["input_format", "output_format"])
def test_an_accepted_job_has_a_resolved_format(field: str) -> None:
    accepted = spec_of().model_dump()
    assert JobSpec.model_validate(accepted) == spec_of()
    with pytest.raises(ValidationError, match=f"{field}\n.*must be a resolved format, not auto"):
        JobSpec.model_validate({**accepted, field: "auto"})


def _other(**fields: object) -> bytes:
    return spec_of(2).model_copy(update=fields).model_dump_json().encode()


ROOT = spec_of(2).root_uri


@pytest.mark.parametrize(
    ("body", "job_uri", "words"),
    [
        (_other(root_uri=f"{ROOT} --generation 1; touch /tmp/x #"), ROOT, "is the spec of .*touch /tmp/x"),
        (_other(root_uri="s3://other/base/jobs/job-0000000000000002"), ROOT, "is the spec of .* in 's3://other"),
        (_other(job_id="job-0000000000000001"), ROOT, "is the spec of 'job-0000000000000001'"),
        (_other(), spec_of(1).root_uri, "is the spec of 'job-0000000000000002'"),
        (_other(root_uri="s3://b/base/jobs/j", job_id="j"), "s3://b/base/jobs/j", "is the spec of 'j'"),
        (_other(root_uri=f"{ROOT}\n", job_id="job-0000000000000002\n"), f"{ROOT}\n", "is the spec of"),
        (_other(retry_of="s3://other/base/jobs/job-0000000000000001"), ROOT, "retries 's3://other.*not a job under"),
        (_other(retry_of="s3://b/base/queue.json"), ROOT, "retries .*not a job under s3://b/base"),
        (_other(output_format=OutputFormat.AUTO), ROOT, "not a job's spec: output_format: .*must be a resolved format"),
        (b"{", ROOT, "not a job's spec"),
    ],
)
def test_a_spec_is_read_from_its_own_folder_only(body: bytes, job_uri: str, words: str) -> None:
    assert parse_spec(ROOT, _other(retry_of=spec_of(1).root_uri)).retry_of == spec_of(1).root_uri
    with pytest.raises(SpecError, match=rf"{re.escape(shown(job_uri))}/spec\.json: .*{words}"):
        parse_spec(job_uri, body)


def _written_by(version: str, **fields: object) -> bytes:
    document = json.loads(_other(versions={"llmbatch": version}))
    document["request"] |= fields.pop("request", {})
    return json.dumps(document | fields).encode()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"request": {"votes": 3}, "jury": True}, r"request\.votes, jury is not known"),
        ({"input_format": "xlsx"}, r"input_format: Input should be 'auto', "),
        ({"schema_version": 2, "request": {"votes": 3}}, "the format 2 is later than 1, the last known one"),
        ({"schema_version": 2}, "the format 2 is later than 1, the last known one"),
        ({"schema_version": 2, "deadline": 7.5}, "the format 2 is later than 1, the last known one"),
    ],
)
def test_a_spec_that_asks_for_what_only_another_version_can_names_both(changes: dict[str, object], words: str) -> None:
    said = f"llmbatch 9.1.0 accepted the job, and llmbatch {re.escape(VERSION)} reads it here: {words}"
    with pytest.raises(
        OtherVersion, match=rf"^{ROOT}/spec\.json: {said}.*Bring llmbatch to the same version"
    ) as caught:
        parse_spec(ROOT, _written_by("9.1.0", **changes))
    assert (caught.value.writer, caught.value.reader) == ("9.1.0", VERSION)


@pytest.mark.parametrize("version", ["0.0.9", VERSION, "9.1.0", ""])
def test_a_spec_without_anything_new_is_run_whatever_version_wrote_it(version: str) -> None:
    assert parse_spec(ROOT, _written_by(version)).versions == {"llmbatch": version}


def test_a_field_that_its_own_version_does_not_know_is_damage() -> None:
    with pytest.raises(SpecError, match="not a job's spec: jury: Extra inputs are not permitted") as caught:
        parse_spec(ROOT, _written_by(VERSION, jury=True))
    assert not isinstance(caught.value, OtherVersion)


def test_a_watcher_ignores_new_fields_and_refuses_a_later_format() -> None:
    assert parse_spec(ROOT, _written_by("9.1.0", jury=True), is_strict=False).job_id == spec_of(2).job_id
    with pytest.raises(OtherVersion):
        parse_spec(ROOT, _written_by("9.1.0", schema_version=2), is_strict=False)
