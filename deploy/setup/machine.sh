# shellcheck shell=bash
# Checks of one machine. They change nothing, and run on the head and, over SSH, on each worker. Each prints lines of
# fields that tabs separate: PROBLEM what mend; NOTE text; FACT name value.
#
# The caller sets: ROLE (head, worker), ACCELERATOR (auto, cpu, gpu), PORTS and NAMES (lists), PROJECT (of compose).

MIN_FREE_GIB_CPU=20
MIN_FREE_GIB_GPU=50
MIN_FREE_GIB_AGAIN=5 # images are there already
MOST_USED_PERCENT=95 # above, Ray refuses work

problem() { printf 'PROBLEM\t%s\t%s\n' "$1" "$2"; }
note() { printf 'NOTE\t%s\n' "$1"; }
fact() { printf 'FACT\t%s\t%s\n' "$1" "$2"; }

machine_checks() {
    fact arch "$(uname -m)"
    fact time "$(date +%s)"
    check_programs
    check_engine
    check_gpus
    check_ports
    check_clock
    check_disk
    check_names
}

check_programs() {
    local program missing=
    for program in curl ss getent; do
        command -v "$program" >/dev/null || missing+=" $program"
    done
    [ -z "$missing" ] ||
        problem "programs are missing:$missing" "apt-get install curl iproute2 libc-bin, or your system's packages of them"
}

# own_ports: the ports that running containers of this deployment use; those of a container on the host's network are all
own_ports() {
    docker ps --filter "label=com.docker.compose.project=$PROJECT" --format '{{.Names}} {{.Ports}}' 2>/dev/null || true
}

check_ports() {
    command -v ss >/dev/null || return 0
    local listeners own port line
    listeners=$(ss -H -l -t -n -p 2>/dev/null) || return 0
    own=$(own_ports)
    for port in $PORTS; do
        line=$(awk -v end=":$port" '$4 ~ end "$" { print; exit }' <<<"$listeners")
        [ -n "$line" ] || continue
        is_own_port "$port" "$own" ||
            problem "port $port is in use$(by_whom "$line")" "stop what listens there (ss -ltnp | grep ':$port '), or move it to another port"
    done
}

# is_own_port PORT LINES_OF_OWN_PORTS: published by us, or of our Ray, which may be on the host's network
is_own_port() {
    [[ $2 == *":$1->"* ]] || { [[ " $RAY_PORTS " == *" $1 "* ]] && [[ $2 == *ray-* ]]; }
}

by_whom() {
    [[ $1 =~ users:\(\(\"([^\"]+)\",pid=([0-9]+) ]] && printf ' by %s (pid %s)' "${BASH_REMATCH[1]}" "${BASH_REMATCH[2]}"
    return 0
}

check_clock() {
    local answer
    if ! answer=$(timedatectl show --property=NTPSynchronized --value 2>/dev/null) || [ -z "$answer" ]; then
        note "timedatectl does not say whether the clock is synchronised: make sure that it is"
    elif [ "$answer" != yes ]; then
        problem "the clock is not synchronised" "timedatectl set-ntp true, or run chrony; then wait for 'timedatectl' to say yes"
    fi
}

check_disk() {
    local folder line free used wanted=$MIN_FREE_GIB_CPU
    folder=$(docker info --format '{{.DockerRootDir}}' 2>/dev/null) && [ -d "$folder" ] || folder=/
    line=$(df -P -k "$folder" | awk 'NR == 2 { print int($4 / 1048576), int($5) }')
    free=${line% *} used=${line#* }
    [ "$GPUS" = 0 ] || wanted=$MIN_FREE_GIB_GPU
    [ -z "$(own_ports)" ] || wanted=$MIN_FREE_GIB_AGAIN
    if [ "$free" -lt "$wanted" ]; then
        problem "$folder has $free GiB free; $wanted are needed" "free space (docker system df shows what Docker uses), or move Docker's data-root"
    elif [ "$used" -ge "$MOST_USED_PERCENT" ]; then
        problem "$folder is $used % full; Ray refuses work above $MOST_USED_PERCENT %" "free space, or move Docker's data-root"
    fi
}

check_names() {
    command -v getent >/dev/null || return 0
    local name
    for name in $NAMES; do
        getent ahosts "$name" >/dev/null 2>&1 ||
            problem "$name cannot be resolved" "correct the name (--s3, --registry, .env), or DNS in /etc/resolv.conf"
    done
}
