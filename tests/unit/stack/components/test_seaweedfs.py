"""How the object store is started: closed to all but holders of the keys."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from llmbatch.core.access import Side
from llmbatch.core.access_policy import Addresses, policy_of
from llmbatch_stack.components import seaweedfs
from llmbatch_stack.credentials import load_or_create
from llmbatch_stack.environment import environment
from llmbatch_stack.process.component import StepError
from llmbatch_stack.settings import load


def test_every_part_but_s3_is_closed(tmp_path: Path) -> None:
    settings = replace(load({}), state=tmp_path)
    component = seaweedfs.component(settings, load_or_create(settings))
    assert {"-filer.disableHttp=true", "-disableHttp=true"} <= set(component.command)
    keys = {component.environment[name] for name in ("WEED_JWT_SIGNING_KEY", "WEED_JWT_SIGNING_READ_KEY")}
    assert {len(key) for key in keys} == {64}
    assert len(keys) == 2
    assert not [key for key in keys if key in repr(component)]
    for part in ("MASTER", "VOLUME", "FILER", "S3", "CLIENT"):
        assert component.environment[f"WEED_GRPC_{part}_CERT"] == component.environment["WEED_GRPC_CA"]


def identities(tmp_path: Path, config: str) -> dict[str, Any]:
    """Return what SeaweedFS is told about keys."""
    (tmp_path / "config.yaml").write_text(config)
    settings = replace(load({}), state=tmp_path, config=tmp_path / "config.yaml")
    component = seaweedfs.component(settings, load_or_create(settings))
    assert component.prepare is not None
    component.prepare(None)  # type: ignore[arg-type]
    found: dict[str, Any] = json.loads((tmp_path / "seaweedfs" / "s3.json").read_text())
    return found


def test_airflow_and_ray_have_the_keys_of_their_environment_and_the_policies_of_the_configuration(
    tmp_path: Path,
) -> None:
    models = "models: {small: {uri: hub/small}}\ndefault_model: small\n"
    found = identities(tmp_path, f"store: {{base_uri: s3://llmbatch/mine}}\n{models}")
    settings = replace(load({}), state=tmp_path)
    credentials = load_or_create(settings)
    of_side = {each["name"]: each for each in found["identities"]}
    assert of_side["operator"]["credentials"][0]["accessKey"] == credentials.s3_access_key
    for side in Side:
        assert "actions" not in of_side[side]
        assert of_side[side]["policyNames"] == [side]
    airflow = json.loads(environment("airflow", settings, credentials)["AIRFLOW_CONN_LLMBATCH_S3"])
    ray = environment("ray", settings, credentials)
    assert of_side["airflow"]["credentials"] == [{"accessKey": airflow["login"], "secretKey": airflow["password"]}]
    assert of_side["ray"]["credentials"] == [
        {"accessKey": ray["AWS_ACCESS_KEY_ID"], "secretKey": ray["AWS_SECRET_ACCESS_KEY"]}
    ]
    whole = ("s3://llmbatch",)
    policies = {each["name"]: json.loads(each["content"]) for each in found["policies"]}
    assert policies == {side: policy_of(side, Addresses("s3://llmbatch/mine", whole, whole)) for side in Side}


def test_a_wrong_configuration_is_named(tmp_path: Path) -> None:
    with pytest.raises(StepError, match="modles"):
        identities(tmp_path, "modles: {}")
