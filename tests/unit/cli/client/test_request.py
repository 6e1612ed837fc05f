"""Options become a document."""

from __future__ import annotations

import pytest

from llmbatch.cli.client.exits import CommandError, Exit
from llmbatch.cli.client.request import assigned, given, hours_of


@pytest.mark.parametrize(("text", "hours"), [("6h", 6), ("90m", 1.5), ("2d", 48), ("6", 6), (" 0.5 h ", 0.5)])
def test_a_duration(text: str, hours: float) -> None:
    assert hours_of(text, "--sla") == hours


@pytest.mark.parametrize("text", ["", "h", "6x", "-1h", "6h30m", "٣h"])
def test_no_duration(text: str) -> None:
    with pytest.raises(CommandError, match="--sla") as caught:
        hours_of(text, "--sla")
    assert caught.value.exit_code is Exit.USAGE


def test_assignments_set_fields_and_fields_of_sections() -> None:
    base = given(model="m", task=None)
    made = assigned(base, ["sampling.max_tokens=64", 'sampling.stop=["a=b"]', "prompt_template={text}", "x=true"])
    assert made == {
        "model": "m", "sampling": {"max_tokens": 64, "stop": ["a=b"]}, "prompt_template": "{text}", "x": True,
    }  # fmt: skip
    assert base == {"model": "m"}


@pytest.mark.parametrize("setting", ["a", "=1", "a..b=1", "model.x=1"])
def test_a_wrong_assignment_is_named(setting: str) -> None:
    with pytest.raises(CommandError, match="--set"):
        assigned({"model": "m"}, [setting])
