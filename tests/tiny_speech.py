"""A small model that transcribes: Whisper with random weights. Its texts mean nothing.

``python tests/tiny_speech.py`` in Ray's environment writes it into the model cache, once, and prints its folder.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import tiny_model as llama
from tiny_models import cached, rename_tokens

START = "<|startoftranscript|>"
RENAMED = {
    "<jupyter_start>": START,
    "<jupyter_text>": "<|en|>",
    "<jupyter_code>": "<|transcribe|>",
    "<jupyter_output>": "<|notimestamps|>",
}
"""Special tokens of the bundled tokenizer under the names that a prompt of Whisper has."""
WIDTH, INNER, LAYERS, HEADS = 64, 128, 2, 2


def tiny_speech() -> Path:
    """Return the folder of the model."""
    return cached("whisper", write_speech, Path(__file__))


def write_speech(bundled: Path, folder: Path) -> None:
    """Write the model with the tokenizer of the model in ``bundled``."""
    import torch
    from transformers import WhisperConfig, WhisperForConditionalGeneration

    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copyfile(bundled / name, folder / name)
    rename_tokens(folder, RENAMED)
    llama.write_config(folder, {"processor_class": "WhisperProcessor"}, "processor_config.json")
    llama.write_config(folder, {"feature_extractor_type": "WhisperFeatureExtractor"}, "preprocessor_config.json")
    torch.manual_seed(llama.SEED)
    config = WhisperConfig(
        vocab_size=llama.vocabulary_size(bundled),
        d_model=WIDTH,
        encoder_layers=LAYERS,
        decoder_layers=LAYERS,
        encoder_attention_heads=HEADS,
        decoder_attention_heads=HEADS,
        encoder_ffn_dim=INNER,
        decoder_ffn_dim=INNER,
        decoder_start_token_id=llama.token_number(folder / "tokenizer.json", START),
        bos_token_id=1,
        eos_token_id=2,
        pad_token_id=2,
        suppress_tokens=None,
        begin_suppress_tokens=None,
    )
    WhisperForConditionalGeneration(config).bfloat16().save_pretrained(folder)


if __name__ == "__main__":
    sys.stdout.write(f"{tiny_speech()}\n")
