# shellcheck shell=bash
# shellcheck disable=SC2034 # variables that other parts read
# The checks before a deployment: of this machine, of each worker, and of all together. All problems are reported at once.

MOST_CLOCK_DIFFERENCE=5 # seconds

PROBLEMS=()      # "HOST what" and "mend", one after the other
MACHINE_GPUS=()  # of the head, then of each worker
MACHINE_PARTS=(version docker_engine gpus machine)

# check_machines: sets ACCELERATOR to cpu or gpu, or ends with the list of all problems
check_machines() {
    step "Checks"
    PROBLEMS=() MACHINE_GPUS=()
    check_head
    local worker
    for worker in ${WORKERS[@]+"${WORKERS[@]}"}; do
        check_worker "$worker"
    done
    choose_accelerator
    check_settings
    report_problems
}

check_head() {
    local found
    found=$(
        ROLE=head PORTS=$(head_ports) NAMES=$(names_to_resolve) PROJECT=$HEAD_PROJECT
        machine_checks
    )
    take_findings "this machine" "$found"
    HEAD_ARCH=$(fact_of arch "$found")
    [ -z "$HEAD_IP" ] || check_head_address
}

check_head_address() {
    case $HEAD_IP in
    127.* | ::1 | localhost)
        [ ${#WORKERS[@]} = 0 ] ||
            found_problem "this machine" "$HEAD_IP is an address that workers cannot reach" "give the address of this machine in the network of the workers"
        ;;
    esac
    if ! ip -o address show 2>/dev/null | awk '{ sub("/.*", "", $4); print $4 }' | grep -q -x -F -- "$HEAD_IP"; then
        found_problem "this machine" "$HEAD_IP is no address of this machine" "run the script on the head, and give the head's address first (ip -br address)"
    fi
}

check_worker() {
    local worker=$1 found before after time arch
    before=$(date +%s)
    if ! found=$(worker_checks_script | on_worker "$worker" "bash -s" 2>&1); then
        found_problem "$worker" "cannot be used over SSH: $(last_line "$found")" \
            "make '$(ssh_shown "$worker") true' work without a question: start sshd there, compare and accept its host key once, ssh-copy-id"
        MACHINE_GPUS+=(0)
        return 0
    fi
    after=$(date +%s)
    take_findings "$worker" "$found"
    time=$(fact_of time "$found") arch=$(fact_of arch "$found")
    if [ "$time" -lt $((before - MOST_CLOCK_DIFFERENCE)) ] || [ "$time" -gt $((after + MOST_CLOCK_DIFFERENCE)) ]; then
        found_problem "$worker" "its clock differs from this machine's by $((time - before)) s" "synchronise both: timedatectl set-ntp true, or chrony"
    fi
    [ "$arch" = "$HEAD_ARCH" ] ||
        found_problem "$worker" "it is a $arch machine, this one is $HEAD_ARCH; they need the same image" "use machines of one architecture"
}

# worker_checks_script: what a worker runs to check itself; it comes over standard input and is kept nowhere
worker_checks_script() {
    local part name
    printf 'set -uo pipefail\nexport LC_ALL=C\n'
    for part in "${MACHINE_PARTS[@]}"; do
        cat "$HERE/setup/$part.sh"
    done
    local ROLE=worker PORTS=$WORKER_PORTS NAMES PROJECT=$WORKER_PROJECT
    NAMES=$(names_to_resolve)
    for name in ROLE ACCELERATOR PORTS NAMES PROJECT RAY_PORTS; do
        printf '%s=%q\n' "$name" "${!name}"
    done
    printf 'machine_checks\n'
}

# take_findings HOST LINES: say the notes, keep problems and the number of GPUs
take_findings() {
    local kind first second
    while IFS=$'\t' read -r kind first second; do
        case $kind in
        PROBLEM) found_problem "$1" "$first" "$second" ;;
        NOTE) say "  $1: $first" ;;
        esac
    done <<<"$2"
    MACHINE_GPUS+=("$(fact_of gpus "$2")")
}

fact_of() { awk -F '\t' -v name="$1" '$1 == "FACT" && $2 == name { print $3 }' <<<"$2"; }

found_problem() { PROBLEMS+=("$1: $2" "$3"); }

# choose_accelerator: GPUs if any machine has one
choose_accelerator() {
    local gpus total=0
    for gpus in "${MACHINE_GPUS[@]}"; do
        total=$((total + gpus))
    done
    if [ "$total" -gt 0 ]; then
        ACCELERATOR=gpu
        say "  engines run on GPUs: $total"
        return 0
    fi
    [ "$ACCELERATOR" != gpu ] || found_problem "all machines" "none has a usable GPU, and --gpu wants one" \
        "install the NVIDIA driver (nvidia-smi must list the GPU), or leave --gpu out"
    [ "$ACCELERATOR" = cpu ] || say "  there is no GPU: engines run on CPUs, as with --cpu"
    ACCELERATOR=cpu
}

# check_settings: the configuration must ask for the engines that the machines have
check_settings() {
    local file
    file=$(setting_of LLMBATCH_CONFIG_FILE ./config/config.yaml)
    if [ ! -r "$file" ]; then
        found_problem "this machine" "$file, the configuration of jobs, is not readable" "correct LLMBATCH_CONFIG_FILE in .env"
    elif [ "$ACCELERATOR" = gpu ] && ! grep -q -E '^ +accelerator: *gpu( |$)' "$file"; then
        found_problem "this machine" "$file does not run engines on GPUs" "set engine.accelerator: gpu and a default_model there (docs/gpus.md), or use --cpu"
    elif [ "$ACCELERATOR" = cpu ] && grep -q -E '^ +accelerator: *gpu( |$)' "$file"; then
        found_problem "this machine" "$file runs engines on GPUs, and no machine has one" "set engine.accelerator: cpu there, or add a worker with a GPU"
    fi
    check_s3_keys
}

report_problems() {
    local index count=$((${#PROBLEMS[@]} / 2))
    if [ "$count" = 0 ]; then
        say "  all checks passed"
        return 0
    fi
    {
        printf '\n%s problem(s):\n' "$count"
        for ((index = 0; index < ${#PROBLEMS[@]}; index += 2)); do
            printf '  %s\n      -> %s\n' "${PROBLEMS[index]}" "${PROBLEMS[index + 1]}"
        done
    } >&2
    [ "$DRY_RUN" = yes ] || die "nothing was changed. Mend these, then run the script again."
    CHECKS_FAILED=yes
}

CHECKS_FAILED=no
HEAD_ARCH=
