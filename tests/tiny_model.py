"""A real model that costs nothing: Llama with two layers and random weights, for what surrounds an engine's answers.

``python tests/tiny_model.py`` in Ray's environment writes it into the model cache, once, and prints its folder. Its
tokenizer and chat template are the bundled model's. Its answers mean nothing, but two things are sure whatever a
processor rounds: an answer runs to its limit, and one that must fit a JSON schema with bounded strings ends.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from llmbatch.cluster.models.bundled_model import NAMES, SCHEME, bundled_model
from llmbatch.cluster.models.model_cache import cached_folder

if TYPE_CHECKING:
    import torch

SEED = 20
HIDDEN, INNER, LAYERS, HEADS, KEY_HEADS = 128, 256, 2, 2, 1
HEAD_SIZE = HIDDEN // HEADS
POSITIONS = 2048
FROM_BUNDLED = ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "generation_config.json")

STEADY = 8.0
"""The first feature of every token. No layer writes to it, so the head sees it at every step and can avoid tokens."""
AVOIDED = -4.0
"""Weight of the first feature for tokens that are never to win; some twenty times the spread of the others' scores."""
_REPEATABLE = frozenset("ĠĊĉč0123456789")
"""Blanks, as byte-level tokens spell them, and digits: what JSON allows without end."""


def tiny_model() -> Path:
    """Return the folder of the model, which is written if this node lacks it.

    Raises:
        ModelError: the bundled model, whose tokenizer it takes, is missing.
    """
    bundled, _ = bundled_model(SCHEME + NAMES[0])
    version = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:8]
    folder, _ = cached_folder(f"tiny-llama-{version}", 16 * 2**20, lambda empty: write(bundled, empty))
    return folder


def write(bundled: Path, folder: Path) -> None:
    """Write the model into ``folder``, with the tokenizer of the model in ``bundled``."""
    for name in FROM_BUNDLED:
        shutil.copyfile(bundled / name, folder / name)
    vocabulary = vocabulary_size(bundled)
    write_config(folder, config(vocabulary))
    write_weights(folder, weights(vocabulary, avoided_tokens(bundled / "tokenizer.json")))


def vocabulary_size(bundled: Path) -> int:
    """Return the number of tokens of the model in ``bundled``."""
    return int(json.loads((bundled / "config.json").read_text(encoding="utf-8"))["vocab_size"])


def token_number(tokenizer: Path, content: str) -> int:
    """Return the number of a special token of a ``tokenizer.json``."""
    added = json.loads(tokenizer.read_text(encoding="utf-8"))["added_tokens"]
    return next(int(entry["id"]) for entry in added if entry["content"] == content)


def config(vocabulary: int) -> dict[str, object]:
    """Return what ``config.json`` says of the model."""
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "dtype": "bfloat16",
        "vocab_size": vocabulary,
        "hidden_size": HIDDEN,
        "intermediate_size": INNER,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        "num_key_value_heads": KEY_HEADS,
        "head_dim": HEAD_SIZE,
        "hidden_act": "silu",
        "max_position_embeddings": POSITIONS,
        "rms_norm_eps": 1e-5,
        "rope_parameters": {"rope_theta": 10000.0, "rope_type": "default"},
        "tie_word_embeddings": False,
        "bos_token_id": 1,
        "eos_token_id": 2,
        "pad_token_id": 2,
    }


def avoided_tokens(tokenizer: Path) -> list[int]:
    """Return the ids of special tokens, the end of an answer among them, and of those that JSON allows without end."""
    data = json.loads(tokenizer.read_text(encoding="utf-8"))
    special = {entry["id"] for entry in data["added_tokens"]}
    repeatable = {number for text, number in data["model"]["vocab"].items() if set(text) <= _REPEATABLE}
    return sorted(special | repeatable)


def weights(vocabulary: int, avoided: list[int]) -> dict[str, torch.Tensor]:
    """Return all weights by their names in a Llama checkpoint."""
    import torch

    matrix = matrices(SEED)
    embedding, head = matrix(vocabulary, HIDDEN, 1.0), matrix(vocabulary, HIDDEN, 0.1)
    embedding[:, 0], head[:, 0] = STEADY, 0.0
    head[avoided, 0] = AVOIDED
    found = {"model.embed_tokens.weight": embedding, "lm_head.weight": head, "model.norm.weight": torch.ones(HIDDEN)}
    for layer in range(LAYERS):
        part = f"model.layers.{layer}"
        inward = {
            "self_attn.q_proj": HIDDEN,
            "self_attn.k_proj": KEY_HEADS * HEAD_SIZE,
            "self_attn.v_proj": KEY_HEADS * HEAD_SIZE,
            "mlp.gate_proj": INNER,
            "mlp.up_proj": INNER,
        }
        found |= {f"{part}.{name}.weight": matrix(rows, HIDDEN, 0.05) for name, rows in inward.items()}
        for name, columns in (("self_attn.o_proj", HIDDEN), ("mlp.down_proj", INNER)):
            outward = matrix(HIDDEN, columns, 0.05)
            outward[0] = 0.0
            found[f"{part}.{name}.weight"] = outward
        for name in ("input_layernorm", "post_attention_layernorm"):
            found[f"{part}.{name}.weight"] = torch.ones(HIDDEN)
    return found


def matrices(seed: int) -> Callable[[int, int, float], torch.Tensor]:
    """Return a maker of random matrices: rows, columns, spread. The same seed makes the same matrices."""
    import torch

    chance = torch.Generator().manual_seed(seed)
    return lambda rows, columns, spread: torch.randn(rows, columns, generator=chance) * spread


def write_config(folder: Path, content: dict[str, object], name: str = "config.json") -> None:
    """Write one JSON file of a model."""
    (folder / name).write_text(json.dumps(content, indent=1), encoding="utf-8")


def write_weights(folder: Path, content: dict[str, torch.Tensor], name: str = "model.safetensors") -> None:
    """Write weights in bf16."""
    import torch
    from safetensors.torch import save_file

    rounded = {key: each.to(torch.bfloat16).contiguous() for key, each in content.items()}
    save_file(rounded, folder / name, metadata={"format": "pt"})


if __name__ == "__main__":
    sys.stdout.write(f"{tiny_model()}\n")
