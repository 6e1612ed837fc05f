"""Sections of config.yaml."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from llmbatch.core.config_sections import ModelConfig, StoreConfig


def test_the_base_address_has_no_slash_at_its_end() -> None:
    assert StoreConfig(base_uri="s3://bucket/jobs//").base_uri == "s3://bucket/jobs"
    with pytest.raises(ValidationError, match="s3://bucket/key"):
        StoreConfig(base_uri="/local/jobs")


def test_a_revision_is_part_of_the_address_of_a_hub_model() -> None:
    assert ModelConfig(uri="org/name", revision="v1.0").address == "org/name@v1.0"
    assert ModelConfig(uri="s3://models/x/").address == "s3://models/x/"


@pytest.mark.parametrize("uri", ["s3://models/x/", "bundled:x", "/models/x", "~/x", "./x", "org/name@v2"])
def test_only_a_hub_model_has_a_revision(uri: str) -> None:
    with pytest.raises(ValidationError, match="revision is for hub ids"):
        ModelConfig(uri=uri, revision="v1")
