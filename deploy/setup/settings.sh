# shellcheck shell=bash
# shellcheck disable=SC2034 # variables that other parts read
# The settings of the deployment: .env beside docker-compose.yaml, which compose reads, too. What is there stays.

ENV_FILE=$ROOT/.env
HEAD_PROJECT=llmbatch
WORKER_PROJECT=llmbatch-worker
AIRFLOW_PORT=8080
GATEWAY_PORT=8000
WORKER_PORTS="8076 8077 8078 8079 8090 52365" # of ray-start.sh; and 20000 to 20999
HEAD_PORTS="6379 8086 8087 8088 8089 8100 52375 $WORKER_PORTS" # of Ray on the head's own network
RAY_PORTS="8265 $HEAD_PORTS"

declare -A SETTINGS=()
CHANGED=()

# forget_callers_settings: compose would prefer variables of the caller's shell to those of .env
forget_callers_settings() {
    local name
    for name in $(compgen -e); do
        case $name in
        COMPOSE_* | LLMBATCH_* | S3_ENDPOINT_URL | AWS_*) unset "$name" ;;
        esac
    done
}

# one_at_a_time: two runs of this script must not change the deployment together; it ends with the process
one_at_a_time() {
    [ "$DRY_RUN" = no ] && [ "$ACTION" != status ] || return 0
    exec {LOCK}<"$ROOT"
    flock --nonblock "$LOCK" || die "another run of this script is at work in $ROOT. Wait for its end."
}

load_settings() {
    local line
    SETTINGS=() CHANGED=()
    [ -e "$ENV_FILE" ] || return 0
    while IFS= read -r line || [ -n "$line" ]; do
        [[ $line =~ ^[[:space:]]*([A-Za-z_][A-Za-z0-9_]*)=(.*)$ ]] && SETTINGS[${BASH_REMATCH[1]}]=$(unquoted "${BASH_REMATCH[2]}")
    done <"$ENV_FILE"
    return 0
}

unquoted() {
    local text=$1
    case $text in
    \"*\" | \'*\') text=${text:1:${#text}-2} ;;
    esac
    printf '%s' "$text"
}

# setting_of NAME [DEFAULT]
setting_of() { printf '%s' "${SETTINGS[$1]:-${2:-}}"; }

# put_setting NAME VALUE: to be written by write_settings
put_setting() {
    [ "${SETTINGS[$1]-unset}" != "$2" ] || return 0
    SETTINGS[$1]=$2
    CHANGED+=("$1")
}

# put_missing NAME VALUE: an operator's own value stays
put_missing() { [ -n "${SETTINGS[$1]-}" ] || put_setting "$1" "$2"; }

# take_deployment: complete the options by what .env says about an earlier deployment
take_deployment() {
    load_settings
    if [ -z "$HEAD_IP" ]; then
        HEAD_IP=$(setting_of LLMBATCH_HEAD_IP)
        read -r -a WORKERS <<<"$(setting_of LLMBATCH_WORKERS | tr ',' ' ')"
        [ -z "$HEAD_IP" ] || say "hosts of .env: head $HEAD_IP, workers ${WORKERS[*]:-none}"
    fi
    [ -n "$SSH_USER" ] || SSH_USER=$(setting_of LLMBATCH_SSH_USER)
    [ -n "$REGISTRY" ] || REGISTRY=$(setting_of LLMBATCH_REGISTRY)
    VERSION=$(setting_of LLMBATCH_VERSION "$(checkout_version)")
}

# choose_settings: those of this run, once the checks have chosen the accelerator
choose_settings() {
    local prefix=${REGISTRY:+$REGISTRY/}
    put_setting LLMBATCH_VERSION "$VERSION"
    put_setting LLMBATCH_AIRFLOW_IMAGE "${prefix}llmbatch-airflow:$VERSION"
    put_setting LLMBATCH_RAY_IMAGE "${prefix}llmbatch-ray:$VERSION-$ACCELERATOR"
    put_setting COMPOSE_PROFILES "$(profiles)"
    [ -z "$REGISTRY" ] || put_setting LLMBATCH_REGISTRY "$REGISTRY"
    [ -z "$SSH_USER" ] || put_setting LLMBATCH_SSH_USER "$SSH_USER"
    [ -z "$REGION" ] || put_setting AWS_REGION "$REGION"
    put_missing AWS_REGION us-east-1
    put_missing LLMBATCH_BIND 127.0.0.1
    put_missing LLMBATCH_SECRETS ./secrets
    put_missing LLMBATCH_CONFIG_FILE ./config/config.yaml
    choose_store
    [ -z "$HEAD_IP" ] || choose_hosts
}

