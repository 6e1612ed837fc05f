"""What holds for every unit test: what code does to objects is granted to its side."""

from fakes.access_guard import _access_is_granted, _watched_stores  # noqa: F401 - fixtures
