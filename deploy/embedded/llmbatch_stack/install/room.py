"""One virtual environment of a checkout and its stamp. Standard library only.

A room is finished when its stamp names the lock, the Python and the folder it was made from. The stamp is removed
before the first change and written after the last, so a room without one was interrupted or never made.
"""

import hashlib
import json
import sys
from dataclasses import dataclass
from pathlib import Path

from llmbatch_stack.install.command import run


@dataclass(frozen=True)
class Room:
    """One virtual environment. `probe` is Python code that fails if the environment is not usable."""

    name: str
    lock: Path
    venv: Path
    log: Path
    probe: str

    @property
    def python(self) -> Path:
        """Interpreter of the room."""
        return self.venv / "bin" / "python"

    @property
    def stamp(self) -> Path:
        """File that exists only when the room is finished."""
        return self.venv.with_name(f"{self.name}.stamp")

    def wanted_stamp(self) -> dict[str, str]:
        """Return the text of the stamp of a finished room."""
        return {
            "lock": hashlib.sha256(self.lock.read_bytes()).hexdigest(),
            "python": f"{sys.version_info.major}.{sys.version_info.minor}",
            "folder": str(self.venv),
        }

    def found_stamp(self) -> dict[str, str]:
        """Return the stamp's text; empty without a stamp or an interpreter."""
        try:
            found = json.loads(self.stamp.read_text())
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) and self.python.exists() else {}

    def is_finished(self) -> bool:
        """Return whether the room is complete."""
        return self.found_stamp() == self.wanted_stamp()

    def is_outdated(self) -> bool:
        """Return whether only the lock has changed, so that the room can be updated in place."""
        return self.found_stamp() == self.wanted_stamp() | {"lock": self.found_stamp().get("lock", "")}

    def begin(self) -> None:
        """Take the stamp away before the first change, and begin a new log."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self.venv.parent.mkdir(parents=True, exist_ok=True)
        self.stamp.unlink(missing_ok=True)
        self.log.write_text("")

    def finish(self) -> None:
        """Check that the packages load together, then write the stamp.

        Raises:
            InstallError: they do not.
        """
        run(self.log, [str(self.python), "-c", self.probe], hint="the packages are installed but do not load together")
        self.stamp.write_text(json.dumps(self.wanted_stamp()))
