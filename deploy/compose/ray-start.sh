#!/bin/sh
# Start the node of Ray in this container: `ray-start.sh head|worker`. Ports are fixed, for firewalls.
set -eu

role=${1:-}
address=${LLMBATCH_NODE_IP:-$(hostname -i | cut -d ' ' -f 1)}
folder=${RAY_TMPDIR:-/tmp}/ray
# A second node on one address needs other ports.
offset=${LLMBATCH_RAY_PORT_OFFSET:-0}

# Only shard descriptors and counters pass through the object store.
set -- --block --disable-usage-stats \
    --node-ip-address="$address" \
    --object-store-memory="${LLMBATCH_OBJECT_STORE_BYTES:-536870912}" \
    --object-manager-port=$((8076 + offset)) \
    --node-manager-port=$((8077 + offset)) \
    --runtime-env-agent-port=$((8078 + offset)) \
    --dashboard-agent-grpc-port=$((8079 + offset)) \
    --dashboard-agent-listen-port=$((52365 + offset)) \
    --metrics-export-port=$((8090 + offset)) \
    --min-worker-port=$((20000 + 100 * offset)) \
    --max-worker-port=$((20999 + 100 * offset))

case "$role" in
head)
    # Engines belong on workers: a head that is busy would lose nodes.
    set -- --head --port=6379 --dashboard-host="${LLMBATCH_DASHBOARD_HOST:-0.0.0.0}" --dashboard-port=8265 \
        --num-cpus="${LLMBATCH_HEAD_CPUS:-0}" --num-gpus=0 "$@"
    ;;
worker) set -- --address="${LLMBATCH_RAY_HOST:-ray-head}:6379" "$@" ;;
*)
    echo "usage: ray-start.sh head|worker" >&2
    exit 2
    ;;
esac

# Each start makes a session. Logs of the last one stay, older ones would fill the disk.
mkdir -p "$folder"
find "$folder" -mindepth 1 -maxdepth 1 -type d -name 'session_2*' | sort -r | tail -n +2 | while read -r old; do
    rm -rf -- "$old"
done

exec ray start "$@"
