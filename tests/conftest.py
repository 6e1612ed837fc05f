"""What holds for every test of both rooms."""

import os

from hypothesis import HealthCheck, settings

settings.register_profile(
    "llmbatch",
    deadline=None,  # a slow machine is no failure, and neither is a slow example
    suppress_health_check=[HealthCheck.too_slow],  # a clock as well
    derandomize=True,  # the same commit gets the same verdict everywhere
    print_blob=True,
)
settings.load_profile("llmbatch")
if examples := os.environ.get("LLMBATCH_FUZZ"):  # of each property; others each time
    settings.register_profile("fuzz", settings.default, max_examples=int(examples), derandomize=False)
    settings.load_profile("fuzz")
