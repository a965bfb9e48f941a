#!/usr/bin/env bash
# Finds tests that pass only with luck: runs each test many times, one run at a time.
#
#   .ci/repeat.sh [-n TIMES] [-b TIMES] [-s SECONDS] NAME...
#
#   NAME        each test whose name contains this, such as restart::
#   -n TIMES    how many times each test runs alone (20)
#   -b TIMES    how many times each test then runs beside four busy loops (0)
#   -s SECONDS  no run begins after this time (3600)
#
# Prints one line for each test that fails, and keeps the output of its last failure in
# target/repeat. The status is 1 if a test fails. Ignored tests do not run.
set -euo pipefail
cd "$(dirname "$0")/.."

times=20 busy=0 seconds=3600
while getopts n:b:s: flag; do
    case $flag in
        n) times=$OPTARG ;;
        b) busy=$OPTARG ;;
        s) seconds=$OPTARG ;;
        *) exit 2 ;;
    esac
done
shift $((OPTIND - 1))
[ $# -gt 0 ] || { sed -n '4,9s/^# *//p' "$0" >&2; exit 2; }

loops=()
end_loops() { [ ${#loops[@]} = 0 ] || kill "${loops[@]}" 2> /dev/null || true; loops=(); }
output=target/repeat/output-$$
trap 'end_loops; rm -f "$output"' EXIT
trap 'exit 130' INT TERM HUP

build=$(cargo test --locked --no-run 2>&1) || { echo "$build" >&2; exit 1; }
tests=()
for binary in $(sed -n 's/^ *Executable .*(\(.*\))$/\1/p' <<< "$build"); do
    list() { "$binary" --list --format terse "$@" | sed -n 's/: test$//p' | sort; }
    for name in $(comm -23 <(list) <(list --ignored)); do
        for part in "$@"; do
            case $name in *"$part"*) tests+=("$binary=$name"); break ;; esac
        done
    done
done
[ ${#tests[@]} -gt 0 ] || { echo "no test has such a name" >&2; exit 2; }

mkdir -p target/repeat
SECONDS=0 runs=0 failing=0
repeat() { # repeat TIMES HOW: prints a line for each test that fails
    local test name log run failed
    for test in "${tests[@]}"; do
        name=${test#*=} failed=0
        log=target/repeat/${name##*:}.log
        for ((run = 0; run < $1 && SECONDS < seconds; run++)); do
            runs=$((runs + 1))
            timeout 600 "${test%%=*}" --exact "$name" > "$output" 2>&1 && continue
            failed=$((failed + 1))
            mv "$output" "$log"
        done
        [ $failed = 0 ] && continue
        failing=$((failing + 1))
        echo "$name failed $failed of $run times $2; see $log"
    done
}

repeat "$times" "alone"
if [ "$busy" -gt 0 ]; then
    for _ in 1 2 3 4; do
        # The limit ends a loop even if this script is killed.
        timeout $((seconds + 600)) bash -c 'while :; do :; done' &
        loops+=($!)
    done
    repeat "$busy" "beside four busy loops"
fi
echo "tests: ${#tests[@]}, runs: $runs of $(((times + busy) * ${#tests[@]})), failing: $failing, seconds: $SECONDS"
[ $failing = 0 ]
