"""A command of an installation: its log, its environment, its failure."""

from pathlib import Path

import pytest

from llmbatch_stack.install.command import InstallError, run


def test_failure_shows_the_end_of_the_log_and_where_it_is(tmp_path: Path):
    log = tmp_path / "x.log"
    with pytest.raises(InstallError, match=r"boom") as caught:
        run(log, ["sh", "-c", "echo boom >&2; exit 3"], hint="a hint")
    assert str(log) in str(caught.value)
    assert "a hint" in str(caught.value)


@pytest.mark.parametrize("name", ["PYTHONDONTWRITEBYTECODE", "PYTHONPATH"])
def test_variables_that_change_another_python_are_dropped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str):
    monkeypatch.setenv(name, "1")
    assert run(tmp_path / "x.log", ["sh", "-c", f"echo ${{{name}-unset}}"]) == "unset\n"


def test_environment_that_is_given_is_the_whole_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("INHERITED", "1")
    assert run(tmp_path / "x.log", ["/bin/sh", "-c", "echo $GIVEN$INHERITED"], {"GIVEN": "given"}) == "given\n"
