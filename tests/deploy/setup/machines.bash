# A checkout of its own for each test, and machines whose programs are fakes. Healthy, unless the test breaks them.

REPOSITORY=$(cd "$BATS_TEST_DIRNAME/../../.." && pwd)

setup() {
    export FAKES=$BATS_TEST_DIRNAME/fakes MACHINES=$BATS_TEST_TMPDIR/machines CALLS=$BATS_TEST_TMPDIR/calls
    export PATH=$FAKES:/usr/sbin:/usr/bin:/sbin:/bin
    CHECKOUT=$BATS_TEST_TMPDIR/checkout
    mkdir -p "$CHECKOUT/deploy" "$CHECKOUT/include/llmbatch" "$CHECKOUT/config"
    cp -r "$REPOSITORY/deploy/setup_production.sh" "$REPOSITORY/deploy/setup" "$CHECKOUT/deploy"
    mkdir "$CHECKOUT/deploy/compose"
    cp "$REPOSITORY/deploy/compose/worker.yaml" "$FAKES/make-secrets.sh" "$FAKES/make-metrics-key.sh" "$CHECKOUT/deploy/compose"
    touch "$CHECKOUT/deploy/compose/ray-start.sh" "$CHECKOUT/deploy/compose/ray_health.py"
    echo 'VERSION = "0.1.0"' >"$CHECKOUT/include/llmbatch/version.py"
    printf 'default_model: tiny\nengine:\n  accelerator: cpu\n' >"$CHECKOUT/config/config.yaml"
    : >"$CALLS"
    machine here
    export STATE=$MACHINES/here
    nodes 2
}

teardown() { chmod -R u+w "$BATS_TEST_TMPDIR"; }

# machine NAME: healthy, without GPU, with nothing on it
machine() {
    local folder=$MACHINES/$1
    mkdir -p "$folder/home"
    echo 28.2.2 >"$folder/engine"
    echo v2.40.3 >"$folder/compose"
    echo '{"nvidia":{},"runc":{}}' >"$folder/runtimes"
    echo 13.0 >"$folder/cuda"
    echo yes >"$folder/synchronised"
    echo x86_64 >"$folder/arch"
    echo 0 >"$folder/clock"
    echo '100 20' >"$folder/disk"
    : >"$folder/gpus" && : >"$folder/containers" && : >"$folder/images" && : >"$folder/listeners" && : >"$folder/unresolved"
    : >"$folder/ready" && : >"$folder/remaining" && : >"$folder/dump" && : >"$folder/resume" && : >"$folder/job"
    echo '{"access_token":"TOKEN"}' >"$folder/token"
}

# gpu MACHINE MIB…: GPUs of so much memory
gpu() {
    local folder=$MACHINES/$1 index=0
    shift
    for memory in "$@"; do
        echo "$index, NVIDIA Test, $memory" >>"$folder/gpus"
        index=$((index + 1))
    done
}

gpu_configuration() { sed -i 's/accelerator: cpu/accelerator: gpu/' "$CHECKOUT/config/config.yaml"; }

# nodes N: of Ray
nodes() {
    local node
    {
        echo "Active:"
        for ((node = 0; node < $1; node++)); do echo " 1 node_$node"; done
        printf 'Pending:\n (no pending nodes)\nRecent failures:\n (no failures)\n'
    } >"$MACHINES/here/ray"
}

listen() { echo "LISTEN 0 4096 0.0.0.0:$2 0.0.0.0:* users:((\"nginx\",pid=12,fd=6))" >>"$MACHINES/$1/listeners"; }

deploy() { run bash "$CHECKOUT/deploy/setup_production.sh" "$@" </dev/null; }

has() {
    [[ $output == *"$1"* ]] || {
        printf 'missing: %s\nin:\n%s\n' "$1" "$output"
        return 1
    }
}

hasnt() {
    [[ $output != *"$1"* ]] || {
        printf 'not expected: %s\nin:\n%s\n' "$1" "$output"
        return 1
    }
}

# called TEXT: some call of a program contains it
called() {
    grep -q -F -- "$1" "$CALLS" || {
        printf 'not called: %s\nbut:\n%s\n' "$1" "$(cat "$CALLS")"
        return 1
    }
}

not_called() {
    ! grep -F -- "$1" "$CALLS"
}

# in_order TEXT…: the first calls that contain them come in this order
in_order() {
    local text line last=0
    for text in "$@"; do
        line=$(awk -v text="$text" -v last="$last" 'NR > last && index($0, text) { print NR; exit }' "$CALLS")
        [ -n "$line" ] || {
            printf 'not called after line %s: %s\nin:\n%s\n' "$last" "$text" "$(cat "$CALLS")"
            return 1
        }
        last=$line
    done
}

# changes: the calls that change something
changes() { grep -E ' docker (build|pull|compose (up|down|stop|exec)|run|load|save)| make-' "$CALLS" || true; }
