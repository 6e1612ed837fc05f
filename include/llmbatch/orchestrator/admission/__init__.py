"""Whether a job can keep its deadline, and its place in the queue.

Door: ``admit``. Imports staging, history, inputs and jobs.
"""
