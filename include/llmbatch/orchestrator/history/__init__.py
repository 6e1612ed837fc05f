"""Records of finished jobs: the job report, the history for estimates, the cost.

Door: ``job_report``. Imports jobs.
"""
