#!/bin/sh
# What the entrypoint of the official image does: defaults for the commands that a deployment uses.
command=$1
case "$command" in
    server) shift; exec /usr/bin/weed server -dir=/data -volume.max=0 -master.volumePreallocate -master.volumeSizeLimitMB=1024 "$@" ;;
    volume) shift; exec /usr/bin/weed volume -dir=/data -max=0 "$@" ;;
    master) shift; exec /usr/bin/weed master -mdir=/data -volumePreallocate -volumeSizeLimitMB=1024 "$@" ;;
    *) exec /usr/bin/weed "$@" ;;
esac
