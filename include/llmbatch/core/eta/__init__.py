"""When a job will be done: an interval that is right as often as it says, and what drives it."""