choose_store() {
    case $S3 in
    aws) put_setting S3_ENDPOINT_URL "" ;;
    ?*) put_setting S3_ENDPOINT_URL "$S3" ;;
    '')
        if own_store; then
            put_setting S3_ENDPOINT_URL "http://${HEAD_IP:-seaweedfs}:8333"
        fi
        ;;
    esac
}

choose_hosts() {
    local IFS=,
    put_setting LLMBATCH_HEAD_IP "$HEAD_IP"
    put_setting LLMBATCH_WORKERS "${WORKERS[*]-}"
    put_setting COMPOSE_FILE docker-compose.yaml:deploy/compose/multi-node.yaml
}

# own_store: whether SeaweedFS runs here: unless the operator has named a store
own_store() {
    [ -z "$S3" ] || return 1
    [ -z "${SETTINGS[COMPOSE_PROFILES]-}" ] || [[ ",${SETTINGS[COMPOSE_PROFILES]}," == *,s3,* ]]
}

# profiles: gpu or cpu for a worker on this machine, s3, and monitoring unless the operator took it out of .env
profiles() {
    local chosen=
    if [ "$ACCELERATOR" = cpu ]; then
        chosen=cpu
    elif [ "${MACHINE_GPUS[0]}" != 0 ]; then
        chosen=gpu
    fi
    if own_store; then chosen+=,s3; fi
    if [ -z "${SETTINGS[COMPOSE_PROFILES]-}" ] || [[ ",${SETTINGS[COMPOSE_PROFILES]}," == *,monitoring,* ]]; then
        chosen+=,monitoring
    fi
    printf '%s' "${chosen#,}"
}

# write_settings: change only the lines of the changed names; the file is for its owner alone
write_settings() {
    local name new=$ENV_FILE.new
    [ ${#CHANGED[@]} -gt 0 ] || return 0
    if [ "$DRY_RUN" = yes ]; then
        for name in "${CHANGED[@]}"; do say "+ in .env: $name=${SETTINGS[$name]}"; done
        return 0
    fi
    (
        umask 077
        { [ ! -e "$ENV_FILE" ] || cat "$ENV_FILE"; } >"$new"
        for name in "${CHANGED[@]}"; do
            replace_line "$new" "$name" "${SETTINGS[$name]}"
        done
        mv -f -- "$new" "$ENV_FILE"
    )
    say "  .env: ${CHANGED[*]}"
    CHANGED=()
}

replace_line() {
    awk -v name="$2" -v line="$2=$3" '
        index($0, name "=") == 1 { if (!done) print line; done = 1; next }
        { print }
        END { if (!done) print line }' "$1" >"$1.part"
    mv -f -- "$1.part" "$1"
}

# published ports of this machine; those of monitoring only with its profile
head_ports() {
    local ports="$GATEWAY_PORT $AIRFLOW_PORT 8265"
    [[ ",${SETTINGS[COMPOSE_PROFILES]-monitoring}," != *,monitoring,* ]] || ports+=" 9090 9093 3000"
    if [ -n "$HEAD_IP" ]; then
        ports+=" $HEAD_PORTS"
        if own_store; then ports+=" 8333"; fi
    fi
    printf '%s' "$ports"
}

# store_url: of a store that is not ours; empty for AWS
store_url() {
    case $S3 in
    aws) ;;
    ?*) printf '%s' "$S3" ;;
    '') setting_of S3_ENDPOINT_URL ;;
    esac
}

# names_to_resolve: hosts of the object store and of images
names_to_resolve() {
    local host names=
    if ! own_store; then
        host=$(store_url)
        host=${host#*://} host=${host%%/*}
        names=${host%:*}
        [ -n "$names" ] || names="s3.${REGION:-$(setting_of AWS_REGION us-east-1)}.amazonaws.com"
    fi
    case $REGISTRY in *.*/* | *:*/*) host=${REGISTRY%%/*} names+=" ${host%:*}" ;; esac
    printf '%s' "$names"
}

# address_of_ports: where this machine reaches what it publishes
address_of_ports() {
    local address
    address=$(setting_of LLMBATCH_BIND 127.0.0.1)
    case $address in 0.0.0.0 | ::) address=127.0.0.1 ;; esac
    printf '%s' "$address"
}
