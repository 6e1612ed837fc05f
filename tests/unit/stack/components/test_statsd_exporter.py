"""How the StatsD exporter is started: with the shipped mapping."""

from dataclasses import replace
from pathlib import Path

from llmbatch_stack.components import statsd_exporter
from llmbatch_stack.settings import load
from llmbatch_stack.statsd_bridge.__main__ import main


def test_the_substitute_takes_its_arguments_and_the_shipped_mapping(tmp_path: Path, monkeypatch):
    seen = []
    monkeypatch.setattr("llmbatch_stack.statsd_bridge.__main__.serve", lambda *given: seen.append(given[1:]))
    settings = replace(load({}), state=tmp_path, port_base=1024)
    component = statsd_exporter.component(settings)
    _, flag, module, *arguments = component.command
    assert (flag, module) == ("-m", "llmbatch_stack.statsd_bridge")
    assert main(arguments) == 0  # it has read the mapping
    assert seen == [(settings.port("statsd_udp"), settings.port("statsd_http"))]
