"""The one version of Ray that this release runs on: ``accept`` and the Ray job refuse any other (ADR 6, ADR 21)."""

RAY_VERSION = "2.60.0"
"""As ``requirements/ray-*.in`` pin it: the Ray job resizes a running pool through the internals of this version."""
