#!/bin/sh
# Start a command in a container of the Airflow image: `airflow-entrypoint.sh airflow scheduler`.
#
# Secrets reach Airflow by files: AIRFLOW__…_CMD in docker-compose.yaml, and the connections that are written here into
# memory. So they are in no environment, and `docker compose exec … airflow …` has them too.
set -eu

umask 077
printf '{"llmbatch_s3": {"conn_type": "aws"}, "llmbatch_ray": {"conn_type": "ray", "host": "http://%s", "port": 8265, "password": "%s"}}\n' \
    "${LLMBATCH_RAY_HOST:-ray-head}" "$(cat /run/secrets/ray_token)" >/run/llmbatch/connections.json
umask 022

# Airflow would write its defaults there, with keys that nothing uses.
: >>"${AIRFLOW_HOME:-/opt/airflow}/airflow.cfg"

# Without the profile monitoring the name is unknown, and each process would log an error.
if ! getent hosts "${AIRFLOW__METRICS__STATSD_HOST:-statsd-exporter}" >/dev/null; then
    export AIRFLOW__METRICS__STATSD_ON=false
fi

exec "$@"
