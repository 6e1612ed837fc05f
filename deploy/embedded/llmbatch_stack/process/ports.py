"""Ports of a stack: each must be free before the component that listens on it is started."""

import socket
import time
from collections.abc import Callable, Sequence

import psutil

from llmbatch_stack.process.component import Component
from llmbatch_stack.process.table import is_ending
from llmbatch_stack.settings import FIRST_OUTGOING_PORT, HOST, Settings

WAIT_SECONDS = 30.0
"""A killed process with much memory keeps its sockets until the kernel has freed it: seconds on a busy machine."""

_POLL_SECONDS = 0.2

Report = Callable[[str], None]


class PortTaken(RuntimeError):
    """A port is in use; the message names it, its user and the remedy."""


def require_free(
    settings: Settings, components: Sequence[Component], report: Report, *, wait_s: float = WAIT_SECONDS
) -> None:
    """Return once every port can be listened on.

    A port whose process is dead but not gone yet is waited for, up to ``wait_s`` seconds for all ports together. A port
    of a live process is an error at once.

    Raises:
        PortTaken: a port is in use.
    """
    deadline = time.monotonic() + wait_s
    for component in components:
        for name in component.ports:
            port = settings.port(name)
            waited = False
            while (reason := _refusal(port)) is not None:
                owner = _owner(port)
                if owner is not None or time.monotonic() >= deadline:
                    raise PortTaken(_message(settings, component, name, owner, reason))
                if not waited:
                    waited = True
                    report(f"waiting for port {port} ({name} of {component.name}): its last process is still ending")
                time.sleep(_POLL_SECONDS)


def _refusal(port: int) -> str | None:
    """Return why no process can listen on ``port``, or None if one can."""
    with socket.socket() as probe:
        # as servers do: a connection that lingers after the end of its server does not count as taken
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            return error.strerror
    return None


def _owner(port: int) -> str | None:
    """Return the live process that uses ``port``, e.g. ``python3 (pid 123)``; None if none can be seen.

    A killed process is not live, although its sockets are there until the kernel has freed its memory. Processes of
    another user cannot be seen.
    """
    try:
        connections = psutil.net_connections("tcp")
    except psutil.AccessDenied:
        return None
    for each in connections:
        if each.laddr and each.laddr.port == port and each.pid is not None and not is_ending(each.pid):
            try:
                return f"{psutil.Process(each.pid).name()} (pid {each.pid})"
            except psutil.NoSuchProcess:
                return None
    return None


def _message(settings: Settings, component: Component, name: str, owner: str | None, reason: str) -> str:
    port = settings.port(name)
    if owner is None:
        owner = "another program" if port < FIRST_OUTGOING_PORT else "another program or an outgoing connection"
    return (
        f"port {port} ({name} of {component.name}) is in use by {owner}: {reason}. "
        f"Stop it, or move all ports of this stack: LLMBATCH_PORT_BASE={settings.other_base} make up "
        f"(now {settings.port_base})."
    )
