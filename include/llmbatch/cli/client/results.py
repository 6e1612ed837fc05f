"""``llmbatch results`` and ``errors``: what a finished job has delivered."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

import typer
from pydantic import JsonValue

from llmbatch.cli.client.answers import File, Files, read
from llmbatch.cli.client.exits import CommandError, Exit
from llmbatch.cli.client.gateway import Gateway
from llmbatch.cli.client.screen import print_json, print_line, print_table
from llmbatch.cli.client.session import AsJson, JobArg, session_of
from llmbatch.core.shown import shown

Folder = Annotated[Path | None, typer.Option("--output", "-o", metavar="DIR", help="Download the files into DIR.")]
ErrorFile = Annotated[Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write into FILE.")]


def results(context: typer.Context, job: JobArg, output: Folder = None, as_json: AsJson = False) -> None:
    """List the files that a job has delivered; with -o download them."""
    session = session_of(context)
    with session.gateway() as gateway:
        document = gateway.get(f"/jobs/{job}/results")
        files = read(Files, document).files
        paths = [] if output is None else [_download(gateway, job, file, output) for file in files]
    if as_json:
        downloaded: JsonValue = [str(path) for path in paths]
        print_json({**document, "downloaded": downloaded} if isinstance(document, dict) else document)
    elif output is None:
        rows = ((file.name, file.kind, file.rows, file.bytes, file.uri) for file in files)
        print_table(session.console(), ("file", "kind", "rows", "bytes", "address"), rows)
    for path in () if as_json else paths:
        print_line(str(path))


def errors(context: typer.Context, job: JobArg, output: ErrorFile = None) -> None:
    """Print the rows of a job that did not succeed, one JSON object a line."""
    with session_of(context).gateway() as gateway, gateway.stream(f"/jobs/{job}/errors") as answer:
        if output is not None:
            with output.open("wb") as out:
                out.writelines(answer.iter_bytes())
            return
        for line in answer.iter_lines():
            sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _download(gateway: Gateway, job: str, file: File, folder: Path) -> Path:
    """Write one file, under its name only when it is whole.

    Raises:
        CommandError: its name leads out of the folder, or it has not the size that was announced.
    """
    if file.name in {"", ".", ".."} or Path(file.name).name != file.name or not file.name.isprintable():
        raise CommandError(f"{job}: {shown(file.name)} is not the name of a file; nothing was written.", Exit.FAILED)
    folder.mkdir(parents=True, exist_ok=True)
    path, part = folder / file.name, folder / f"{file.name}.part"
    with gateway.stream(f"/jobs/{job}/results/{quote(file.name)}") as answer, part.open("wb") as out:
        out.writelines(answer.iter_bytes())
    size = part.stat().st_size
    if file.bytes is not None and size != file.bytes:
        text = f"{job}: {file.name} has {file.bytes} bytes, and {size} came. Repeat the command."
        raise CommandError(text, Exit.UNAVAILABLE)
    part.replace(path)
    return path
