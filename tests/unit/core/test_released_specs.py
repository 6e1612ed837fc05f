"""Specs of every recorded version, which both sides of a job must run (ADR 21)."""

from __future__ import annotations

import json

import pytest

from fakes.released import RELEASES, STATES, Release
from llmbatch.core.job_spec import SPEC_VERSION, parse_spec
from llmbatch.version import VERSION

WITHOUT_A_SPEC = {"refused"}
JOBS = [(release, name) for release in RELEASES for name in STATES if name not in WITHOUT_A_SPEC]
IDS = [f"{release.version}-{name}" for release, name in JOBS]


def test_this_version_is_recorded() -> None:
    assert VERSION in [release.version for release in RELEASES], "run `make record-release` and commit the folder"


@pytest.mark.parametrize("release", RELEASES, ids=lambda release: release.version)
def test_a_recorded_version_has_a_job_in_each_state(release: Release) -> None:
    assert set(release.noted["jobs"]) == set(STATES)
    assert {name for name in STATES if release.job(name).spec not in release.objects} == WITHOUT_A_SPEC


@pytest.mark.parametrize(("release", "name"), JOBS, ids=IDS)
def test_a_spec_of_a_recorded_version_can_be_run(release: Release, name: str) -> None:
    layout = release.job(name)
    spec = parse_spec(layout.root, release.objects[layout.spec])
    assert spec.versions == {"llmbatch": release.version}
    assert spec.schema_version <= SPEC_VERSION


@pytest.mark.parametrize(("release", "name"), JOBS, ids=IDS)
def test_a_job_that_uses_nothing_new_is_written_as_before(release: Release, name: str) -> None:
    """The version before must run it. A new field is written only if it is not the default: ``Field(exclude_if=…)``."""
    layout = release.job(name)
    body = release.objects[layout.spec]
    written = json.loads(parse_spec(layout.root, body).model_dump_json())
    assert written == json.loads(body)
