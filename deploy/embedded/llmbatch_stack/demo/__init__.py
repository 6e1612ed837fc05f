"""``make demo`` and the run of one job. Doors: ``demo`` and ``job_run``."""
