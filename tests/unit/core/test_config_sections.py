"""Sections of config.yaml."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from llmbatch.core.config_sections import ModelConfig, RayConfig, StoreConfig


def test_the_base_address_has_no_slash_at_its_end() -> None:
    assert StoreConfig(base_uri="s3://bucket/jobs//").base_uri == "s3://bucket/jobs"
    with pytest.raises(ValidationError, match="s3://bucket/key"):
        StoreConfig(base_uri="/local/jobs")
    with pytest.raises(ValidationError, match=r"control character '\\n'"):
        StoreConfig(base_uri="s3://bucket/jobs\n")


def test_requests_may_name_the_own_bucket_unless_config_has_another_list() -> None:
    own = StoreConfig(base_uri="s3://mine/jobs")
    assert own.allowed_inputs == own.allowed_outputs == ("s3://mine",)
    other = StoreConfig(base_uri="s3://mine/jobs", allowed_inputs=("s3://a/in", "s3://b"), allowed_outputs=None)
    assert (other.allowed_inputs, other.allowed_outputs) == (("s3://a/in", "s3://b"), None)
    with pytest.raises(ValidationError, match="s3://bucket/key"):
        StoreConfig(allowed_inputs=("prompts/",))


def test_a_revision_is_part_of_the_address_of_a_hub_model() -> None:
    assert ModelConfig(uri="org/name", revision="v1.0").address == "org/name@v1.0"
    assert ModelConfig(uri="s3://models/x/").address == "s3://models/x/"


@pytest.mark.parametrize("uri", ["s3://models/x/", "bundled:x", "/models/x", "~/x", "./x", "org/name@v2"])
def test_only_a_hub_model_has_a_revision(uri: str) -> None:
    with pytest.raises(ValidationError, match="revision is for hub ids"):
        ModelConfig(uri=uri, revision="v1")


def test_code_for_ray_is_an_archive_and_no_wheel() -> None:
    addresses = ("s3://b/llmbatch-0.1.0.zip", "https://host/llmbatch.tar.gz")
    assert RayConfig(py_modules=addresses).py_modules == addresses
    for wrong in ("s3://b/llmbatch-0.1.0-py3-none-any.whl", "/opt/llmbatch.zip"):
        with pytest.raises(ValidationError, match=r"copy it under a name that ends in \.zip"):
            RayConfig(py_modules=(wrong,))
