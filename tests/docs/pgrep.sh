#!/bin/sh
# Stands in for pgrep while the pages are tested: finds what this page has started, and nothing else.
exec 2>/dev/null
for id in $(PATH=${PATH#*:} pgrep "$@"); do
    variables=$(tr '\0' '\n' <"/proc/$id/environ")
    case "$variables" in *"TCP_CHAT_ADDR=$TCP_CHAT_ADDR"*) echo "$id" ;; esac
done
