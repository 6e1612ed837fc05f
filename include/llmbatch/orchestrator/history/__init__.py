"""Records of finished jobs: the job report, the history for estimates, the cost.

Doors: ``job_report``, ``traces``. Imports jobs.
"""
