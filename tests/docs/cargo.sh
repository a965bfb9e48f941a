#!/bin/sh
# Stands in for cargo while the pages are tested: runs what is built already.
unset example test
profile=debug
while [ $# -gt 0 ]; do
    case "$1" in
        --release) profile=release ;;
        run | test | --quiet | -q | --locked) ;;
        --example) example=$2; shift ;;
        --test) test=$2; filter=$3; shift 2 ;;
        --) shift; break ;;
        *) echo "cargo.sh: no answer to: $1"; exit 99 ;;
    esac
    shift
done
if [ -n "$example" ]; then
    exec "$BUILT/examples/$example" "${@:-$TCP_CHAT_ADDR}"
elif [ -n "$test" ]; then
    exec "$(ls -t "$BUILT/deps/$test"-* | grep -v '\.d$' | head -n 1)" "$filter" "$@"
fi
exec "target/$profile/tcp-chat" "$@"
