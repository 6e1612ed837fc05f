"""Models by hub id."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest

from llmbatch.cluster.models import hub_model
from llmbatch.cluster.models.resolve import resolve_model
from llmbatch.core.engine_settings import EngineKind
from llmbatch.core.errors import ModelError
from llmbatch.core.store import MemoryStore


def test_hub_model_that_is_nowhere_fails_fast(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from huggingface_hub import HfApi

    limits: list[float] = []

    def unreachable(_api: object, _model: str, *, revision: str | None, timeout: float) -> None:
        limits.append(timeout)
        raise ConnectionError("no route")

    monkeypatch.setattr(HfApi, "model_info", unreachable)
    with pytest.raises(ModelError, match="hub cannot be reached"):
        hub_model.hub_model("some-org/no-such-model")
    assert len(limits) == 1, "requested again"
    assert limits[0] <= 5


def test_a_pinned_revision_is_what_the_hub_must_offer(monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import HfApi

    def offered(_api: object, model: str, *, revision: str | None, timeout: float) -> SimpleNamespace:
        files = [SimpleNamespace(rfilename=name) for name in ("config.json", "model.safetensors")]
        return SimpleNamespace(siblings=files, sha={"v1": "a" * 40, None: "b" * 40}[revision])

    monkeypatch.setattr(HfApi, "model_info", offered)
    assert hub_model.hub_model("some-org/no-such-model@v1") == ("some-org/no-such-model", "a" * 40)
    assert hub_model.hub_model("some-org/no-such-model") == ("some-org/no-such-model", "b" * 40)
    resolved = resolve_model("some-org/no-such-model@v1", EngineKind.VLLM, MemoryStore())
    assert (resolved.path, resolved.revision) == ("some-org/no-such-model", "a" * 40)
    assert resolved.digest == f"revision:{'a' * 40}"


def test_an_unknown_revision_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import HfApi
    from huggingface_hub.errors import RevisionNotFoundError

    def unknown(_api: object, _model: str, **_: object) -> None:
        raise RevisionNotFoundError("no", response=httpx.Response(404, request=httpx.Request("GET", "https://hub")))

    monkeypatch.setattr(HfApi, "model_info", unknown)
    with pytest.raises(ModelError, match="some-org/no-such-model has no revision v9"):
        hub_model.hub_model("some-org/no-such-model@v9")


def test_a_model_that_is_not_in_the_cache_of_a_node_without_a_hub_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(ModelError, match="some-org/no-such-model@v1 is not in this node's cache and HF_HUB_OFFLINE"):
        hub_model.hub_model("some-org/no-such-model@v1")


@pytest.mark.parametrize("files", [["model.safetensors"], ["config.json", "README.md"], []])
def test_a_hub_model_without_config_or_weights_is_refused(monkeypatch: pytest.MonkeyPatch, files: list[str]) -> None:
    from huggingface_hub import HfApi

    found = SimpleNamespace(siblings=[SimpleNamespace(rfilename=name) for name in files], sha="a" * 40)
    monkeypatch.setattr(HfApi, "model_info", lambda *_, **__: found)
    with pytest.raises(ModelError, match=r"some-org/no-such-model has no config\.json or no weights"):
        hub_model.hub_model("some-org/no-such-model")


def downloading(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    import huggingface_hub

    def download(*_: object, **__: object) -> str:
        raise error

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", download)


def test_a_file_that_a_hub_lacks_is_no_outage(monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub.errors import EntryNotFoundError

    downloading(monkeypatch, EntryNotFoundError("404: weights.safetensors"))
    with pytest.raises(ModelError, match=r"org/name@v1 lacks a file on the hub: 404: weights\.safetensors"):
        hub_model.hub_files("org/name@v1", ("weights.safetensors",))


def test_a_hub_that_is_out_of_reach_is_named_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub.errors import LocalEntryNotFoundError

    downloading(monkeypatch, LocalEntryNotFoundError("no route"))
    with pytest.raises(ModelError, match=r"org/name is not in this node's cache and the hub cannot be reached"):
        hub_model.hub_files("org/name", ("weights.safetensors",))
