"""Prometheus and Alertmanager beside a running stack: its supervisor starts and stops them with the rest."""

import time
from signal import SIGHUP

from llmbatch_stack.components import alertmanager, prometheus
from llmbatch_stack.components.catalogue import monitored_with, monitoring, set_monitored
from llmbatch_stack.credentials import load_or_create
from llmbatch_stack.install import tools
from llmbatch_stack.process import record
from llmbatch_stack.process.ports import require_free
from llmbatch_stack.process.record import ComponentPhase, Record
from llmbatch_stack.process.table import ProcessIdentity
from llmbatch_stack.readiness import Report, StackError, are_ready, one_at_a_time, wait_until_ready
from llmbatch_stack.settings import Settings

_STOP_SECONDS = 40.0
PROGRAMS = (prometheus.PROGRAM, alertmanager.PROGRAM)


def start(settings: Settings, report: Report) -> bool:
    """Start them and wait until they are ready; return False when they were ready already.

    If this call is interrupted or fails, they are stopped again; the stack stays up.

    Raises:
        PortTaken: a port is in use.
        StackError: the stack is not up, a program is missing, or a component does not come up.
    """
    with one_at_a_time(settings):
        supervisor = _supervisor(settings)
        if missing := [program for program in PROGRAMS if tools.find(settings, program) is None]:
            raise StackError(
                f"missing programs: {', '.join(missing)}. Run `make install`, and read what it says about tools; "
                "or install them so that PATH has them."
            )
        components = monitoring(settings, load_or_create(settings))
        names = [component.name for component in components]
        if monitored_with(settings) is None:
            require_free(settings, components, report)
            for name in names:
                record.write(settings.run, Record(name, ComponentPhase.WAITING))
            set_monitored(settings, settings.monitoring)
            supervisor.send(SIGHUP)
        elif are_ready(settings, names):
            return False
        try:
            wait_until_ready(settings, names, supervisor, report)
        except BaseException:
            report("stopping the monitoring ...")
            _stop(settings, supervisor)
            raise
        return True


def stop(settings: Settings) -> bool:
    """Stop them and leave the stack up; return False when they did not run.

    Raises:
        StackError: the stack is not up, or one of them does not end.
    """
    with one_at_a_time(settings):
        supervisor = _supervisor(settings)
        if monitored_with(settings) is None:
            return False
        _stop(settings, supervisor)
        return True


def _stop(settings: Settings, supervisor: ProcessIdentity) -> None:
    set_monitored(settings, None)
    supervisor.send(SIGHUP)
    names = {component.name for component in monitoring(settings, load_or_create(settings))}
    deadline = time.monotonic() + _STOP_SECONDS
    while (left := names & record.read_all(settings.run).keys()) and supervisor.is_alive():
        if time.monotonic() > deadline:
            raise StackError(f"{', '.join(sorted(left))} did not end within {_STOP_SECONDS:.0f} s; run `make down`")
        time.sleep(0.1)


def _supervisor(settings: Settings) -> ProcessIdentity:
    found = record.read(settings.run, record.SUPERVISOR)
    if found is None or found.identity is None or not found.is_alive():
        raise StackError("the stack is not up; run `make up`")
    return found.identity
