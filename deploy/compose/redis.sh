#!/bin/sh
# Start Redis, or ask it whether it answers: `redis.sh serve|ping`. Its password is in a file, and on no command line.
set -eu

password=$(cat /run/secrets/redis_password)
case "${1:-}" in
serve)
    umask 077
    # The queue of tasks is on disk before a task counts as queued.
    printf '%s\n' "requirepass $password" 'dir /data' 'appendonly yes' 'appendfsync always' 'save ""' >/tmp/redis.conf
    exec redis-server /tmp/redis.conf
    ;;
ping)
    export REDISCLI_AUTH="$password"
    [ "$(redis-cli --no-auth-warning -h 127.0.0.1 ping)" = PONG ]
    ;;
*)
    echo "usage: redis.sh serve|ping" >&2
    exit 2
    ;;
esac
