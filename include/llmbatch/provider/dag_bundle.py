"""The DAG files of the installed package as a bundle: they are always those of the installed version."""

from __future__ import annotations

from typing import Any

from airflow.dag_processing.bundles.local import LocalDagBundle

from llmbatch.provider.dag_files import packaged_folder


class PackagedDags(LocalDagBundle):
    """A local bundle whose folder is ``llmbatch/dags`` of this machine's installation.

    Its path is part of users' ``[dag_processor] dag_bundle_config_list``.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(path=str(packaged_folder()), **kwargs)
