"""``llmbatch login`` and ``llmbatch keys``: the API keys of a user."""

from __future__ import annotations

import socket
from typing import Annotated
from urllib.parse import quote

import typer
from pydantic import JsonValue

from llmbatch.cli.client.airflow_token import as_user
from llmbatch.cli.client.answers import Keys, NewKey, read
from llmbatch.cli.client.config import ClientConfig, checked_host, save
from llmbatch.cli.client.exits import CommandError, Exit
from llmbatch.cli.client.request import given
from llmbatch.cli.client.screen import cell, print_json, print_line, print_table
from llmbatch.cli.client.session import AsJson, session_of

keys = typer.Typer(no_args_is_help=True, help="Make, list and revoke API keys.")

PASSWORD_VARIABLE = "LLMBATCH_PASSWORD"  # nosec B105 # a name

User = Annotated[str, typer.Option(help="User of Airflow.", prompt=True)]
Password = Annotated[
    str, typer.Option(help="Password of the user.", prompt=True, hide_input=True, envvar=PASSWORD_VARIABLE)
]
Airflow = Annotated[str | None, typer.Option(metavar="URL", help="Airflow, if the gateway runs apart from it.")]
Days = Annotated[int | None, typer.Option(min=1, help="Days until the key expires.")]


def login(
    context: typer.Context,
    host: Annotated[str, typer.Option(help="Address of the gateway.", prompt=True)],
    user: User,
    password: Password,
    airflow: Airflow = None,
    days: Days = None,
    as_json: AsJson = False,
) -> None:
    """Make an API key with your password and keep it in the configuration file; the password is not kept."""
    session, host = session_of(context), checked_host(host)
    name: JsonValue = f"llmbatch on {socket.gethostname()}"[:100]
    with as_user(session, host, airflow, user, password) as gateway:
        key = read(NewKey, gateway.post("/keys", given(name=name, days=days)))
    path = session.config().path
    save(ClientConfig(host, key.key, path))
    if as_json:
        print_json({"host": host, "user": key.user, "key_id": key.key_id, "path": str(path)})
    else:
        print_line(f"{key.user} at {host}: key {key.key_id} until {cell(key.expires_at)} is in {path}")


@keys.command("create")
def create(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="What the key is for.")],
    user: User,
    password: Password,
    airflow: Airflow = None,
    days: Days = None,
    requests_per_minute: Annotated[int | None, typer.Option(min=1, help="Most requests of a minute.")] = None,
    as_json: AsJson = False,
) -> None:
    """Make an API key for a service or an SDK. It is printed once; a key cannot make keys, so a password is needed."""
    session = session_of(context)
    host = session.config().host
    if not host:
        raise CommandError("No gateway is configured. Run `llmbatch login`, or set LLMBATCH_HOST.", Exit.USAGE)
    with as_user(session, host, airflow, user, password) as gateway:
        document = gateway.post("/keys", given(name=name, days=days, requests_per_minute=requests_per_minute))
    if as_json:
        print_json(document)
        return
    key = read(NewKey, document)
    print_line(key.key)
    typer.echo(f"key {key.key_id} of {key.user} until {cell(key.expires_at)}; it is not shown again", err=True)


@keys.command("list")
def list_keys(
    context: typer.Context,
    user: Annotated[str | None, typer.Option(help="Only keys of this user; for admins.")] = None,
    as_json: AsJson = False,
) -> None:
    """List your keys; an admin sees those of all users."""
    session = session_of(context)
    with session.gateway() as gateway:
        document = gateway.get("/keys", {} if user is None else {"user": user})
    if as_json:
        print_json(document)
        return
    print_table(
        session.console(),
        ("key", "name", "user", "requests/min", "expires", "state"),
        (
            (
                key.key_id, key.name, key.user, key.requests_per_minute, key.expires_at,
                "expired" if key.expired else "valid",
            )
            for key in read(Keys, document).keys
        ),
    )  # fmt: skip


@keys.command("revoke")
def revoke(
    context: typer.Context,
    key_id: Annotated[str, typer.Argument(metavar="KEY_ID", help="Id of the key, as `keys list` shows it.")],
    as_json: AsJson = False,
) -> None:
    """Revoke a key: it ends within five seconds."""
    with session_of(context).gateway() as gateway:
        document = gateway.delete(f"/keys/{quote(key_id, safe='')}")
    if as_json:
        print_json(document)
    else:
        print_line(f"key {key_id} is revoked")
