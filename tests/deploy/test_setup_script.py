"""`deploy/setup_production.sh`: bats tests over fakes of docker, ssh and the machine's programs; and shellcheck."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from llmbatch_stack.install import tools
from llmbatch_stack.settings import load

ROOT = Path(__file__).parents[2]
SUITES = sorted((ROOT / "tests" / "deploy" / "setup").glob("*.bats"))
SCRIPTS = [ROOT / "deploy" / "setup_production.sh", *sorted((ROOT / "deploy" / "setup").glob("*.sh"))]
FAKES = [path for path in sorted((ROOT / "tests" / "deploy" / "setup" / "fakes").iterdir()) if path.is_file()]
MOST_LINES = 250


def _program(name: str) -> str:
    """Return the path of a program. Without it a test is skipped, and fails where ``CI`` is set."""
    beside = Path(sys.executable).with_name(name)
    found = str(beside) if beside.exists() else tools.find(load({}), name)
    if found is not None:
        return str(found)
    text = f"no {name}: run `make install`, or install it so that PATH has it"
    if os.environ.get("CI"):
        pytest.fail(f"{text}; nothing is skipped where CI is set")
    pytest.skip(text)


def _tests_of(suite: Path) -> int:
    return sum(line.startswith("@test ") for line in suite.read_text(encoding="utf-8").splitlines())


@pytest.fixture(scope="module")
def runs() -> Iterator[dict[Path, subprocess.Popen[str]]]:
    """Start all suites at once: each has folders of its own, and waits for processes most of its time."""
    bats = _program("bats")
    started = {
        suite: subprocess.Popen(
            [bats, "--tap", str(suite)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )
        for suite in SUITES
    }  # fmt: skip
    yield started
    for run in started.values():
        run.kill()
        run.wait()


@pytest.mark.parametrize("suite", SUITES, ids=lambda path: path.stem)
def test_the_script_does_what_its_page_says(runs: dict[Path, subprocess.Popen[str]], suite: Path) -> None:
    said, _ = runs[suite].communicate()
    assert runs[suite].returncode == 0, said
    passed = [line for line in said.splitlines() if line.startswith("ok ") and " # skip" not in line]
    assert len(passed) == _tests_of(suite), said


def test_every_script_is_shellcheck_clean() -> None:
    done = subprocess.run(
        [_program("shellcheck"), "--external-sources", "--exclude=SC1091", *map(str, SCRIPTS), *map(str, FAKES)],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_a_part_is_short(script: Path) -> None:
    assert len(script.read_text(encoding="utf-8").splitlines()) < MOST_LINES


def test_every_part_is_loaded() -> None:
    """A part that the script does not source would be dead code, and the workers get some of them."""
    text = SCRIPTS[0].read_text(encoding="utf-8")
    (listed,) = text.split("for part in ")[1:]
    loaded = listed.split("; do")[0].replace("\\\n", " ").split()
    assert sorted(loaded) == sorted(path.stem for path in SCRIPTS[1:])


def test_the_scripts_that_are_called_or_copied_exist() -> None:
    text = "\n".join(path.read_text(encoding="utf-8") for path in SCRIPTS)
    (copied,) = re.findall(r"^WORKER_SCRIPTS=\((.+?)\)", text, re.MULTILINE)
    named = {*re.findall(r"\$HERE/compose/([\w.-]+)", text), *copied.split()}
    assert {"make-secrets.sh", "make-metrics-key.sh", "worker.yaml", "ray-start.sh"} <= named
    assert [name for name in sorted(named) if not (ROOT / "deploy" / "compose" / name).is_file()] == []


def test_a_worker_is_the_compose_files_worker() -> None:
    """The files differ in network, address and names only, and what a worker is given is what its file asks for."""
    ours = yaml.safe_load((ROOT / "docker-compose.yaml").read_text(encoding="utf-8"))["services"]
    theirs = yaml.safe_load((ROOT / "deploy" / "compose" / "worker.yaml").read_text(encoding="utf-8"))["services"]
    same = (
        "user",
        "init",
        "read_only",
        "cap_drop",
        "security_opt",
        "restart",
        "entrypoint",
        "command",
        "tmpfs",
        "logging",
    )
    for name in ("ray-worker-cpu", "ray-worker-gpu"):
        assert {key: theirs[name].get(key) for key in same} == {key: ours[name].get(key) for key in same}
        assert theirs[name]["deploy"] == ours[name]["deploy"]
        added = {"LLMBATCH_NODE_IP", "LLMBATCH_RAY_HOST"}
        assert set(theirs[name]["environment"]) - added == set(ours[name]["environment"]) - added
        assert theirs[name]["secrets"] == ours[name]["secrets"]


def test_the_ports_that_are_checked_are_those_of_ray() -> None:
    start = (ROOT / "deploy" / "compose" / "ray-start.sh").read_text(encoding="utf-8")
    node = {int(port) for port in re.findall(r"-port=\$\(\((\d+) \+ offset\)\)", start)}
    settings = (ROOT / "deploy" / "setup" / "settings.sh").read_text(encoding="utf-8")
    (worker,) = re.findall(r'^WORKER_PORTS="([\d ]+)"', settings, re.MULTILINE)
    (head,) = re.findall(r'^HEAD_PORTS="([\d ]+) \$WORKER_PORTS"', settings, re.MULTILINE)
    assert {int(port) for port in worker.split()} == node
    assert {int(port) for port in head.split()} == {6379} | {port + 10 for port in node}


def test_gpus_are_checked_for_the_cuda_of_the_image() -> None:
    lock = (ROOT / "requirements" / "ray-gpu.lock").read_text(encoding="utf-8")
    built = re.search(r"^nvidia-cuda-runtime==(\d+\.\d+)\.", lock, re.MULTILINE)
    asked = re.search(r"^MIN_CUDA=(\S+)", (ROOT / "deploy" / "setup" / "gpus.sh").read_text(), re.MULTILINE)
    assert built is not None
    assert asked is not None
    assert asked[1] == built[1]
