"""Engine settings compared on a sample: one ordinary job each, a report, and the best one as a model's default.

Door: ``plan``. Imports intake, history and jobs.
"""
