# shellcheck shell=bash
# shellcheck disable=SC2034 # variables that other parts read
# The command line.

ACTION=deploy
DRY_RUN=no
ASSUME_YES=no
ACCELERATOR=auto
WANTED_VERSION=
WITH_VOLUMES=no
WITH_JOB=yes
FORCE=no
DRAIN_MINUTES=30
SSH_USER=
S3=
REGION=
REGISTRY=
HEAD_IP=
WORKERS=()

usage() {
    cat <<'TEXT'
deploy/setup_production.sh [OPTIONS]                       deploy on this machine
deploy/setup_production.sh [OPTIONS] HEAD_IP [WORKER_IP…]  this machine is the head; workers are joined over SSH

It checks the machines and reports all problems at once, makes what is missing (secrets, .env, images), starts the
services and runs a small job. Run it again at any time: what is there stays. Later calls remember the hosts.

Actions:
  --status             report services, cluster and workers; 1 if something is wrong
  --restart            drain, restart all services, continue the jobs
  --upgrade VERSION    drain, start the images of another version, continue the jobs; keeps a copy of .env
  --uninstall          remove the containers; data stays unless --volumes
  --help               this text

Options:
  --dry-run            check, then print each command that would run; change nothing
  --cpu                run engines on CPUs although there is a GPU (without a GPU that is the default)
  --gpu                fail if there is no usable GPU
  --s3 URL|aws         your object store; by default SeaweedFS runs on this machine. Its keys: docs/deploy.md
  --region REGION      region of the object store (default: us-east-1)
  --registry PREFIX    pull images PREFIX/llmbatch-airflow and PREFIX/llmbatch-ray instead of building them here
  --ssh-user USER      user on the workers (default: as ~/.ssh/config says)
  --drain-minutes N    how long --restart and --upgrade wait for running jobs (default: 30)
  --force              --restart and --upgrade without a drain; rows in flight run again
  --no-job             do not run the small job at the end
  --volumes            with --uninstall: remove data, too
  --yes                do not ask

Exit codes: 0 done, 1 something is wrong, 2 wrong usage.
TEXT
}

read_options() {
    local value hosts=()
    while [ $# -gt 0 ]; do
        case $1 in
        --help | -h)
            usage
            exit 0
            ;;
        --status) action status ;;
        --restart) action restart ;;
        --uninstall) action uninstall ;;
        --upgrade)
            action upgrade
            WANTED_VERSION=$(value_of "$@")
            shift
            ;;
        --dry-run) DRY_RUN=yes ;;
        --cpu) accelerator cpu ;;
        --gpu) accelerator gpu ;;
        --force) FORCE=yes ;;
        --no-job) WITH_JOB=no ;;
        --volumes) WITH_VOLUMES=yes ;;
        --yes) ASSUME_YES=yes ;;
        --s3 | --region | --registry | --ssh-user | --drain-minutes)
            value=$(value_of "$@")
            setting "$1" "$value"
            shift
            ;;
        -*) wrong_usage "unknown option $1" ;;
        *) hosts+=("$1") ;;
        esac
        shift
    done
    take_hosts ${hosts[@]+"${hosts[@]}"}
    check_options
}

wrong_usage() { die "$1. Run deploy/setup_production.sh --help." 2; }

action() {
    [ "$ACTION" = deploy ] || wrong_usage "--$ACTION and --$1 exclude each other"
    ACTION=$1
}

accelerator() {
    [ "$ACCELERATOR" = auto ] || [ "$ACCELERATOR" = "$1" ] || wrong_usage "--cpu and --gpu exclude each other"
    ACCELERATOR=$1
}

# value_of OPTION VALUE…: the value, which must not be another option
value_of() {
    case ${2:-} in '' | -*) wrong_usage "$1 needs a value" ;; esac
    printf '%s' "$2"
}

setting() {
    case $1 in
    --s3) S3=$2 ;;
    --region) REGION=$2 ;;
    --registry) REGISTRY=${2%/} ;;
    --ssh-user) SSH_USER=$2 ;;
    --drain-minutes) DRAIN_MINUTES=$2 ;;
    esac
}

# take_hosts [HEAD [WORKER…]]
take_hosts() {
    [ $# -gt 0 ] || return 0
    [ "$ACTION" = deploy ] || wrong_usage "--$ACTION takes no hosts: it uses those of the deployment"
    local host seen=' '
    for host in "$@"; do
        [[ $host =~ ^[A-Za-z0-9][A-Za-z0-9.:-]*$ ]] || wrong_usage "'$host' is not an address"
        [[ $seen != *" $host "* ]] || wrong_usage "$host is given twice; the head is not a worker of its own"
        seen+="$host "
    done
    HEAD_IP=$1
    shift
    WORKERS=("$@")
}

check_options() {
    [[ $DRAIN_MINUTES =~ ^[0-9]{1,4}$ ]] || wrong_usage "--drain-minutes needs a number of minutes"
    [[ $SSH_USER =~ ^([A-Za-z_][A-Za-z0-9_.-]*)?$ ]] || wrong_usage "--ssh-user '$SSH_USER' is not a user name"
    [[ $REGION =~ ^[a-z0-9-]*$ ]] || wrong_usage "--region '$REGION' is not a region"
    [[ $REGISTRY =~ ^[A-Za-z0-9._:/-]*$ ]] || wrong_usage "--registry '$REGISTRY' is not an address of images"
    [[ $S3 =~ ^(aws|https?://[A-Za-z0-9._:/-]+)?$ ]] || wrong_usage "--s3 takes an http or https address, or aws"
    [[ $WANTED_VERSION =~ ^([0-9]+(\.[0-9]+)*([A-Za-z0-9.-]*))?$ ]] || wrong_usage "'$WANTED_VERSION' is not a version"
    [ "$WITH_VOLUMES" = no ] || [ "$ACTION" = uninstall ] || wrong_usage "--volumes belongs to --uninstall"
}
