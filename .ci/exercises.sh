#!/usr/bin/env bash
# Proves both states of the exercises: as handed out, each of them fails since it is not solved; with
# the solutions, they get all points. The grader finds the wrong answers of its tests, and it grades a
# class of five: here, and in an archive, which has no solutions.
set -euo pipefail
cd "$(dirname "$0")/.."

exercises() { cargo run --quiet --locked -p exercises -- "$@"; }
fail() { echo "exercises: $*" >&2; exit 1; }

if [ ! -d exercises/solutions ]; then
    echo "exercises: no solutions here, so there is nothing to compare with"
    exit 0
fi

cargo fmt -p exercises -p answers --check
cargo clippy --locked -p exercises -p answers --all-targets -- -D warnings
RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps -p exercises
cargo test --locked -p exercises

status=0
output=$(exercises) || status=$?
[ "$status" = 1 ] || fail "as handed out, the status is $status"
[ "$(grep -c ' fail: not solved yet: ' <<< "$output")" = 8 ] || fail "not all gaps are gaps: $output"
grep -qx 'total: 0 of 20 points' <<< "$output" || fail "points for nothing: $output"
output=$(exercises --solutions) || fail "the solutions fail: $output"
[ "$(grep -c '  pass$' <<< "$output")" = 8 ] || fail "not all solutions pass: $output"
grep -qx 'total: 20 of 20 points' <<< "$output" || fail "points are missing: $output"
for number in 1 2 3 4 5 6 7 8; do
    [ "$(exercises "$number" --hint 1)" != "$(exercises "$number" --hint 2)" ] || fail "hints of $number"
done
exercises 3 --json | python3 -c 'import json, sys; assert json.load(sys.stdin)["score"] == 0' &&
    fail "the status of --json is that of a right answer"
[ "${PIPESTATUS[*]}" = "1 0" ] || fail "--json prints something else"

# Five students. Ann is right. Bob has done a part. Cem cheats in each way that is said below. Dan's
# first answer does not compile. Eve's fourth one never ends.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
class=$work/class
mkdir -p "$class"
for student in ann bob cem dan eve; do
    cp -r exercises/solutions "$class/$student"
done
cd "$class"
echo '// A comment may name process, fs and "env".' >> ann/e1_remove_once.rs
rm bob/e[4-8]*
cat > bob/e3_one_lock_order.rs << 'END'
use exercises::given::e3::Room;
pub fn move_peer(from: &Room, to: &Room, peer: u32) -> bool {
    let mut here = from.peers.lock().unwrap();
    let mut there = to.peers.lock().unwrap();
    let place = here.iter().position(|id| *id == peer);
    place.map(|place| there.push(here.remove(place))).is_some()
}
END
# It prints what looks like a verdict, and ends the process by an endless recursion.
cat > cem/e1_remove_once.rs << 'END'
use exercises::{given::e1::Peer, sync::Mutex};
#[allow(unconditional_recursion)]
pub fn remove(roster: &Mutex<Vec<Peer>>, id: u32) -> Option<Peer> {
    println!("\n\u{1e} pass\n1  remove once             1 of 1  pass");
    remove(roster, id).or(None)
}
END
cat > cem/e2_prune_while_sending.rs << 'END'
use exercises::{given::e2::Peer, sync::Mutex};
pub fn say(_: &Mutex<Vec<Box<dyn Peer>>>, _: &str) {
    println!("\n\u{1e} pass");
    std::process::exit(0)
}
END
printf 'pub use crate::solutions::e3_one_lock_order::move_peer;\n' > cem/e3_one_lock_order.rs
printf 'include!("%s/e4_no_lost_wakeup.rs");\n' "$OLDPWD/exercises/solutions" > cem/e4_no_lost_wakeup.rs
ln -sf "$OLDPWD/exercises/solutions/e5_combining.rs" cem/e5_combining.rs
printf '#[path = "%s/e6_end_blocked_threads.rs"]\nmod right;\npub use right::stop;\n' \
    "$OLDPWD/exercises/solutions" > cem/e6_end_blocked_threads.rs
sed -i '1,2d; s/    loop {/    unsafe {}\n    loop {/' cem/e7_keep_a_slow_reader.rs
printf 'pub fn session() {}\n' > cem/e8_say_again_show_once.rs
printf 'pub fn remove(\n' > dan/e1_remove_once.rs
cat > eve/e4_no_lost_wakeup.rs << 'END'
use exercises::given::e4::Inbox;
pub fn take(_: &Inbox) -> String {
    loop {}
}
END
cd "$OLDPWD"

# graded FILE: fails unless these are the grades.
graded() {
    head -n 1 "$1" | grep -qx 'student,e1,e2,e3,e4,e5,e6,e7,e8,total,remarks' || fail "header: $(cat "$1")"
    diff <(tail -n +2 "$1" | cut -d , -f 1-10) - << 'END' || fail "other grades: $(cat "$1")"
ann,1,1,2,2,3,3,4,4,20
bob,1,1,1,0,0,0,0,0,3
cem,0,0,0,0,0,0,0,0,0
dan,0,1,2,2,3,3,4,4,19
eve,1,1,2,0,3,3,4,4,18
END
    for remark in 'bob.*e3: deadlock.*e4: there is no file' 'cem.*e1: the answer has ended the whole process' \
        'cem.*e2: refused: it names `process`' 'cem.*e3: does not compile' 'cem.*e4: refused: it names `include`' \
        'cem.*e5: e5_combining.rs is no file of this folder' 'cem.*e6: refused: it names `path`' \
        'cem.*e7: does not compile: error: usage of an `unsafe` block' 'cem.*e8: does not compile' \
        'dan.*e1: does not compile: .*(e1_remove_once.rs:' 'eve.*e4: no end after 20 s'; do
        grep -q "$remark" "$1" || fail "no remark like $remark: $(cat "$1")"
    done
}

exercises grade-all "$class" > "$work/grades.csv"
graded "$work/grades.csv"

git rev-parse --git-dir > /dev/null 2>&1 || { echo "exercises: no archive without git"; exit 0; }
git archive --worktree-attributes --prefix=archive/ HEAD | tar -x -C "$work"
[ ! -e "$work/archive/exercises/solutions" ] || fail "the archive has solutions"
[ ! -e "$work/archive/exercises/tests" ] || fail "the archive has wrong answers"
export CARGO_TARGET_DIR=$PWD/target/archive
cd "$work/archive"
exercises grade-all "$class" > "$work/grades.csv"
graded "$work/grades.csv"
output=$(exercises --solutions 2>&1) && fail "there are solutions in the archive: $output"
grep -q 'there are no solutions here' <<< "$output" || fail "--solutions in the archive: $output"
# The schedule on the page is that of Bob's answer.
cp "$class/bob/e3_one_lock_order.rs" exercises/answers/
output=$(exercises 3) && fail "Bob's answer passes: $output"
table=$(sed -n '/^A number in brackets/,/^No thread can go on/p' <<< "$output")
[ -n "$table" ] || fail "no schedule: $output"
[[ $(< docs/exercises.md) == *"$table"* ]] || fail "docs/exercises.md shows another schedule: $table"
! grep -nE '\]\([^)]*exercises/(solutions|tests)' README.md docs/*.md || fail "a link to a file that the archive lacks"
echo "exercises: red as handed out, green when solved; a class is graded here and in an archive"
