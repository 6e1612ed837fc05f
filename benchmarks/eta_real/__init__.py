"""Heartbeats of real jobs of the real engine: recorded once, replayed by tests and by the benchmark."""
