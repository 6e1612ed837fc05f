load machines

# refuses WHAT MEND: the checks fail with this, and nothing is changed
refuses() {
    [ "$status" = 1 ]
    has "$1"
    has "-> $2"
    has "nothing was changed"
    [ -z "$(changes)" ]
    [ ! -e "$CHECKOUT/.env" ]
}

# without PROGRAM: a PATH that lacks it
without() {
    local program
    mkdir "$BATS_TEST_TMPDIR/bin"
    for program in awk bash cat cut dirname env flock git grep head id mkdir mv readlink rm sed sh sort stat tail tr; do
        ln -s "$(command -v "$program")" "$BATS_TEST_TMPDIR/bin/"
    done
    ln -s "$FAKES"/* "$BATS_TEST_TMPDIR/bin/"
    rm "$BATS_TEST_TMPDIR/bin/$1"
    PATH=$BATS_TEST_TMPDIR/bin deploy --cpu
}

@test "a healthy machine passes" {
    deploy --dry-run
    [ "$status" = 0 ]
    has "all checks passed"
}

@test "no Docker" {
    without docker
    refuses "Docker is not installed" "install Docker Engine"
}

@test "no curl" {
    without curl
    refuses "programs are missing: curl" "apt-get install"
}

@test "the engine does not run" {
    echo "Cannot connect to the Docker daemon" >"$STATE/engine-error"
    deploy
    refuses "engine does not answer: Cannot connect" "sudo systemctl enable --now docker"
}

@test "the user may not use Docker" {
    echo "permission denied while trying to connect to the Docker daemon socket" >"$STATE/engine-error"
    deploy
    refuses "may not use Docker" "sudo usermod -aG docker"
}

@test "an old engine" {
    echo 19.03.15 >"$STATE/engine"
    deploy
    refuses "engine is 19.03.15; 20.10" "upgrade it"
}

@test "no compose plugin" {
    rm "$STATE/compose"
    deploy
    refuses "no compose plugin" "install docker-compose-plugin"
}

@test "an old compose plugin" {
    echo 2.9.1 >"$STATE/compose"
    deploy
    refuses "compose is 2.9.1; 2.24" "upgrade docker-compose-plugin"
}

@test "no GPU: CPUs, and it says so" {
    deploy --dry-run
    has "there is no GPU: engines run on CPUs, as with --cpu"
    has "llmbatch-ray:0.1.0-cpu"
}

@test "--gpu without a GPU" {
    deploy --gpu
    refuses "none has a usable GPU" "install the NVIDIA driver"
}

@test "--cpu does not look at GPUs" {
    gpu here 8000
    echo 11.0 >"$STATE/cuda"
    deploy --cpu --dry-run
    [ "$status" = 0 ]
    not_called nvidia-smi
}

@test "a good GPU is used, and the image for GPUs is made" {
    gpu here 81559 15109
    gpu_configuration
    deploy --dry-run
    [ "$status" = 0 ]
    has "engines run on GPUs: 2"
    has "COMPOSE_PROFILES=gpu,s3,monitoring"
    has "LOCK=ray-gpu"
}

@test "a GPU that is too small" {
    gpu here 81559 8192
    gpu_configuration
    deploy
    refuses "GPU 1 (NVIDIA Test) has 8192 MiB; 16 GB are needed" "use a larger GPU"
    hasnt "GPU 0 ("
}

@test "an old CUDA" {
    gpu here 81559
    gpu_configuration
    echo 12.8 >"$STATE/cuda"
    deploy
    refuses "has CUDA 12.8; 13.0 or later" "upgrade the driver to 580"
}

@test "a driver that fails" {
    echo "Failed to initialize NVML: Driver/library version mismatch" >"$STATE/nvidia-error"
    deploy
    refuses "nvidia-smi fails: Failed to initialize NVML" "repair the NVIDIA driver"
}

@test "no NVIDIA runtime in Docker" {
    gpu here 81559
    gpu_configuration
    echo '{"runc":{}}' >"$STATE/runtimes"
    deploy
    refuses "Docker has no NVIDIA runtime" "install nvidia-container-toolkit"
}

@test "GPUs, but a configuration for CPUs" {
    gpu here 81559
    deploy
    refuses "config.yaml does not run engines on GPUs" "set engine.accelerator: gpu"
}

@test "CPUs, but a configuration for GPUs" {
    gpu_configuration
    deploy
    refuses "runs engines on GPUs, and no machine has one" "set engine.accelerator: cpu"
}

@test "every published port that is taken is named, with who has it" {
    for port in 8000 8080 8265 9090 9093 3000; do listen here "$port"; done
    listen here 18080
    deploy
    for port in 8000 8080 8265 9090 9093 3000; do
        refuses "port $port is in use by nginx (pid 12)" "stop what listens there"
    done
    hasnt 18080
    hasnt 6379
}

@test "as a head of others, Ray's ports must be free, too" {
    machine 10.0.0.2
    listen here 6379
    listen 10.0.0.2 8076
    deploy 10.0.0.1 10.0.0.2
    refuses "this machine: port 6379 is in use" "stop what"
    refuses "10.0.0.2: port 8076 is in use" "stop what"
}

@test "the clock is not synchronised" {
    echo no >"$STATE/synchronised"
    deploy
    refuses "the clock is not synchronised" "timedatectl set-ntp true"
}

@test "a machine without timedatectl's answer gets a note" {
    rm "$STATE/synchronised"
    deploy --dry-run
    [ "$status" = 0 ]
    has "does not say whether the clock is synchronised"
}

@test "too little disk, more for GPUs" {
    echo '19 20' >"$STATE/disk"
    deploy
    refuses "has 19 GiB free; 20 are needed" "free space"
    gpu here 81559
    gpu_configuration
    echo '49 20' >"$STATE/disk"
    deploy
    refuses "has 49 GiB free; 50 are needed" "free space"
}

@test "a full disk" {
    echo '100 96' >"$STATE/disk"
    deploy
    refuses "is 96 % full" "free space"
}

@test "a name that cannot be resolved" {
    printf 's3.example.com\nregistry.example.com\n' >"$STATE/unresolved"
    deploy --s3 https://s3.example.com:9000/ --registry registry.example.com:5000/team
    refuses "s3.example.com cannot be resolved" "correct the name"
    refuses "registry.example.com cannot be resolved" "correct the name"
}

@test "the name of AWS's store is that of the region" {
    echo s3.eu-north-1.amazonaws.com >"$STATE/unresolved"
    deploy --s3 aws --region eu-north-1
    refuses "s3.eu-north-1.amazonaws.com cannot be resolved" "correct the name"
}

@test "another store needs its keys" {
    deploy --s3 https://s3.example.com
    refuses "has no keys of the object store: airflow_s3.credentials ray_s3.credentials" "write them"
}

@test "the head's address is not of this machine" {
    deploy 10.0.0.9
    refuses "10.0.0.9 is no address of this machine" "run the script on the head"
}

@test "a worker cannot be reached" {
    machine 10.0.0.2
    : >"$MACHINES/10.0.0.2/unreachable"
    deploy 10.0.0.1 10.0.0.2
    refuses "10.0.0.2: cannot be used over SSH: 10.0.0.2: Permission denied (publickey)." "make 'ssh 10.0.0.2 true' work"
}

@test "a worker's clock is off, ahead or behind" {
    machine 10.0.0.2
    for offset in 60 -60; do
        echo $offset >"$MACHINES/10.0.0.2/clock"
        deploy 10.0.0.1 10.0.0.2
        refuses "10.0.0.2: its clock differs from this machine's by" "synchronise both"
    done
}

@test "a worker of another architecture" {
    machine 10.0.0.2
    echo aarch64 >"$MACHINES/10.0.0.2/arch"
    deploy 10.0.0.1 10.0.0.2
    refuses "10.0.0.2: it is a aarch64 machine" "use machines of one architecture"
}

@test "all problems of all machines are reported at once" {
    machine 10.0.0.2 && machine 10.0.0.3
    rm "$STATE/compose"
    listen here 8080
    echo no >"$MACHINES/10.0.0.2/synchronised"
    echo 19.03.15 >"$MACHINES/10.0.0.2/engine"
    : >"$MACHINES/10.0.0.3/unreachable"
    deploy 10.0.0.1 10.0.0.2 10.0.0.3
    refuses "this machine: Docker has no compose plugin" "install"
    refuses "this machine: port 8080 is in use" "stop"
    refuses "10.0.0.2: the clock is not synchronised" "timedatectl"
    refuses "10.0.0.2: Docker's engine is 19.03.15" "upgrade"
    refuses "10.0.0.3: cannot be used over SSH" "make"
    has "5 problem(s)"
}
