"""The HTTP API: jobs, SLA, metrics, benchmark, API keys, and OpenAI's files and batches.

Door: ``app``. Served inside of Airflow's api-server (``mounted``) or alone (``python -m llmbatch.gateway``). Rooms::

    9  mounted  __main__
    8  assembly  connections
    7  app
    6  routers
    5  parts
    4  metrics
    3  jobs  openai
    2  access
    1  airflow
    0  wire
"""
