"""Airflow's task state store in memory."""

from __future__ import annotations


class StateStore(dict):
    """Airflow's task state store in memory."""

    def set(self, key, value):
        assert value is not None
        self[key] = value

    def delete(self, key):
        self.pop(key, None)
