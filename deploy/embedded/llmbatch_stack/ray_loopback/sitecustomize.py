"""Keep Ray on the loopback interface: Python imports this file by its name when this folder is on PYTHONPATH.

Ray replaces 127.0.0.1 by the address of the network card wherever it meets it (`services.resolve_ip_for_localhost`)
and then binds its servers to every interface. It has no switch against that, so the one function is replaced as soon as
Ray's module is imported. Every process of the cluster must agree, which is why this travels by PYTHONPATH.
"""

import importlib.abc
import importlib.machinery
import sys
from collections.abc import Sequence
from types import ModuleType

_PATCHED = "ray._private.services"


class _Loader(importlib.abc.Loader):
    """Load the real module, then replace the one function."""

    def __init__(self, real: importlib.abc.Loader) -> None:
        self._real = real

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        """Leave creation to the real loader."""
        return self._real.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        """Execute the real module and let a loopback address stay what it is."""
        self._real.exec_module(module)
        vars(module)["resolve_ip_for_localhost"] = lambda host: host


class _Finder(importlib.abc.MetaPathFinder):
    """Find exactly one module; step aside for every other."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Return the spec of the patched module with our loader around its own."""
        if fullname != _PATCHED:
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader)
        return spec


sys.meta_path.insert(0, _Finder())
