"""``python -m llmbatch.cli``: the command ``llmbatch``."""

from llmbatch.cli.client.app import app

if __name__ == "__main__":
    app(prog_name="llmbatch")
