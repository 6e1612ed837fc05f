"""How Alertmanager is started: on the loopback interface, without a port for other Alertmanagers."""

import threading
from dataclasses import replace
from pathlib import Path

import pytest

from llmbatch_stack.components import alertmanager
from llmbatch_stack.process.component import StepError, Steps
from llmbatch_stack.settings import load


def test_it_listens_on_the_loopback_only(tmp_path: Path):
    component = alertmanager.component(replace(load({}), state=tmp_path, port_base=1024, monitoring=tmp_path))
    assert "--web.listen-address=127.0.0.1:1081" in component.command
    assert "--cluster.listen-address=" in component.command
    assert f"--config.file={tmp_path}/alertmanager/alertmanager.yml" in component.command


def test_a_missing_configuration_is_named_with_the_remedy(tmp_path: Path):
    component = alertmanager.component(replace(load({}), state=tmp_path, monitoring=tmp_path))
    assert component.prepare is not None
    with pytest.raises(StepError, match=r"alertmanager.yml does not exist; run `make monitoring`"):
        component.prepare(Steps(tmp_path / "log", str(tmp_path), threading.Event()))
