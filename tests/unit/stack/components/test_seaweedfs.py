"""How the object store is started: closed to all but holders of the keys."""

from dataclasses import replace
from pathlib import Path

from llmbatch_stack.components import seaweedfs
from llmbatch_stack.credentials import load_or_create
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
