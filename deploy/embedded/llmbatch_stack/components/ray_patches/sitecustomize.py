"""Fit Ray to one shared machine: Python imports this file by its name when this folder is on PYTHONPATH.

Ray has no setting for any of these, so each is replaced as soon as the module that holds it is imported. Every process
of the cluster must agree, which is why this travels by PYTHONPATH.

- Loopback: Ray replaces 127.0.0.1 by the address of the network card wherever it meets it and then binds its servers to
  every interface.
- Dashboard: each of its parts is a process that wakes twenty times a second and is checked once a second over HTTP.
  The parts of Ray Serve, Ray Train and Grafana are left out, and the others are checked every 15 seconds (ADR 10).
"""

import asyncio
import importlib.abc
import importlib.machinery
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import ModuleType
from typing import TypeVar

_DASHBOARD_PARTS = ("DataHead", "EventHead", "JobHead", "NodeHead", "ReportHead", "StateHead")
_CHECK_EVERY_S = 15

_Process = TypeVar("_Process")
_Part = TypeVar("_Part")


def _patch_services(module: ModuleType) -> None:
    services = vars(module)
    services["resolve_ip_for_localhost"] = lambda host: host
    services["start_ray_process"] = _with_fewer_parts(services["start_ray_process"])


def _with_fewer_parts(start: Callable[..., _Process]) -> Callable[..., _Process]:
    def start_ray_process(command: Sequence[str], process_type: str, **options: object) -> _Process:
        parts = [f"--modules-to-load={','.join(_DASHBOARD_PARTS)}"] if process_type == "dashboard" else []
        return start([*command, *parts], process_type, **options)

    return start_ray_process


def _patch_handle(module: ModuleType) -> None:
    handle = vars(module)["SubprocessModuleHandle"]
    handle._do_once_health_check = _rarely(handle._do_once_health_check)


def _rarely(check: Callable[[_Part], Awaitable[None]]) -> Callable[[_Part], Awaitable[None]]:
    async def check_rarely(part: _Part) -> None:
        await asyncio.sleep(_CHECK_EVERY_S)
        await check(part)

    return check_rarely


_PATCHES: Mapping[str, Callable[[ModuleType], None]] = {
    "ray._private.services": _patch_services,
    "ray.dashboard.subprocesses.handle": _patch_handle,
}


class _Loader(importlib.abc.Loader):
    """Load the real module, then patch it."""

    def __init__(self, real: importlib.abc.Loader, patch: Callable[[ModuleType], None]) -> None:
        self._real = real
        self._patch = patch

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        """Leave creation to the real loader."""
        return self._real.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        """Execute the real module and patch it."""
        self._real.exec_module(module)
        self._patch(module)


class _Finder(importlib.abc.MetaPathFinder):
    """Find the patched modules; leave every other to Python."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Return the spec of a patched module with our loader around its own."""
        patch = _PATCHES.get(fullname)
        if patch is None:
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader, patch)
        return spec


sys.meta_path.insert(0, _Finder())
