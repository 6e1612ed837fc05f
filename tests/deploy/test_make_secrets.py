"""deploy/compose/make-secrets.sh: what it makes, for whom, and what it never shows."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from pathlib import Path

import yaml

from composed import FOLDER, ROOT, services


def make(folder: Path, profiles: str = "cpu,s3", **variables: str) -> str:
    """Run the script; return what it prints."""
    environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", "COMPOSE_PROFILES": profiles, **variables}
    command = [str(FOLDER / "make-secrets.sh"), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def test_it_makes_what_the_services_mount(tmp_path: Path) -> None:
    make(tmp_path)
    # Compose leaves out what no service uses
    declared = yaml.safe_load((ROOT / "docker-compose.yaml").read_text(encoding="utf-8"))["secrets"]
    assert set(files(tmp_path)) == {Path(secret["file"]).name for secret in declared.values()} == set(declared)
    mounted = {secret["source"] for service in services().values() for secret in service.get("secrets", [])}
    assert mounted == set(declared)
    assert (tmp_path / "alertmanager").is_dir()


def test_only_owner_and_group_may_read(tmp_path: Path) -> None:
    make(tmp_path / "new")
    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "new").iterdir()}
    assert modes.pop("gateway_metrics_key") == 0o640
    assert modes.pop("alertmanager") == 0o750
    assert set(modes.values()) == {0o440}
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o700


def test_what_is_there_stays(tmp_path: Path) -> None:
    make(tmp_path)
    before = files(tmp_path)
    assert "made" not in make(tmp_path)
    assert files(tmp_path) == before
    (tmp_path / "ray_token").unlink()
    assert make(tmp_path).splitlines()[0] == "made ray_token"
    assert {name for name, text in files(tmp_path).items() if text != before[name]} == {"ray_token"}


def test_no_secret_is_printed(tmp_path: Path) -> None:
    printed = make(tmp_path)
    for text in files(tmp_path).values():
        for line in text.decode().splitlines():
            assert line not in printed or line in {"", "[default]"}


def test_secrets_differ_and_none_ends_with_a_newline(tmp_path: Path) -> None:
    make(tmp_path / "a")
    make(tmp_path / "b")
    first, second = files(tmp_path / "a"), files(tmp_path / "b")
    assert [name for name in first if first[name] == second[name]] == ["gateway_metrics_key"]
    single = [name for name in first if name.startswith(("airflow_", "postgres", "redis", "ray_token", "grafana"))]
    assert [name for name in single if first[name].endswith(b"\n") and "credentials" not in name] == []
    assert len(base64.urlsafe_b64decode(first["airflow_fernet_key"])) == 32
    assert all(len(first[name]) >= 24 for name in single)


def test_the_store_knows_both_keys_and_what_each_may_do(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("store:\n  base_uri: s3://other/deep/base   # a comment\n")
    make(tmp_path / "s", LLMBATCH_CONFIG_FILE=str(config))
    known = json.loads((tmp_path / "s" / "seaweedfs_s3.json").read_text())
    policies = {policy["name"]: json.loads(policy["content"]) for policy in known["policies"]}
    for side, identity in zip(("airflow", "ray"), known["identities"], strict=True):
        [key] = identity["credentials"]
        lines = (tmp_path / "s" / f"{side}_s3.credentials").read_text().splitlines()
        assert lines == [
            "[default]", f"aws_access_key_id = {key['accessKey']}", f"aws_secret_access_key = {key['secretKey']}"
        ]  # fmt: skip
        assert identity["policyNames"] == [side]
        assert "actions" not in identity
        template = (ROOT / "deploy" / "security" / f"s3-{side}.json").read_text()
        assert policies[side] == json.loads(template.replace("BUCKET", "other").replace("PREFIX", "deep/base"))


def test_keys_of_another_store_are_left_to_the_operator(tmp_path: Path) -> None:
    make(tmp_path, profiles="gpu,monitoring")
    made = files(tmp_path)
    assert made["airflow_s3.credentials"] == made["ray_s3.credentials"] == b""
    assert not [name for name in made if name.startswith("seaweedfs")]
    make(tmp_path, profiles="gpu,s3")
    assert all(files(tmp_path)[f"{side}_s3.credentials"] for side in ("airflow", "ray"))


def test_a_policy_that_cannot_be_read_is_an_error_and_not_an_empty_policy(tmp_path: Path) -> None:
    """Empty policies deny all, which shows only when the first job starts."""
    script = tmp_path / "deploy" / "compose" / "make-secrets.sh"
    script.parent.mkdir(parents=True)
    shutil.copy(FOLDER / "make-secrets.sh", script)
    environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", "COMPOSE_PROFILES": "s3"}
    done = subprocess.run(
        [str(script), str(tmp_path / "secrets")], capture_output=True, text=True, check=False, env=environment
    )
    assert done.returncode != 0
    assert "s3-airflow.json" in done.stderr
    assert not (tmp_path / "secrets" / "seaweedfs_s3.json").exists()
