"""What finished jobs leave behind: report, lessons for estimates, cost.

Door: ``job_report``. Imports jobs.
"""
