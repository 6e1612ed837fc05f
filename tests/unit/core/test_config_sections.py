"""Sections of config.yaml."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from llmbatch.core.config_sections import StoreConfig


def test_the_base_address_has_no_slash_at_its_end() -> None:
    assert StoreConfig(base_uri="s3://bucket/jobs//").base_uri == "s3://bucket/jobs"
    with pytest.raises(ValidationError, match="s3://bucket/key"):
        StoreConfig(base_uri="/local/jobs")
