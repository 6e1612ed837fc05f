"""The application: all commands, one end for every error."""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperGroup

from llmbatch.cli.client import benchmark, checks, dags, doctor, jobs, keys, results, service, sla, steer, submit, watch
from llmbatch.cli.client.exits import CommandError
from llmbatch.cli.client.session import Session


class Commands(TyperGroup):
    """The group of all commands: a ``CommandError`` is one line on stderr and an exit code."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command of the context."""
        try:
            return super().invoke(ctx)
        except CommandError as error:
            typer.echo(f"error: {error.message}", err=True)
            raise typer.Exit(error.exit_code) from None


app = typer.Typer(cls=Commands, no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None)


@app.callback()
def llmbatch(context: typer.Context) -> None:
    """LLM batch inference with deadlines: start jobs, follow them, fetch their answers.

    LLMBATCH_HOST and LLMBATCH_API_KEY win over the configuration file, which `llmbatch login` writes.
    """
    context.obj = context.obj or Session()


for command in (
    submit.submit,
    watch.watch,
    jobs.jobs,
    jobs.show,
    jobs.queue,
    results.results,
    results.errors,
    steer.retry,
    steer.cancel,
    steer.drain,
    steer.pause,
    steer.resume,
    steer.scale,
    sla.sla,
    sla.report,
    benchmark.benchmark,
    keys.login,
    service.shutdown,
    service.resume_service,
    doctor.doctor,
    checks.checks,
):
    app.command()(command)
app.add_typer(keys.keys, name="keys")
app.add_typer(dags.dags, name="dags")
