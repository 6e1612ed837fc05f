"""The variables that open the store travel from the driver to its replicas, and are not shown."""

from __future__ import annotations

import os
import pickle
from unittest.mock import patch

from llmbatch.cluster.storage.store import StoreEnvironment, open_store
from llmbatch.s3.store import S3Store

GIVEN = {"AWS_ACCESS_KEY_ID": "driver", "AWS_SECRET_ACCESS_KEY": "hidden", "AWS_DEFAULT_REGION": "us-east-1"}


def test_only_the_variables_of_the_store_travel() -> None:
    sent = pickle.dumps(StoreEnvironment({**GIVEN, "OTHER_SECRET": "x"}))
    with patch.dict(os.environ, {}, clear=True):
        pickle.loads(sent).fill_in()
        assert dict(os.environ) == GIVEN
        assert isinstance(open_store(), S3Store)


def test_variables_of_the_node_take_precedence_over_those_of_the_driver() -> None:
    with patch.dict(os.environ, {"AWS_ACCESS_KEY_ID": "node"}, clear=True):
        StoreEnvironment(GIVEN).fill_in()
        assert dict(os.environ) == {**GIVEN, "AWS_ACCESS_KEY_ID": "node"}


def test_its_text_shows_names_only() -> None:
    shown = "StoreEnvironment(AWS_ACCESS_KEY_ID, AWS_DEFAULT_REGION, AWS_SECRET_ACCESS_KEY)"
    assert repr(StoreEnvironment(GIVEN)) == str(StoreEnvironment(GIVEN)) == shown
