"""``llmbatch dags``: the DAG files that come with llmbatch. It needs no gateway."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from llmbatch.cli.client.exits import CommandError, Exit
from llmbatch.cli.client.screen import print_json, print_line
from llmbatch.cli.client.session import AsJson, session_of
from llmbatch.provider.dag_files import ChangedCopiesError, FolderError
from llmbatch.provider.dag_files import install as copy_files

dags = typer.Typer(no_args_is_help=True, help="Copy the DAG files that come with llmbatch to a folder of Airflow.")

Folder = Annotated[
    Path | None,
    typer.Argument(
        metavar="FOLDER",
        help="Folder from which Airflow reads DAGs; by default AIRFLOW__CORE__DAGS_FOLDER, else AIRFLOW_HOME/dags.",
    ),
]


@dags.command("install")
def install(
    context: typer.Context,
    folder: Folder = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite files that were changed.")] = False,
    as_json: AsJson = False,
) -> None:
    """Copy the DAG files to FOLDER. If a copy was changed there, nothing is written."""
    target = (folder or _dags_folder(session_of(context).environ)).absolute()
    try:
        done = copy_files(target, force=force)
    except ChangedCopiesError as error:
        raise CommandError(
            f"{target} has other texts than llmbatch wrote there: {', '.join(error.names)}. Nothing was written. "
            "Move your changes to a DAG file of another name, then use --force to overwrite these."
        ) from error
    except FolderError as error:
        raise CommandError(f"the DAG files cannot be copied: {error}") from error
    if as_json:
        lists = {"written": done.written, "unchanged": done.unchanged, "removed": done.removed}
        print_json({"folder": str(target), **{name: list(files) for name, files in lists.items()}})
        return
    for word, names in (("written", done.written), ("unchanged", done.unchanged), ("removed", done.removed)):
        for name in names:
            print_line(f"{word} {target / name}")


def _dags_folder(environ: Mapping[str, str]) -> Path:
    if named := environ.get("AIRFLOW__CORE__DAGS_FOLDER"):
        return Path(named)
    if home := environ.get("AIRFLOW_HOME"):
        return Path(home) / "dags"
    raise CommandError("Which folder? Give the folder from which Airflow reads DAGs, or set AIRFLOW_HOME.", Exit.USAGE)
