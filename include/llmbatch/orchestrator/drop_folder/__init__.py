"""From an object in an inbox to a job, exactly once, and its input to ``done`` or ``failed``.

Door: ``scan``. Imports jobs and deployment.
"""
