"""Small models with random weights for what the tiny Llama of ``tiny_model`` cannot do; no hub is needed for any.

``python tests/tiny_models.py vision|classifier|adapter`` in Ray's environment writes one into the model cache, once,
and prints its folder.

- ``vision``: Idefics3, the family of SmolVLM: a tower of two layers in front of the tiny Llama; an image of any size
  is four tokens and three around them. Of the families that vLLM knows, most import torchvision, which is not there.
- ``classifier``: the tiny Llama with a head for three labels in the place of its vocabulary.
- ``adapter``: a LoRA adapter of the tiny Llama that changes every answer.
"""

from __future__ import annotations

import hashlib
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import tiny_model as llama
from llmbatch.cluster.models.bundled_model import NAMES, SCHEME, bundled_model
from llmbatch.cluster.models.model_cache import cached_folder

if TYPE_CHECKING:
    import torch

LABELS = ("calm", "glad", "sad")
IMAGE = "<image>"
RENAMED = {
    "<jupyter_start>": IMAGE,
    "<jupyter_text>": "<fake_token_around_image>",
    "<jupyter_code>": "<global-img>",
    "<jupyter_output>": "<end_of_utterance>",
}
"""Special tokens of the bundled tokenizer that the vision model needs under other names."""
IMAGE_TOKENS = 4
RANK = 8

_PATCH = 16
_SCALE = 2
"""Patches in a square of this side become one token."""
_IMAGE_SIZE = 4 * _PATCH
_EYE, _EYE_INNER, _EYE_LAYERS, _EYE_HEADS = 64, 128, 2, 2


def tiny_vision() -> Path:
    """Return the folder of the vision-language model."""
    return cached("vision", write_vision)


def tiny_classifier() -> Path:
    """Return the folder of the classifier; ``LABELS`` are its labels."""
    return cached("classifier", write_classifier)


def tiny_adapter() -> Path:
    """Return the folder of the LoRA adapter for the model of ``tiny_model``; its rank is ``RANK``."""
    return cached("adapter", lambda _, folder: write_adapter(folder))


def cached(name: str, write: Callable[[Path, Path], None], *sources: Path) -> Path:
    """Return the folder that ``write`` fills, given the bundled model's and an empty one, once per node.

    Args:
        name: of the model.
        write: writes it.
        sources: files beside this one whose change makes another model.
    """
    bundled, _ = bundled_model(SCHEME + NAMES[0])
    sources = (*sources, Path(__file__), Path(llama.__file__))
    version = hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()[:8]
    folder, _ = cached_folder(f"tiny-{name}-{version}", 16 * 2**20, lambda empty: write(bundled, empty))
    return folder


def write_classifier(bundled: Path, folder: Path) -> None:
    """Write the classifier with the tokenizer of the model in ``bundled``."""
    base, vocabulary, avoided = _base(bundled, folder)
    labels = dict(enumerate(LABELS))
    base |= {
        "architectures": ["LlamaForSequenceClassification"],
        "id2label": labels,
        "label2id": {label: number for number, label in labels.items()},
    }
    llama.write_config(folder, base)
    weights = llama.weights(vocabulary, avoided)
    del weights["lm_head.weight"]
    weights["score.weight"] = llama.matrices(llama.SEED + 1)(len(LABELS), llama.HIDDEN, 0.3)
    llama.write_weights(folder, weights)


def write_adapter(folder: Path) -> None:
    """Write the adapter: deltas of two projections as large as the projections themselves."""
    llama.write_config(
        folder,
        {
            "peft_type": "LORA",
            "task_type": "CAUSAL_LM",
            "base_model_name_or_path": "tiny-llama",
            "r": RANK,
            "lora_alpha": 2 * RANK,
            "target_modules": ["q_proj", "v_proj"],
            "bias": "none",
            "use_dora": False,
            "use_rslora": False,
            "modules_to_save": None,
        },
        "adapter_config.json",
    )
    matrix = llama.matrices(llama.SEED + 2)
    weights = {}
    for layer in range(llama.LAYERS):
        for name, rows in (("q_proj", llama.HIDDEN), ("v_proj", llama.KEY_HEADS * llama.HEAD_SIZE)):
            part = f"base_model.model.model.layers.{layer}.self_attn.{name}"
            weights[f"{part}.lora_A.weight"] = matrix(RANK, llama.HIDDEN, 0.3)
            weights[f"{part}.lora_B.weight"] = matrix(rows, RANK, 0.3)
    llama.write_weights(folder, weights, "adapter_model.safetensors")


