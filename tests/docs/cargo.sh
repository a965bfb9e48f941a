#!/bin/sh
# Stands in for cargo while the pages are tested: runs what is built already.
unset example
profile=debug
while [ $# -gt 0 ]; do
    case "$1" in
        --release) profile=release ;;
        run | --quiet | -q | --locked) ;;
        --example) example=$2; shift ;;
        --) shift; break ;;
        *) echo "cargo.sh: no answer to: $1"; exit 99 ;;
    esac
    shift
done
if [ -n "$example" ]; then
    exec "$BUILT/examples/$example" "$@"
fi
exec "target/$profile/tcp-chat" "$@"
