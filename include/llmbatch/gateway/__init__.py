"""The HTTP API: jobs, SLA, benchmark, API keys, and OpenAI's files and batches.

Door: ``app``. Served inside of Airflow's api-server (``mounted``) or alone (``python -m llmbatch.gateway``). Rooms::

    7  mounted  __main__
    6  assembly  connections
    5  app
    4  routers
    3  jobs  openai
    2  access
    1  airflow
    0  wire
"""
