#!/bin/bash
# What the entrypoint of the official image does that a deployment can notice: it needs group 0, opens files to that
# group, waits for the database, and takes a command with or without the word "airflow".
set -euo pipefail

if [[ $(id -g) != 0 && $(id -u) != 50000 ]]; then
    echo "ERROR! You should run the image with GID=0" >&2
    exit 1
fi
umask 0002

tries=${CONNECTION_CHECK_MAX_COUNT:-20}
while (( tries > 0 )); do
    if said=$(airflow db check 2>&1); then break; fi
    if (( --tries == 0 )); then
        printf 'ERROR! Maximum number of retries reached.\n%s\n' "$said" >&2
        exit 1
    fi
    sleep "${CONNECTION_CHECK_SLEEP_TIME:-3}"
done

case "${1:-}" in
    bash | python) exec "$@" ;;
    airflow) shift ;;
esac
exec airflow "$@"
