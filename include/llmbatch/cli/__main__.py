"""``python -m llmbatch.cli``, and ``llmbatch`` where the wheel is installed."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line."""
    try:
        from llmbatch.cli.client.app import app
    except ModuleNotFoundError as error:
        if error.name not in {"httpx", "rich", "typer"}:
            raise
        print(f"error: the package {error.name} is missing. Run: pip install 'llmbatch[cli]'", file=sys.stderr)
        sys.exit(2)
    app(prog_name="llmbatch")


if __name__ == "__main__":
    main()
