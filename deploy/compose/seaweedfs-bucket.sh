#!/bin/sh
# Make a bucket in the SeaweedFS of this network namespace, unless it is there: `seaweedfs-bucket.sh NAME`.
set -eu

shell() { weed shell -master=127.0.0.1:9333 2>&1; }

if echo s3.bucket.list | shell | grep -q "^  $1[[:space:]]"; then
    echo "bucket $1 is there"
    exit 0
fi
answer=$(echo "s3.bucket.create -name $1" | shell)
case "$answer" in
*"created bucket $1"*) echo "bucket $1 made" ;;
*)
    printf 'bucket %s was not made; SeaweedFS answers:\n%s\n' "$1" "$answer" >&2
    exit 1
    ;;
esac
