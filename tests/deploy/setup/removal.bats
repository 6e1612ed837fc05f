load machines

deployed() {
    machine 10.0.0.2
    nodes 3
    deploy 10.0.0.1 10.0.0.2
    [ "$status" = 0 ]
    : >"$CALLS"
}

@test "uninstall asks, and takes nothing but y for yes" {
    deployed
    deploy --uninstall
    [ "$status" = 1 ]
    has "Remove the containers of llmbatch here and on 10.0.0.2; data stays in its volumes? [y/N]"
    has "nothing was removed"
    not_called "compose"
    run bash "$CHECKOUT/deploy/setup_production.sh" --uninstall <<<"n"
    [ "$status" = 1 ]
    not_called "compose"
    run bash "$CHECKOUT/deploy/setup_production.sh" --uninstall <<<"y"
    [ "$status" = 0 ]
    called "here docker compose --profile * down --remove-orphans"
}

@test "uninstall keeps volumes, secrets and settings; the worker's copies of secrets go" {
    deployed
    deploy --uninstall --yes
    [ "$status" = 0 ]
    in_order "10.0.0.2 docker compose down --remove-orphans" "here docker compose --profile * down --remove-orphans"
    not_called "--volumes"
    [ -e "$CHECKOUT/.env" ]
    [ -e "$CHECKOUT/secrets/ray_token" ]
    [ ! -e "$MACHINES/10.0.0.2/home/llmbatch-worker/secrets" ]
}

@test "uninstall --volumes says that data goes" {
    deployed
    deploy --uninstall --volumes
    has "ALL DATA"
    [ "$status" = 1 ]
    deploy --uninstall --volumes --yes
    [ "$status" = 0 ]
    called "here docker compose --profile * down --remove-orphans --volumes"
    called "10.0.0.2 docker compose down --remove-orphans --volumes"
}

@test "a worker that cannot be reached does not keep the head from going" {
    deployed
    : >"$MACHINES/10.0.0.2/unreachable"
    deploy --uninstall --yes
    [ "$status" = 0 ]
    has "remove_worker failed on 10.0.0.2"
    has "by hand"
    called "here docker compose --profile * down"
}
