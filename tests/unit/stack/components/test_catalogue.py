"""Which components a stack has: monitoring only where it was switched on."""

from dataclasses import replace
from pathlib import Path

from llmbatch_stack.components.catalogue import catalogue, monitored_with, set_monitored
from llmbatch_stack.credentials import load_or_create
from llmbatch_stack.process import record
from llmbatch_stack.settings import load

ADDED = {"statsd-exporter", "prometheus", "alertmanager"}


def test_monitoring_is_part_of_the_stack_until_it_ends(tmp_path: Path):
    settings = replace(load({}), state=tmp_path)
    credentials = load_or_create(settings)

    def names() -> set[str]:
        return {component.name for component in catalogue(settings, credentials)}

    plain = names()
    assert not plain & ADDED
    settings.run.mkdir()
    set_monitored(settings, tmp_path / "rendered")
    assert names() == plain | ADDED
    record.clear(settings.run)
    assert names() == plain


def test_a_stack_is_monitored_with_the_configuration_that_was_chosen(tmp_path: Path):
    settings = replace(load({}), state=tmp_path)
    settings.run.mkdir()
    assert monitored_with(settings) is None
    set_monitored(settings, tmp_path / "rendered")
    components = {each.name: each for each in catalogue(settings, load_or_create(settings))}
    config = tmp_path / "rendered" / "alertmanager" / "alertmanager.yml"
    assert f"--config.file={config}" in components["alertmanager"].command
    set_monitored(settings, None)
    assert monitored_with(settings) is None
