"""Both Dockerfiles build on stand-ins, from their locks only, and hold what they have to."""

from __future__ import annotations

import pytest

from containers.engine import Engine
from containers.images import Images, size_mib

pytestmark = pytest.mark.timeout(3600)


def test_both_images_run_as_a_user_and_name_their_version(engine: Engine, images: Images) -> None:
    for image, user in ((images.airflow, "50000:0"), (images.ray, "1000:0")):
        config = engine.inspect(image)["Config"]
        assert isinstance(config, dict)
        assert config["User"] == user
        assert config["Labels"]["org.opencontainers.image.version"] == image.rpartition(":")[2].partition("-")[0]
        assert config["Healthcheck"]["Test"]
        print(f"{image}: {size_mib(engine, image)} MiB")


@pytest.mark.parametrize(
    ("room", "own", "foreign"),
    [("airflow", "airflow, celery, redis, llmbatch.gateway.app", ("ray", "vllm", "torch")),
     ("ray", "ray, vllm, torch, llmbatch.cluster.driver", ("airflow", "celery"))],
)  # fmt: skip
def test_an_image_has_the_packages_of_its_room_only(
    engine: Engine, images: Images, room: str, own: str, foreign: tuple[str, ...]
) -> None:
    script = f"import {own}, importlib.util as u; print([n for n in {foreign!r} if u.find_spec(n)])"
    image = images.airflow if room == "airflow" else images.ray
    words = ["run", "--rm", "--network=none", "--entrypoint=python3", image, "-c", script]
    assert engine.docker(*words).splitlines()[-1] == "[]"
