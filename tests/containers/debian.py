"""Debian's packages, unpacked into a folder without being installed, from another suite than this machine's too."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"


class PackageError(RuntimeError):
    """Packages could not be had; the message has the end of what apt said."""


def mirrors() -> list[str]:
    """Return the addresses from which this machine gets its own suite.

    Raises:
        PackageError: this machine is no Debian, or has no list of packages.
    """
    codename = _run(["sh", "-c", ". /etc/os-release && echo $VERSION_CODENAME"], Path("/")).strip()
    wanted = ["apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE) $(COMPONENT)", "Created-By: Packages"]
    targets = [line.split() for line in _run(wanted, Path("/")).splitlines()]
    found = sorted({target[0] for target in targets if target[1:] == [codename, "main"]})
    if not found:
        raise PackageError(f"apt names no mirror of Debian {codename}: run `apt-get update`")
    return found


@dataclass(frozen=True)
class Suite:
    """A suite of Debian, with package lists of its own in ``folder``."""

    name: str
    folder: Path

    def unpack(self, packages: Sequence[str], root: Path) -> None:
        """Unpack packages, without those that they depend on, below ``root``.

        Raises:
            PackageError: a package cannot be had.
        """
        debs = self.folder / "debs"
        debs.mkdir(parents=True, exist_ok=True)
        _run([*self._apt(), "update"], debs)
        _run([*self._apt(), "download", *packages], debs)
        for package in packages:
            (deb,) = debs.glob(f"{package}_*.deb")
            _run(["dpkg-deb", "-x", str(deb), str(root)], debs)
            deb.unlink()

    def _apt(self) -> list[str]:
        lists, cache, sources = self.folder / "lists", self.folder / "cache", self.folder / "sources.list"
        (lists / "partial").mkdir(parents=True, exist_ok=True)
        (cache / "archives" / "partial").mkdir(parents=True, exist_ok=True)
        sources.write_text("".join(f"deb [signed-by={_KEYRING}] {address} {self.name} main\n" for address in mirrors()))
        options = [
            f"Dir::Etc::SourceList={sources}", "Dir::Etc::SourceParts=/dev/null", f"Dir::State::Lists={lists}",
            f"Dir::Cache={cache}", "Acquire::Languages=none", "APT::Sandbox::User=root",
        ]  # fmt: skip
        return ["apt-get", *(word for option in options for word in ("-o", option))]


def _run(command: Sequence[str], folder: Path) -> str:
    done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0:
        raise PackageError(f"{' '.join(command)} exited {done.returncode}: {done.stdout[-1000:]}")
    return done.stdout
