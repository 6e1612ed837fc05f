"""The variables that open the store travel from the driver to its replicas."""

from __future__ import annotations

import os
from unittest.mock import patch

from llmbatch.cluster.storage.store import open_store, store_environment
from llmbatch.s3.store import S3Store

GIVEN = {"AWS_ACCESS_KEY_ID": "driver", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_DEFAULT_REGION": "us-east-1"}


def test_only_the_variables_of_the_store_travel() -> None:
    with patch.dict(os.environ, {**GIVEN, "OTHER_SECRET": "x"}, clear=True):
        assert store_environment() == GIVEN


def test_variables_of_the_node_take_precedence_over_those_of_the_driver() -> None:
    with patch.dict(os.environ, {"AWS_ACCESS_KEY_ID": "node"}, clear=True):
        assert isinstance(open_store(GIVEN), S3Store)
        assert store_environment() == {**GIVEN, "AWS_ACCESS_KEY_ID": "node"}
