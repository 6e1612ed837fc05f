"""The number format that a model is computed in, where the job leaves it open."""

from __future__ import annotations

from collections.abc import Mapping

from llmbatch.core.engine_settings import Accelerator, EngineSettings

_BFLOAT16 = ("avx512_bf16", "amx_bf16", "bf16", "sve_bf16")
"""Names, in PyTorch's terms, of instructions that compute with bfloat16; x86 and ARM."""


def dtype_of(settings: EngineSettings, capabilities: Mapping[str, object] | None = None) -> str:
    """Return the ``dtype`` to give to vLLM; ``float32`` instead of ``auto`` on a CPU that cannot compute bfloat16.

    With ``auto`` vLLM takes the model's own, which is bfloat16 as a rule. A CPU without instructions for it converts at
    every step: one that has AVX2 at most wrote 6 tokens a second, and 46 in float32, which holds the same weights.

    Args:
        settings: engine settings of the job.
        capabilities: as ``torch.cpu.get_capabilities`` returns them; None: that is called.
    """
    if settings.accelerator is not Accelerator.CPU or settings.dtype != "auto":
        return settings.dtype
    if capabilities is None:
        import torch

        capabilities = torch.cpu.get_capabilities()
    return "auto" if any(capabilities.get(name) for name in _BFLOAT16) else "float32"
