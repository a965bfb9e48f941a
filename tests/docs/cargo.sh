#!/bin/sh
# Stands in for cargo while the pages are tested: runs what is built already.
example=
while [ $# -gt 0 ]; do
    case "$1" in
        run | --release | --quiet | -q | --locked) ;;
        --example) example=$2; shift ;;
        --) shift; break ;;
        *) echo "cargo.sh: no answer to: $1"; exit 99 ;;
    esac
    shift
done
if [ -n "$example" ]; then
    exec "$EXAMPLES/$example" "${@:-$TCP_CHAT_ADDR}"
fi
exec tcp-chat "$@"
