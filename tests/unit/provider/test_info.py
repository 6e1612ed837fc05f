"""What Airflow itself makes of the provider, with the wheel installed and nothing of the repository on its path."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from importlib import import_module
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import airflow
import jsonschema
import pytest
from airflow.sdk._shared.module_loading import import_string

from llmbatch.orchestrator.deployment.settings import CONFIG_OPTION
from llmbatch.orchestrator.ray_jobs.hook import RayHook
from llmbatch.provider.info import get_provider_info

ROOT = Path(__file__).parents[3]
AIRFLOW = Path(airflow.__file__).parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

_SEEN = """
import json
from airflow.api_fastapi.core_api.services.ui.connections import HookMetaService
from airflow.plugins_manager import _get_plugins
from airflow.providers_manager import ProvidersManager

manager = ProvidersManager()
form = next(one for one in HookMetaService.hook_meta_data() if one.connection_type == "ray")
plugins, errors = _get_plugins()
import llmbatch
print(json.dumps({
    "package": llmbatch.__file__,
    "version": manager.providers["llmbatch"].version,
    "form": form.model_dump(),
    "links": manager.extra_links_class_names,
    "triggers": sorted({one.trigger_class_name for one in manager.trigger if one.package_name == "llmbatch"}),
    "options": list(dict(manager.provider_configs)["llmbatch"]["llmbatch"]["options"]),
    "plugins": [[one.name, str(one.source)] for one in plugins],
    "errors": errors,
}))
"""


def seen(site: Path, home: Path, plugins: Path) -> dict[str, Any]:
    """Return what an Airflow sees that has the wheel in ``site``."""
    environ = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(site),
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(plugins),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db",
    }
    done = subprocess.run(
        [sys.executable, "-c", _SEEN], env=environ, cwd=home, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.fixture(scope="module")
def installed(site: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    home = tmp_path_factory.mktemp("home")
    return seen(site, home, home / "plugins")


def test_it_is_valid_by_airflows_schema_of_a_running_airflow() -> None:
    jsonschema.validate(get_provider_info(), json.loads((AIRFLOW / "provider_info.schema.json").read_text()))


def test_its_connection_type_is_valid_by_the_strict_schema_too() -> None:
    schema = json.loads((AIRFLOW / "provider.yaml.schema.json").read_text())["properties"]["connection-types"]
    jsonschema.validate(get_provider_info()["connection-types"], schema)


def test_it_is_read_without_importing_anything() -> None:
    code = (
        "import sys; from llmbatch.provider.info import get_provider_info; get_provider_info(); "
        "print([name for name in ('airflow', 'httpx', 'pydantic', 'llmbatch.orchestrator') if name in sys.modules])"
    )
    environ = {"PYTHONPATH": str(ROOT / "include")}
    done = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_all_that_it_names_exists() -> None:
    info = get_provider_info()
    (ray,) = info["connection-types"]
    assert import_string(ray["hook-class-name"]) is RayHook
    assert (ray["connection-type"], ray["hook-name"]) == (RayHook.conn_type, RayHook.hook_name)
    assert [*info["config"], *info["config"]["llmbatch"]["options"]] == [*CONFIG_OPTION]
    assert [path for path in info["extra-links"] if not callable(import_string(path))] == []
    assert [name for name in info["triggers"][0]["python-modules"] if not import_module(name)] == []
    assert info["package-name"] == PROJECT["name"]


def test_airflow_finds_the_provider_in_the_wheel(installed: dict[str, Any], site: Path) -> None:
    assert installed["package"] == str(site / "llmbatch" / "__init__.py")
    assert installed["version"] == distribution_version(site)
    assert set(get_provider_info()["extra-links"]) <= set(installed["links"])
    assert installed["options"] == ["config_file"]
    assert installed["triggers"] == get_provider_info()["triggers"][0]["python-modules"]


def distribution_version(site: Path) -> str:
    (folder,) = site.glob("llmbatch-*.dist-info")
    return type(distribution("pytest")).at(folder).version


def test_airflow_shows_the_form_of_the_connection(installed: dict[str, Any]) -> None:
    form = installed["form"]
    standard = form["standard_fields"]
    assert (form["hook_name"], form["hook_class_name"].rpartition(".")[2]) == ("Ray", "RayHook")
    assert (standard["host"]["title"], standard["password"]["title"]) == ("Ray dashboard", "Ray token")
    assert [name for name, one in standard.items() if one and one["hidden"]] == ["url_schema", "login"]
    titles = {name: field["schema"]["title"] for name, field in form["extra_fields"].items()}
    assert titles == {"dashboard_url": "Dashboard for browsers", "ca_file": "Certificates to trust"}


def test_the_plugin_is_registered_once(installed: dict[str, Any]) -> None:
    assert installed["errors"] == {}
    assert [source for name, source in installed["plugins"] if name == "llmbatch"] == [
        f"llmbatch=={installed['version']}: {entry_point()}"
    ]


def entry_point() -> str:
    value = PROJECT["entry-points"]["airflow.plugins"]["llmbatch"]
    return f"EntryPoint(name='llmbatch', value='{value}', group='airflow.plugins')"


def test_the_file_in_a_plugins_folder_registers_it_where_no_wheel_is(tmp_path: Path) -> None:
    found = seen_without_wheel(tmp_path)
    assert found == [["llmbatch", "$PLUGINS_FOLDER/llmbatch_plugin.py"]]


def seen_without_wheel(home: Path) -> list[list[str]]:
    code = (
        "import json; from airflow.plugins_manager import _get_plugins; plugins, errors = _get_plugins(); "
        "print(json.dumps([[one.name, str(one.source)] for one in plugins if one.name == 'llmbatch'] + [*errors]))"
    )
    environ = {
        "PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "include"), "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", code], env=environ, cwd=home, capture_output=True, text=True, check=True
    )
    found: list[list[str]] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_the_file_beside_the_wheel_registers_nothing(site: Path, tmp_path: Path, installed: dict[str, Any]) -> None:
    both = seen(site, tmp_path, ROOT / "plugins")
    assert (both["plugins"], both["errors"]) == (installed["plugins"], {})
