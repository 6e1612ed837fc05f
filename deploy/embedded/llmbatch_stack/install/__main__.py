"""Entry of `make install`: `python3 -m llmbatch_stack.install` with any Python 3; the work is in `rooms`.

This file alone must load in an old Python, so it imports nothing of ours before it has checked the version.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys

OLDEST = (3, 11)
CANDIDATES = ("python3.11", "python3.12", "python3.13", "python3.14")


def newer_python() -> str | None:
    """Return a Python on PATH that is new enough and can make virtual environments, or None."""
    for name in CANDIDATES:
        path = shutil.which(name)
        if path is None:
            continue
        # a version switcher may have a command of that name and no Python behind it
        probe = subprocess.run([path, "-c", "import venv, ensurepip"], capture_output=True, check=False)
        if probe.returncode == 0:
            return path
    return None


def main() -> int:
    """Install with this Python if it is new enough, else with a newer one from PATH."""
    argparse.ArgumentParser(prog="python3 -m llmbatch_stack.install", description=__doc__).parse_args()
    if sys.version_info[:2] < OLDEST:
        better = newer_python()
        if better is None:
            found = ".".join(str(part) for part in sys.version_info[:3])
            print(
                f"error: Python 3.11 or newer is needed; this is {found} ({sys.executable}) and PATH has none of "
                f"{', '.join(CANDIDATES)}. Install one of them and its venv module, e.g. python3.11-venv.",
                file=sys.stderr,
            )
            return 1
        os.execv(better, [better, "-m", "llmbatch_stack.install", *sys.argv[1:]])  # nosec B606 # our own program
    from llmbatch_stack.install import rooms, tools
    from llmbatch_stack.install.command import InstallError
    from llmbatch_stack.settings import SettingsError, load

    try:
        settings = load()
        rooms.install(settings, report=_report)
        tools.install(settings, report=_report)
    except (InstallError, SettingsError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; run `make install` again to continue", file=sys.stderr)
        return 130
    return 0


def _report(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
