#!/usr/bin/env bash
# Make the API key by which Prometheus reads the gateway, once the stack runs: make-metrics-key.sh [--renew] [FOLDER]
# Without --renew a key that is there stays. It expires after gateway.key_days (90): renew it before, for example by cron.
set -euo pipefail
cd -- "$(dirname -- "$0")/../.."

renew=
if [ "${1:-}" = --renew ]; then
    renew=yes
    shift
fi
folder=${1:-${LLMBATCH_SECRETS:-./secrets}}
file=$folder/gateway_metrics_key

if [ -s "$file" ] && [ -z "$renew" ]; then
    echo "$file is there"
    exit 0
fi
key=$(docker compose exec -T gateway python /opt/llmbatch/compose/metrics_key.py <"$folder/airflow_admin_password")
# into the same file: it is mounted, and another file of this name would not be seen
printf '%s' "$key" >"$file"
echo "$file made; Prometheus reads it at its next scrape"
