"""``python -m monitoring.dashboards``: write the files of Grafana."""

from pathlib import Path

from llmbatch.core.config import load_config
from monitoring.dashboards.rendered import files

if __name__ == "__main__":
    root = Path(__file__).parents[3]
    for path, text in files(load_config(root / "config/config.yaml")).items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
