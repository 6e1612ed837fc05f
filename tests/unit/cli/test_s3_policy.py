"""The command that prints a policy."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from llmbatch.cli.s3_policy import main
from llmbatch.core.access import Side
from llmbatch.core.access_policy import Addresses, policy_of


@pytest.mark.parametrize("side", Side)
def test_it_prints_the_policy_of_the_configuration(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], side: Side
) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(
        "store: {base_uri: s3://b/base, allowed_inputs: [s3://in], allowed_outputs: [s3://out]}\n"
        "models: {small: {uri: hub/small}}\ndefault_model: small\n"
    )
    assert main([side, "--config", str(path)]) == 0
    assert json.loads(capsys.readouterr().out) == policy_of(side, Addresses("s3://b/base", ("s3://in",), ("s3://out",)))


def test_the_configuration_is_that_of_the_environment(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLMBATCH_CONFIG", str(tmp_path / "absent.yaml"))
    assert main(["ray"]) == 1
    assert "absent.yaml" in capsys.readouterr().err
