#!/usr/bin/env bash
# Deploys llmbatch with Docker: on this machine, or with this machine as the head and workers that are joined over SSH.
# docs/deploy.md describes it, --help lists the options, setup/*.sh are its parts.
set -Eeuo pipefail
export LC_ALL=C

HERE=$(CDPATH='' cd -- "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")" && pwd)
ROOT=$(dirname -- "$HERE")
cd -- "$ROOT"

for part in output version options settings machine docker_engine gpus checks secrets images stack service worker \
    deployment change removal; do
    # shellcheck source=/dev/null
    . "$HERE/setup/$part.sh"
done

read_options "$@"
forget_callers_settings
one_at_a_time
case $ACTION in
deploy) deploy ;;
status) show_status ;;
restart) restart ;;
upgrade) upgrade ;;
uninstall) uninstall ;;
esac
