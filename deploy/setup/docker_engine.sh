# shellcheck shell=bash
# Docker's engine and compose. Also runs on workers.

MIN_ENGINE=20.10
MIN_COMPOSE=2.24

check_engine() {
    local engine compose
    if ! command -v docker >/dev/null; then
        problem "Docker is not installed" "install Docker Engine $MIN_ENGINE or later with its compose plugin: https://docs.docker.com/engine/install/"
        return 0
    fi
    if ! engine=$(docker version --format '{{.Server.Version}}' 2>&1); then
        case $engine in
        *[Pp]ermission\ denied*)
            problem "$(id -un) may not use Docker" "sudo usermod -aG docker $(id -un), then log in again; or run this as root"
            ;;
        *) problem "Docker's engine does not answer: $(last_line "$engine")" "sudo systemctl enable --now docker" ;;
        esac
    elif ! at_least "$(number_of "$engine")" "$MIN_ENGINE"; then
        problem "Docker's engine is $engine; $MIN_ENGINE or later is needed" "upgrade it: https://docs.docker.com/engine/install/"
    fi
    if ! compose=$(docker compose version --short 2>/dev/null); then
        problem "Docker has no compose plugin" "install docker-compose-plugin, $MIN_COMPOSE or later (docker-compose 1 does not do)"
    elif ! at_least "$(number_of "$compose")" "$MIN_COMPOSE"; then
        problem "docker compose is $compose; $MIN_COMPOSE or later is needed" "upgrade docker-compose-plugin"
    fi
}

last_line() { printf '%s' "${1##*$'\n'}"; }
