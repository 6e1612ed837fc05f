"""What is asked of Airflow about rights: nothing of it may change anything."""

from __future__ import annotations

import pytest

from llmbatch.gateway.airflow.questions import may_continue_run, may_edit, may_edit_run, may_start
from llmbatch.gateway.wire.failures import Failure


def test_no_question_changes_anything() -> None:
    assert may_start("d").body == {}
    assert dict(may_edit("d").query)["update_mask"] not in {"", "is_paused"}
    assert may_edit_run("d", "r").body["dry_run"] is may_continue_run("d", "r").body["dry_run"] is True


def test_a_name_that_no_run_has_reaches_no_path() -> None:
    with pytest.raises(Failure, match="no object"):
        may_edit_run("d", "../../variables")
