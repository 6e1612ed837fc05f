"""Each command of the runbook that needs a stack that is up is run on one, as a person on call types it."""

from __future__ import annotations

import pytest

from e2e.echo.monitored import require_programs
from e2e.runbook_commands import COMMANDS, Command, run
from e2e.running import Running

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1800)]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.text[:60])
def test_a_command_of_the_runbook_works(running: Running, command: Command) -> None:
    if command.needs_monitor or command.text == "make monitor":
        require_programs()
    done = run(command, running, running.api.token)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert command.shows in done.stdout
