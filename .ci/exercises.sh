#!/usr/bin/env bash
# Proves both states of the exercises: as handed out, each of them fails since it is not solved; with
# the solutions, they get all points. And the grader finds the wrong answers of its tests.
set -euo pipefail
cd "$(dirname "$0")/.."

exercises() { cargo run --quiet --locked -p exercises -- "$@"; }
fail() { echo "exercises: $*" >&2; exit 1; }

cargo fmt -p exercises --check
cargo clippy --locked -p exercises --all-targets -- -D warnings
RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps -p exercises
cargo test --locked -p exercises

status=0
output=$(exercises) || status=$?
[ "$status" = 1 ] || fail "as handed out, the status is $status"
[ "$(grep -c ' fail: not solved yet: ' <<< "$output")" = 8 ] || fail "not all gaps are gaps: $output"
grep -qx 'total: 0 of 20 points' <<< "$output" || fail "points for nothing: $output"
for number in 1 2 3 4 5 6 7 8; do
    ! exercises "$number" > /dev/null || fail "$number passes as it is handed out"
    exercises --solutions "$number" > /dev/null || fail "the solution of $number fails"
done

output=$(exercises --solutions) || fail "the solutions fail: $output"
[ "$(grep -c '  pass$' <<< "$output")" = 8 ] || fail "not all solutions pass: $output"
grep -qx 'total: 20 of 20 points' <<< "$output" || fail "points are missing: $output"
echo "exercises: red as handed out, green when solved"
