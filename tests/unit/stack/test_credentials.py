"""The secrets file: private, made once, explained when damaged."""

import stat
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from llmbatch.core.access import Side
from llmbatch_stack.credentials import CredentialsError, load_or_create, secrets_file
from llmbatch_stack.settings import Settings, load


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return replace(load({}), state=tmp_path)


def test_file_is_private(settings: Settings):
    load_or_create(settings)
    assert stat.S_IMODE(secrets_file(settings).stat().st_mode) == 0o600
    assert [path.name for path in settings.state.iterdir()] == ["secrets.json"]


def test_second_call_gives_the_same_secrets(settings: Settings):
    assert load_or_create(settings) == load_or_create(settings)


def test_two_stacks_share_no_secret(settings: Settings, tmp_path: Path):
    other = load_or_create(replace(settings, state=tmp_path / "other"))
    shared = set(asdict(load_or_create(settings)).values()) & set(asdict(other).values())
    assert shared == {"admin"}


def test_repr_shows_no_secret(settings: Settings):
    credentials = load_or_create(settings)
    assert credentials.ray_token not in repr(credentials)
    assert credentials.s3_secret_key not in repr(credentials.s3_operator)


def test_each_side_has_a_key_of_its_own_that_stays(settings: Settings):
    credentials = load_or_create(settings)
    keys = [credentials.s3_operator, *(credentials.s3_key_of(side) for side in Side)]
    assert len({key.access for key in keys}) == len({key.secret for key in keys}) == 3
    assert load_or_create(settings).s3_key_of(Side.RAY) == credentials.s3_key_of(Side.RAY)


@pytest.mark.parametrize("text", ["", "{", "{}", '{"s3_access_key": "a"}'])
def test_damaged_file_is_explained(settings: Settings, text: str):
    secrets_file(settings).write_text(text)
    with pytest.raises(CredentialsError, match="make down"):
        load_or_create(settings)
