"""`deploy/setup_production.sh` on one host and on two: real networks, ssh and sshd; recorded Docker."""

from __future__ import annotations

import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from containers import hosts, machine
from containers.debian import Suite
from containers.hosts import HEAD, USER, WORKER, Hosts

ROOT = Path(__file__).parents[2]
DEPLOY = ("--ssh-user", USER, HEAD, WORKER)


@pytest.fixture(scope="session")
def sshd() -> tuple[Path, Path]:
    """Return the program and the folder of its libraries: this machine's own, else Debian's, unpacked."""
    machine.require()
    own = shutil.which("sshd", path="/usr/sbin:/usr/local/sbin")
    if own:
        return Path(own), Path("/usr/lib")
    root = machine.folder() / "sshd"
    if not (root / "usr" / "sbin" / "sshd").exists():
        Suite("bookworm", machine.folder() / "sshd-packages").unpack(["openssh-server", "libwrap0"], root)
    return root / "usr" / "sbin" / "sshd", root / "usr" / "lib" / "x86_64-linux-gnu"


@pytest.fixture
def two(tmp_path: Path, sshd: tuple[Path, Path]) -> Iterator[Hosts]:
    with Hosts(tmp_path, hosts.checkout_of(ROOT, tmp_path / "checkout"), *sshd).up() as up:
        yield up


def in_order(calls: list[str], *texts: str) -> None:
    """Assert that calls that contain the texts come in this order."""
    rest = iter(calls)
    for text in texts:
        assert any(text in call for call in rest), f"{text!r} is not called, or too early: {calls}"


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_one_host_needs_no_ssh(two: Hosts):
    two.stop_sshd()
    done = two.script()
    assert done.code == 0, done.said
    in_order(two.called(), "head docker build", "head docker compose up", "/health", "auth/token", "gateway sh -c")
    assert not list(two.home.iterdir())


def test_two_hosts(two: Hosts):
    done = two.script(*DEPLOY)
    assert done.code == 0, done.said
    in_order(
        two.called(), "worker docker version", "head docker compose up", "head docker save llmbatch-ray",
        "worker docker load", "worker docker run --rm --network none", "worker docker compose up", "head curl",
    )  # fmt: skip
    secrets, theirs = two.checkout / "secrets", two.home / "llmbatch-worker" / "secrets"
    assert sorted(path.name for path in theirs.iterdir()) == ["ray_s3.credentials", "ray_token"]
    for name in ("ray_token", "ray_s3.credentials"):
        assert (theirs / name).read_bytes() == (secrets / name).read_bytes() != b""
        assert mode(theirs / name) == 0o400
    assert mode(theirs) == 0o700
    assert f"LLMBATCH_NODE_IP={WORKER}\nLLMBATCH_RAY_HOST={HEAD}\n" in (theirs.parent / ".env").read_text()


def test_no_secret_is_in_a_process_list_a_log_or_a_call(two: Hosts):
    done = two.script(*DEPLOY)
    assert done.code == 0, done.said
    assert any("ssh" in line and WORKER in line for line in done.command_lines), "the watcher saw nothing"
    files = [path for path in (two.checkout / "secrets").iterdir() if path.is_file()]
    secrets = [words[-1] for path in files if (words := path.read_text().split())]
    assert len(secrets) > 5
    log = (two.folder / "sshd.log").read_text(errors="replace")
    shown = "\n".join([done.said, log, *two.called(), *done.command_lines])
    assert [secret for secret in secrets if secret in shown] == []


def test_a_second_run_copies_nothing_again(two: Hosts):
    assert two.script(*DEPLOY).code == 0
    token = two.home / "llmbatch-worker" / "secrets" / "ray_token"
    before = token.stat().st_ino
    two.forget()
    done = two.script()
    assert done.code == 0, done.said
    assert token.stat().st_ino == before
    calls = two.called()
    assert not [call for call in calls if "docker save" in call or "docker build" in call]
    in_order(calls, "head docker compose up", "worker docker compose up")


def test_a_new_token_reaches_the_worker(two: Hosts):
    assert two.script(*DEPLOY).code == 0
    ours = two.checkout / "secrets" / "ray_token"
    ours.unlink()
    ours.write_text("another token")
    assert two.script().code == 0
    assert (two.home / "llmbatch-worker" / "secrets" / "ray_token").read_text() == "another token"


def test_restart_stops_workers_first_and_starts_them_last(two: Hosts):
    assert two.script(*DEPLOY).code == 0
    (two.folder / "head" / "remaining").write_text("1\n0\n")
    two.forget()
    done = two.script("--restart")
    assert done.code == 0, done.said
    in_order(
        two.called(), "llmbatch shutdown", "head sleep", "llmbatch shutdown", "worker docker compose stop",
        "head docker compose stop", "head docker compose up", "worker docker compose up", "llmbatch resume-service",
    )  # fmt: skip


def test_uninstall_removes_the_workers_secrets(two: Hosts):
    assert two.script(*DEPLOY).code == 0
    done = two.script("--uninstall", "--yes")
    assert done.code == 0, done.said
    assert not (two.home / "llmbatch-worker" / "secrets").exists()
    assert (two.checkout / "secrets" / "ray_token").exists()


def test_a_port_that_is_taken_on_the_worker_is_named_with_its_owner(two: Hosts):
    with two.listener(8076):
        done = two.script(*DEPLOY)
    assert done.code == 1
    assert f"{WORKER}: port 8076 is in use by python3 (pid " in done.said
    assert "nothing was changed" in done.said


@pytest.mark.parametrize("broken", ["host key", "key", "sshd", "address"])
def test_what_keeps_the_hosts_apart_is_named_and_nothing_is_changed(two: Hosts, broken: str):
    words, expected = DEPLOY, "10.231.77.9 is no address of this machine"
    if broken == "host key":
        two.know_host(yes=False)
        expected = "Host key verification failed"
    elif broken == "key":
        two.authorise(yes=False)
        expected = "Permission denied"
    elif broken == "sshd":
        two.stop_sshd()
        expected = "Connection refused"
    else:
        words = ("--ssh-user", USER, "10.231.77.9", WORKER)
    done = two.script(*words)
    assert done.code == 1
    assert expected in done.said
    assert "nothing was changed" in done.said
    assert not (two.checkout / ".env").exists()
    assert not list(two.home.iterdir())
