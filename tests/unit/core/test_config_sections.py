"""Sections of config.yaml."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from llmbatch.core.config_sections import StoreConfig


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
