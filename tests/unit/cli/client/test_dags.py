"""``llmbatch dags install``: it says what it wrote, and never overwrites a changed file unless forced."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from fakes.command_line import CommandLine, answering
from llmbatch.provider.dag_files import packaged_folder

NAMES = sorted(path.name for path in packaged_folder().glob("*.py"))


@pytest.fixture
def line() -> CommandLine:
    return answering(lambda _: httpx.Response(500))


def test_it_says_what_it_wrote_and_the_second_time_writes_nothing(line: CommandLine, tmp_path: Path) -> None:
    folder = tmp_path / "new" / "dags"
    done = line.run("dags", "install", str(folder))
    assert (done.code, done.out) == (0, "".join(f"written {folder / name}\n" for name in NAMES)), done.err
    assert sorted(path.name for path in folder.glob("*.py")) == NAMES
    again = line.run("dags", "install", str(folder), "--json")
    assert again.document == {"folder": str(folder), "written": [], "unchanged": NAMES, "removed": []}


def test_a_changed_file_is_refused_and_force_overwrites_it(line: CommandLine, tmp_path: Path) -> None:
    assert line.run("dags", "install", str(tmp_path)).code == 0
    changed = tmp_path / NAMES[0]
    changed.write_text("mine")
    done = line.run("dags", "install", str(tmp_path))
    assert (done.code, NAMES[0] in done.err, "--force" in done.err, changed.read_text()) == (1, True, True, "mine")
    assert line.run("dags", "install", str(tmp_path), "--force").out.startswith(f"written {changed}\n")
    assert changed.read_bytes() == (packaged_folder() / NAMES[0]).read_bytes()


@pytest.mark.parametrize(
    ("environ", "folder"),
    [
        ({"AIRFLOW__CORE__DAGS_FOLDER": "{0}/named", "AIRFLOW_HOME": "{0}/home"}, "named"),
        ({"AIRFLOW_HOME": "{0}/home"}, "home/dags"),
    ],
)
def test_without_a_folder_it_is_airflows(
    line: CommandLine, tmp_path: Path, environ: dict[str, str], folder: str
) -> None:
    done = line.run("dags", "install", **{name: text.format(tmp_path) for name, text in environ.items()})
    assert (done.code, (tmp_path / folder / NAMES[0]).exists()) == (0, True), done.err


def test_without_any_folder_it_asks_for_one(line: CommandLine) -> None:
    done = line.run("dags", "install")
    assert (done.code, "Which folder?" in done.err) == (2, True)


def test_a_folder_that_cannot_be_written_is_named(line: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = line.run("dags", "install", str(tmp_path / "file" / "dags"))
    assert (done.code, str(tmp_path / "file") in done.err, "Traceback" in done.err) == (1, True, False)
