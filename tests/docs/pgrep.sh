#!/bin/sh
# Stands in for pgrep while the pages are tested: finds what this page has started, and nothing else.
for id in $(PATH=${PATH#*:} pgrep "$@"); do
    if tr '\0' '\n' < "/proc/$id/environ" 2>/dev/null | grep -qx "TCP_CHAT_ADDR=$TCP_CHAT_ADDR"; then
        echo "$id"
    fi
done
