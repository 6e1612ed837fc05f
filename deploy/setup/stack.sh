# shellcheck shell=bash
# The containers of this machine, by compose. The working folder is that of docker-compose.yaml.

POLL_SECONDS=5
READY_SECONDS=900

start_stack() {
    step "Services"
    run docker compose up --detach --remove-orphans
}

stop_stack() { run docker compose stop; }

gateway_url() { printf 'http://%s:%s' "$(address_of_ports)" "$GATEWAY_PORT"; }

airflow_url() { printf 'http://%s:%s' "$(address_of_ports)" "$AIRFLOW_PORT"; }

# gateway_says: its own report, which names the part that does not work
gateway_says() { curl --silent --max-time 10 "$(gateway_url)/health" || printf 'nothing'; }

gateway_is_ready() { curl --fail --silent --output /dev/null --max-time 10 "$(gateway_url)/health"; }

# wait_until SECONDS WHAT COMMAND…: poll; 1 after the time
wait_until() {
    local rounds=$(($1 / POLL_SECONDS)) what=$2
    shift 2
    if [ "$DRY_RUN" = yes ]; then
        say "+ wait until $what"
        return 0
    fi
    while ! "$@"; do
        [ $((rounds -= 1)) -gt 0 ] || return 1
        sleep "$POLL_SECONDS"
    done
    say "  $what"
}

wait_ready() {
    wait_until "$READY_SECONDS" "gateway, Airflow and store are ready" gateway_is_ready || {
        docker compose ps >&2 || true
        die "$(gateway_url)/health is not ready after $READY_SECONDS s; it says: $(gateway_says). Look at 'docker compose logs' of what is not healthy, there or above; then run the script again."
    }
    wait_until 300 "Ray has $(wanted_nodes) node(s) or more" ray_is_complete || {
        docker exec ray-head ray status >&2 || true
        die "Ray has $(ray_nodes) nodes, $(wanted_nodes) are expected. Look at 'docker logs' of the missing Ray container, and at the firewall (docs/deploy.md)."
    }
}

# ray_nodes: number of nodes that are alive
ray_nodes() {
    { docker exec ray-head ray status 2>/dev/null || true; } |
        awk '/^(Active|Idle):/ { on = 1; next } /^(Pending|Recent failures):/ { on = 0 } on && $1 ~ /^[0-9]+$/ { n += $1 } END { print n + 0 }'
}

# wanted_nodes: the head, the worker on it, and the workers
wanted_nodes() {
    local nodes=$((1 + ${#WORKERS[@]}))
    case ",$(setting_of COMPOSE_PROFILES)," in *,cpu,* | *,gpu,*) nodes=$((nodes + 1)) ;; esac
    printf '%s' "$nodes"
}

ray_is_complete() { [ "$(ray_nodes)" -ge "$(wanted_nodes)" ]; }

show_access() {
    step "Access"
    local address
    address=$(address_of_ports)
    say "  Airflow        $(airflow_url)           user admin"
    say "  HTTP API       $(gateway_url)/docs"
    say "  Ray dashboard  http://${HEAD_IP:-$address}:8265    token needed"
    if [[ ",$(setting_of COMPOSE_PROFILES)," == *,monitoring,* ]]; then
        say "  Prometheus     http://$address:9090"
        say "  Alertmanager   http://$address:9093"
        say "  Grafana        http://$address:3000           user admin"
    fi
    say "  passwords      $(secrets_folder)/airflow_admin_password, grafana_admin_password; Ray's token: ray_token"
    [ "$address" != 127.0.0.1 ] ||
        say "  From another machine: ssh -L 8080:127.0.0.1:8080 -L 8000:127.0.0.1:8000 $(hostname)"
}
