"""Whether a job can keep its deadline, and the queue of accepted jobs.

Door: ``admit``. Imports staging, history, inputs and jobs.
"""
