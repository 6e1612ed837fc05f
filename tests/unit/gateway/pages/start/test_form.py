"""The form: one source of its fields with Airflow's form."""

from __future__ import annotations

from itertools import pairwise

from fakes.gateway import fake_gateway
from llmbatch.core.job_request import parse_request
from llmbatch.gateway.pages.start.form import SLIDER_HOURS, Control, form_of
from llmbatch.orchestrator.tasks.form_fields import FIELDS

MODELS = {"small": {"uri": "hub/small"}, "big": {"uri": "hub/big"}}


def _controls(**sections: object) -> dict[str, Control]:
    form = form_of(fake_gateway(**sections).config)
    return {control.name: control for section in form.sections for control in section.controls}


def test_every_field_of_a_request_is_on_the_form_or_under_more() -> None:
    shown = {name.partition(".")[0] for name in _controls()}
    more = {name for name, _ in form_of(fake_gateway().config).others}
    assert shown | more == set(FIELDS) - {"dry_run", "idempotency_key"}
    assert shown & more == {"sampling"}


def test_titles_and_help_are_those_of_airflows_form() -> None:
    control = _controls()["input_uri"]
    assert (control.title, control.help) == (FIELDS["input_uri"].title, FIELDS["input_uri"].help)
    assert _controls()["task"].options[0].label == "Generate text"
    assert _controls()["sampling.max_tokens"].help == "Most tokens of an answer."


def test_the_values_at_the_start_are_a_request() -> None:
    values = {name: control.value for name, control in _controls().items() if "." not in name and control.value}
    assert parse_request({**values, "input_uri": "s3://b/x"}) == parse_request({"input_uri": "s3://b/x"})


def test_the_default_model_is_first() -> None:
    control = _controls(models=MODELS, default_model="big")["model"]
    assert [(option.value, option.label) for option in control.options] == [("", "big (default)"), ("small", "small")]
    assert "More" in control.help
    assert "More" not in _controls(limits={"models_only": True})["model"].help


def test_numbers_have_the_limits_of_the_deployment() -> None:
    controls = _controls(limits={"max_tokens": 1000, "max_priority": 7})
    assert (controls["sampling.max_tokens"].least, controls["sampling.max_tokens"].most) == (1, 1000)
    assert (controls["priority"].least, controls["priority"].most, controls["priority"].value) == (-100, 7, "0")
    assert _controls(limits={"max_priority": -3})["priority"].value == "-3"
    assert controls["sla_hours"].value == "24"


def test_ids_of_controls_have_no_dots_and_the_slider_starts_at_the_default() -> None:
    assert _controls()["sampling.max_tokens"].id == "start-sampling-max_tokens"
    form = form_of(fake_gateway().config)
    assert SLIDER_HOURS[form.slider_start] == 24
    steps = [after / before for before, after in pairwise(SLIDER_HOURS)]
    assert (SLIDER_HOURS[0], SLIDER_HOURS[-1], max(steps) <= 2) == (0.5, 72, True)
