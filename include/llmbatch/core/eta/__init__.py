"""When a job will be done: a calibrated interval, and what drives it."""
