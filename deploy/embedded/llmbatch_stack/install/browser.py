"""Entry of `make browser`: `python3 -m llmbatch_stack.install.browser` installs Debian's Chromium, for tests of pages.

A browser needs dozens of libraries of the system, so it cannot be unpacked beside the repository as the programs of
`tools` are: apt installs it, which takes root. Nothing but tests of pages needs it. Standard library only.
"""

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
"""What it may be called on PATH."""
PACKAGES = ("chromium", "fonts-dejavu-core")
BY_HAND = f"apt-get update && apt-get install --yes --no-install-recommends {' '.join(PACKAGES)}"

Report = Callable[[str], None]


def find() -> Path | None:
    """Return the browser on PATH, or None."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    return Path(found) if found else None


def install(report: Report) -> bool:
    """Install the browser if there is none, and return whether there is one now. Reports what a person can do."""
    if find():
        return True
    if shutil.which("apt-get") is None:
        report(f"browser: this machine has no apt-get; install {' or '.join(NAMES)} so that PATH has it")
        return False
    sudo = _sudo()
    if sudo is None:
        report(f"browser: tests of pages need Chromium, and only root can install it. Run as root: {BY_HAND}")
        return False
    environment = ("env", "DEBIAN_FRONTEND=noninteractive")
    # an update that fails for one of several addresses has still read the others
    subprocess.run([*sudo, *environment, "apt-get", "update", "--quiet"], stdout=subprocess.DEVNULL, check=False)
    command = [*sudo, *environment, "apt-get", "install", "--quiet", "--yes", "--no-install-recommends", *PACKAGES]
    subprocess.run(command, stdout=subprocess.DEVNULL, check=False)
    if found := find():
        report(f"browser: {found} is installed")
        return True
    report(f"browser: Chromium could not be installed. Look at what this says, as root: {BY_HAND}")
    return False


def _sudo() -> tuple[str, ...] | None:
    """Return what a command of root begins with; None if this user may not run one without a password."""
    if os.geteuid() == 0:
        return ()
    if (
        shutil.which("sudo")
        and subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False).returncode == 0  # nosec B607 # of PATH
    ):
        return ("sudo", "-n")
    return None


def main() -> int:
    """Install the browser; 1 if there is none then."""
    argparse.ArgumentParser(prog="python3 -m llmbatch_stack.install.browser", description=__doc__).parse_args()
    return 0 if install(report=lambda line: print(line, flush=True)) else 1


if __name__ == "__main__":
    sys.exit(main())
