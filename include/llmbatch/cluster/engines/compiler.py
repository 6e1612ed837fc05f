"""The C++ compiler that an engine on CPU needs unless it runs in eager mode."""

from __future__ import annotations

import os
import shutil

from llmbatch.core.engine_settings import Accelerator, EngineSettings
from llmbatch.core.errors import ConfigError

_COMPILER = "g++"


def require_compiler(settings: EngineSettings, path: str | None = None) -> None:
    """Check before the engine starts: vLLM waits more than a minute for a compilation that failed.

    Args:
        settings: engine settings of the job.
        path: folders to search, in the form of ``PATH``; None: this process's own.

    Raises:
        ConfigError: the settings need a compiler, and there is none.
    """
    if settings.accelerator is not Accelerator.CPU or settings.enforce_eager:
        return
    wanted = os.environ.get("CXX", _COMPILER)
    if shutil.which(wanted, path=path) is None:
        raise ConfigError(
            f"engine.enforce_eager is false, and compiling for a CPU needs {wanted}, which is not on the PATH of this "
            f"Ray node. Install {wanted} there, or set enforce_eager: true."
        )
