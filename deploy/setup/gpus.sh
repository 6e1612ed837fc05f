# shellcheck shell=bash
# GPUs of NVIDIA: driver, memory, Docker's runtime. Also runs on workers.

MIN_CUDA=13.0 # of the PyTorch in requirements/ray-gpu.lock
MIN_DRIVER=580
MIN_GPU_MIB=15000 # cards of 16 GB report 15,109 to 16,384 MiB

GPUS=0

# check_gpus: sets GPUS to the number that engines will use, and checks them unless ACCELERATOR is cpu
check_gpus() {
    local listed
    if [ "$ACCELERATOR" = cpu ]; then
        note "engines run on CPUs (--cpu)"
    elif ! command -v nvidia-smi >/dev/null; then
        no_gpu "there is no nvidia-smi"
    elif ! listed=$(nvidia-smi --list-gpus 2>&1); then
        problem "nvidia-smi fails: $(last_line "$listed")" "repair the NVIDIA driver (often: restart after its upgrade), or use --cpu"
    else
        GPUS=$(grep -c '^GPU ' <<<"$listed") || true
        if [ "$GPUS" = 0 ]; then
            no_gpu "nvidia-smi lists no GPU"
        else
            note "$GPUS GPU(s): $(sed -n '1s/^GPU 0: \(.*\) (UUID.*/\1/p' <<<"$listed")"
            check_cuda
            check_gpu_memory
            check_runtime
        fi
    fi
    fact gpus "$GPUS"
}

no_gpu() { note "$1: no engine of this machine runs on a GPU"; }

check_cuda() {
    local version
    version=$(nvidia-smi 2>/dev/null | sed -n 's/.*CUDA Version: *\([0-9.]*\).*/\1/p')
    if [ -z "$version" ]; then
        problem "nvidia-smi does not name a CUDA version" "upgrade the NVIDIA driver to $MIN_DRIVER or later, which has CUDA $MIN_CUDA"
    elif ! at_least "$version" "$MIN_CUDA"; then
        problem "the NVIDIA driver has CUDA $version; $MIN_CUDA or later is needed" "upgrade the driver to $MIN_DRIVER or later: the pinned vLLM is built for CUDA $MIN_CUDA"
    fi
}

check_gpu_memory() {
    local index name memory
    while IFS=, read -r index name memory; do
        memory=${memory// /}
        if ! [[ $memory =~ ^[0-9]+$ ]] || [ "$memory" -lt "$MIN_GPU_MIB" ]; then
            problem "GPU $index ($(trimmed "$name")) has $memory MiB; 16 GB are needed" "use a larger GPU, or --cpu"
        fi
    done < <(nvidia-smi --query-gpu=index,name,memory.total --format=csv,noheader,nounits)
}

check_runtime() {
    local runtimes
    runtimes=$(docker info --format '{{json .Runtimes}}' 2>/dev/null) || return 0 # reported by check_engine
    [[ $runtimes == *'"nvidia"'* ]] ||
        problem "Docker has no NVIDIA runtime" "install nvidia-container-toolkit; sudo nvidia-ctk runtime configure --runtime=docker; sudo systemctl restart docker"
}

trimmed() {
    local text=${1#"${1%%[! ]*}"}
    printf '%s' "$text"
}
