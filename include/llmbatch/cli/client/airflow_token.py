"""A token of Airflow for a user and a password: what an API key is made with."""

from __future__ import annotations

from llmbatch.cli.client.answers import Answer, read
from llmbatch.cli.client.exits import CommandError, Exit
from llmbatch.cli.client.gateway import Gateway
from llmbatch.cli.client.session import Session

MOUNTED_AT = "/llmbatch"
"""Path of the gateway on Airflow's api-server."""


class _Token(Answer):
    access_token: str


def airflow_of(host: str, airflow: str | None) -> str:
    """Return the address of Airflow: given, or the server of a gateway that is mounted in it.

    Raises:
        CommandError: the gateway runs alone, and the address is not given.
    """
    if airflow is not None:
        return airflow.rstrip("/")
    if not host.endswith(MOUNTED_AT):
        text = f"{host} does not end in {MOUNTED_AT}, so the gateway runs apart from Airflow. Add --airflow URL."
        raise CommandError(text, Exit.USAGE)
    return host.removesuffix(MOUNTED_AT)


def as_user(session: Session, host: str, airflow: str | None, user: str, password: str) -> Gateway:
    """Return the gateway as a user, with a token for his password.

    Raises:
        CommandError: Airflow refuses user and password.
    """
    with session.at(airflow_of(host, airflow), "") as login:
        try:
            answer = login.post("/auth/token", {"username": user, "password": password})
        except CommandError as error:
            if error.exit_code is Exit.UNAVAILABLE:
                raise
            text = f"Airflow does not accept user {user!r} with this password. Correct them."
            raise CommandError(text, Exit.UNAUTHORISED) from None
    return session.at(host, read(_Token, answer).access_token)
