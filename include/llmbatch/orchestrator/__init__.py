"""The Airflow side: everything that runs in tasks, triggers and callbacks.

Rooms on five floors; imports point downward only (``make arch``, docs/rooms.md)::

    5  tasks
    4  intake
    3  admission  publishing  watch  maintenance  sla_report
    2  staging  history  steering  alerting  ray_jobs
    1  inputs  jobs  deployment
"""
