load machines

@test "--help explains every option, and needs nothing" {
    deploy --help
    [ "$status" = 0 ]
    for option in --status --restart --upgrade --uninstall --dry-run --cpu --gpu --s3 --region --registry --ssh-user \
        --drain-minutes --force --no-job --volumes --yes; do
        has "$option"
    done
    [ ! -s "$CALLS" ]
}

@test "wrong usage exits 2 and calls nothing" {
    for words in "--nonsense" "--upgrade" "--upgrade --yes" "--upgrade latest/../x" "--s3 ftp://x" "--drain-minutes soon" \
        "--ssh-user -oProxyCommand=x" "--status --restart" "--cpu --gpu" "--volumes" "--status 10.0.0.1" "10.0.0.1 10.0.0.1" \
        "10.0.0.1 -x" "10.0.0.1 a;b" "--region"; do
        # shellcheck disable=SC2086
        deploy $words
        [ "$status" = 2 ] || { echo "$words: $status: $output"; return 1; }
        has "--help"
    done
    [ ! -s "$CALLS" ]
}

@test "a second run waits for no other: it says that one is at work" {
    exec 8<"$CHECKOUT"
    flock 8
    deploy --cpu
    [ "$status" = 1 ]
    has "another run of this script is at work"
}

@test "variables of the caller's shell do not reach compose" {
    COMPOSE_PROFILES=other LLMBATCH_BIND=0.0.0.0 deploy --cpu
    [ "$status" = 0 ]
    not_called "variables of the caller"
    grep -x COMPOSE_PROFILES=cpu,s3,monitoring "$CHECKOUT/.env"
    grep -x LLMBATCH_BIND=127.0.0.1 "$CHECKOUT/.env"
}