def write_vision(bundled: Path, folder: Path) -> None:
    """Write the vision-language model with the tokenizer of the model in ``bundled``."""
    base, vocabulary, avoided = _base(bundled, folder)
    rename_tokens(folder, RENAMED)
    llama.write_config(folder, _vision_config(base, llama.token_number(folder / "tokenizer.json", IMAGE)))
    processor = {"processor_class": "Idefics3Processor", "image_seq_len": IMAGE_TOKENS}
    llama.write_config(folder, processor, "processor_config.json")
    llama.write_config(
        folder,
        {
            "image_processor_type": "Idefics3ImageProcessor",
            "do_image_splitting": False,
            "max_image_size": {"longest_edge": _IMAGE_SIZE},
            "size": {"longest_edge": _IMAGE_SIZE},
        },
        "preprocessor_config.json",
    )
    text = {
        name.replace("model.", "model.text_model.", 1) if name.startswith("model.") else name: each
        for name, each in llama.weights(vocabulary, avoided).items()
    }
    llama.write_weights(folder, text | _eye_weights())


def rename_tokens(folder: Path, renamed: Mapping[str, str]) -> None:
    """Give special tokens of the tokenizer in ``folder`` other names; their numbers stay."""
    for name in ("tokenizer.json", "tokenizer_config.json"):
        text = (folder / name).read_text(encoding="utf-8")
        for old, new in renamed.items():
            text = text.replace(f'"{old}"', f'"{new}"')
        (folder / name).write_text(text, encoding="utf-8")


def _base(bundled: Path, folder: Path) -> tuple[dict[str, object], int, list[int]]:
    """Copy the tokenizer; return the tiny Llama's config, the size of its vocabulary, and the tokens it avoids."""
    for name in llama.FROM_BUNDLED:
        shutil.copyfile(bundled / name, folder / name)
    vocabulary = llama.vocabulary_size(bundled)
    return llama.config(vocabulary), vocabulary, llama.avoided_tokens(bundled / "tokenizer.json")


def _vision_config(text: dict[str, object], image_token: int) -> dict[str, object]:
    eye = {
        "model_type": "idefics3_vision",
        "hidden_size": _EYE,
        "intermediate_size": _EYE_INNER,
        "num_hidden_layers": _EYE_LAYERS,
        "num_attention_heads": _EYE_HEADS,
        "image_size": _IMAGE_SIZE,
        "patch_size": _PATCH,
    }
    return {
        "architectures": ["Idefics3ForConditionalGeneration"],
        "model_type": "idefics3",
        "dtype": "bfloat16",
        "image_token_id": image_token,
        "pad_token_id": text["pad_token_id"],
        "scale_factor": _SCALE,
        "tie_word_embeddings": False,
        "text_config": text,
        "vision_config": eye,
    }


def _eye_weights() -> dict[str, torch.Tensor]:
    import torch

    matrix = llama.matrices(llama.SEED + 3)
    tower, patches = "model.vision_model", (_IMAGE_SIZE // _PATCH) ** 2
    layers = [f"{tower}.encoder.layers.{layer}" for layer in range(_EYE_LAYERS)]
    patch = matrix(_EYE, 3 * _PATCH**2, 0.1).reshape(_EYE, 3, _PATCH, _PATCH)
    found = {
        f"{tower}.embeddings.patch_embedding.weight": patch,
        f"{tower}.embeddings.patch_embedding.bias": torch.zeros(_EYE),
        f"{tower}.embeddings.position_embedding.weight": matrix(patches, _EYE, 0.1),
        "model.connector.modality_projection.proj.weight": matrix(llama.HIDDEN, _EYE * _SCALE**2, 0.1),
    }
    shapes = {f"self_attn.{name}_proj": (_EYE, _EYE) for name in ("q", "k", "v", "out")}
    shapes |= {"mlp.fc1": (_EYE_INNER, _EYE), "mlp.fc2": (_EYE, _EYE_INNER)}
    for layer in layers:
        for name, (rows, columns) in shapes.items():
            found |= {f"{layer}.{name}.weight": matrix(rows, columns, 0.1), f"{layer}.{name}.bias": torch.zeros(rows)}
    for name in (f"{tower}.post_layernorm", *(f"{layer}.layer_norm{number}" for layer in layers for number in (1, 2))):
        found |= {f"{name}.weight": torch.ones(_EYE), f"{name}.bias": torch.zeros(_EYE)}
    return found


if __name__ == "__main__":
    makers = {"vision": tiny_vision, "classifier": tiny_classifier, "adapter": tiny_adapter}
    sys.stdout.write(f"{makers[sys.argv[1]]()}\n")
