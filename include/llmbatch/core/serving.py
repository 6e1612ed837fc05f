"""What the engine of a model serves, as config.yaml has it: frozen in the spec, and sent to every replica."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, JsonValue


class Serving(BaseModel):
    """Everything beside speed and memory that decides what an engine answers.

    Attributes:
        name: the model's name, as requests use it and as answers state it.
        options: arguments of ``vllm serve`` by their names in Python, as ``models.<name>.serve`` has them.
        adapters: address of each LoRA adapter by the name under which a row asks for it.
        media_domains: hosts from which images and audio may be fetched; empty: none.
        media_prefixes: ``s3://`` prefixes from which they may be read; null: whatever the store's key can.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = ""
    options: dict[str, JsonValue] = {}
    adapters: dict[str, str] = {}
    media_domains: tuple[str, ...] = ()
    media_prefixes: tuple[str, ...] | None = ()
