"""Images in place of official ones, which no test can pull: the same name, made of Debian's and Python's packages.

A stand-in has what a deployment relies on: user and its number, folders and their owner, variables, entrypoint, and the
programs that a health check can call. It has none of the rest, and its servers may be older.
"""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from containers.debian import mirrors
from containers.engine import Engine
from llmbatch_stack.settings import Settings

_FOLDER = Path(__file__).parent / "bases"
_DEBIAN = "llmbatch.test/debian:bookworm"
OFFICIAL: Mapping[str, str] = {
    "apache/airflow": "airflow",
    "chrislusf/seaweedfs": "seaweedfs",
    "postgres": "postgres",
    "prom/alertmanager": "alertmanager",
    "prom/prometheus": "prometheus",
    "prom/statsd-exporter": "statsd_exporter",
    "python": "python",
    "redis": "redis",
}
"""Our folder of each official image. Grafana is in no package that can be had, so its service is left out."""
_BELOW: Mapping[str, str] = {
    "airflow": "python", "alertmanager": "busybox", "prometheus": "busybox", "seaweedfs": "busybox",
    "statsd_exporter": "python",
}  # fmt: skip


def repository(image: str) -> str:
    """Return the name of an image without its tag and digest: ``postgres:17@sha256:…`` gives ``postgres``."""
    name = image.partition("@")[0]
    return name.rpartition(":")[0] if ":" in name.rpartition("/")[2] else name


@dataclass
class StandIns:
    """Builds stand-ins in an engine, each once."""

    engine: Engine
    programs: Path
    settings: Settings
    _built: set[str] = field(default_factory=set)

    def make(self, image: str) -> bool:
        """Make the stand-in of an official image under its full name; False if there is none."""
        name = OFFICIAL.get(repository(image))
        if name is None:
            return False
        self._build(name)
        self.engine.docker("tag", f"llmbatch.test/{name}", image)
        return True

    def _build(self, name: str) -> None:
        if name in self._built:
            return
        below = _BELOW.get(name)
        if below is None:
            self._debian()
        else:
            self._build(below)
        with tempfile.TemporaryDirectory() as folder:
            context = Path(folder) / name
            shutil.copytree(_FOLDER / name, context)
            if fill := _FILLED.get(name):
                fill(self, context)
            words = ["build", "--network=host", "--pull=false", "--tag", f"llmbatch.test/{name}", str(context)]
            self.engine.docker(*words, timeout_s=1800)
        self._built.add(name)

    def _debian(self) -> None:
        """Make the smallest Debian 12, on which all stand-ins are."""
        if self.engine.docker("images", "--quiet", _DEBIAN).strip():
            return
        with tempfile.TemporaryDirectory() as folder:
            tar = Path(folder) / "debian.tar"
            mmdebstrap = self.programs / "usr" / "bin" / "mmdebstrap"
            sources = [f"deb {address} bookworm main" for address in mirrors()]
            command = ["perl", str(mmdebstrap), "--variant=minbase", "--mode=root", "bookworm", str(tar), *sources]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                raise RuntimeError(f"mmdebstrap exited {done.returncode}: {done.stderr[-1000:]}")
            self.engine.docker("import", str(tar), _DEBIAN)

    def _pip(self, context: Path) -> None:
        """Let pip in the image find what pip finds here, the folders of wheels included."""
        listing = (
            subprocess.run(
                [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=False
            ).stdout
            or subprocess.run(["pip", "config", "list"], capture_output=True, text=True, check=False).stdout
        )
        wheels = context / "wheels"
        wheels.mkdir()
        lines = ["[global]"]
        for line in listing.splitlines():
            key, _, text = line.partition("=")
            name, value = key.rpartition(".")[2], str(ast.literal_eval(text))
            if name == "find-links":
                for folder in map(Path, value.split()):
                    for wheel in folder.glob("*.whl"):
                        shutil.copy(wheel, wheels)
            elif name in {"index-url", "proxy", "timeout", "default-timeout", "trusted-host"}:
                lines.append(f"{name.removeprefix('default-')} = {value}")
        lines += ["cert = /etc/ssl/certs/ca-certificates.crt", "find-links = /opt/wheels", ""]
        (context / "pip.conf").write_text("\n".join(lines))
        (context / "uv.toml").write_text("native-tls = true\n")
        shutil.copy("/etc/ssl/certs/ca-certificates.crt", context / "ca.crt")

    def _weed(self, context: Path) -> None:
        shutil.copy(self.settings.venv("airflow") / "bin" / "weed", context)

    def _prometheus(self, context: Path) -> None:
        for program in ("prometheus", "promtool"):
            shutil.copy(self.programs / "usr" / "bin" / program, context)

    def _alertmanager(self, context: Path) -> None:
        shutil.copy(self.programs / "usr" / "bin" / "prometheus-alertmanager", context / "alertmanager")
        shutil.copy(self.programs / "usr" / "bin" / "amtool", context)
        shutil.copytree(self.programs / "usr" / "share" / "prometheus" / "alertmanager", context / "templates")

    def _bridge(self, context: Path) -> None:
        package = context / "llmbatch_stack"
        package.mkdir()
        (package / "__init__.py").touch()
        source = self.settings.repo / "deploy" / "embedded" / "llmbatch_stack" / "statsd_bridge"
        shutil.copytree(source, package / "statsd_bridge", ignore=shutil.ignore_patterns("__pycache__"))


_FILLED: Mapping[str, Callable[[StandIns, Path], None]] = {
    "alertmanager": StandIns._alertmanager,
    "prometheus": StandIns._prometheus,
    "python": StandIns._pip,
    "seaweedfs": StandIns._weed,
    "statsd_exporter": StandIns._bridge,
}
"""What adds to a folder of ``bases`` what is not in the repository."""
