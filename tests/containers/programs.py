"""The programs of a Docker engine, of Prometheus and of an image builder: from Debian, unpacked, never installed."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from containers.debian import Suite

_TRIXIE = (
    "containerd", "docker-buildx", "docker-cli", "docker-compose", "docker.io", "mmdebstrap", "prometheus",
    "prometheus-alertmanager", "promtool", "tini",
)  # fmt: skip
"""Docker 26, Buildx 0.13, Compose 2.26: Go programs, which need no more than the libc of Debian 12."""
_BOOKWORM = ("iptables", "libip4tc2", "libip6tc2", "libmnl0", "libnftnl11", "libxtables12", "runc")
"""Trixie's runc needs a newer libc. A container's own firewall leads its name lookups to Docker: hence iptables."""


def unpacked(folder: Path) -> Path:
    """Return the root folder of the programs; make it if this is the first time (95 MB to download).

    Raises:
        PackageError: a package cannot be had.
    """
    root = folder / "root"
    if root.exists():
        return root
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix="unpacking-") as name:
        here = Path(name)
        for suite, packages in (("trixie", _TRIXIE), ("bookworm", _BOOKWORM)):
            Suite(suite, here / suite).unpack(packages, here / "root")
        sbin = here / "root" / "usr" / "sbin"
        for program in ("iptables", "ip6tables"):
            (sbin / program).symlink_to("xtables-nft-multi")
        shutil.move(here / "root", root)
    return root
