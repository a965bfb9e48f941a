//! Plays every level of `model/examples/scheduler.rs` through the real program, over a pipe: a level
//! that cannot be won, or a schedule that shows something else the next time, would teach nothing.

use std::env;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

const DEADLINE: Duration = Duration::from_secs(60);

/// The levels that break, a part of the message then, and a schedule that does not break them.
const FAULTY: [(&str, &str, &str); 5] = [
    ("copy_the_list", "two orders", "1,1,1"),
    ("check_then_act", "removed twice", "1,1"),
    ("stale_laggard", "another peer was marked", "1,1,1"),
    ("locks_reversed", "deadlock", "1,1,1,2,2,2"),
    ("no_second_look", "stranded", "1,1,1,1,1"),
];

const SOUND: &str = "second_look";

struct Played {
    status: i32,
    out: String,
    err: String,
}

impl Played {
    /// The schedule that led there, side by side, then the fault and its explanation.
    fn fault(&self) -> &str {
        let start = self.out.rfind("Each row is a step").unwrap_or_else(|| panic!("{}", self.out));
        let end = self.out[start..].find("Schedule:").expect("a schedule");
        &self.out[start..start + end]
    }

    fn schedule(&self) -> &str {
        let (_, schedule) = self.out.rsplit_once("Schedule: ").expect("a schedule");
        schedule.lines().next().unwrap_or_default()
    }

    fn says(&self, part: &str) {
        assert!(self.out.contains(part), "{part:?} is not in:\n{}", self.out);
    }

    fn questions(&self) -> usize {
        self.out.matches("Which thread goes on").count()
    }
}

/// `cargo test` has built it beside this test.
fn program() -> PathBuf {
    let this = env::current_exe().expect("this program has a name");
    let built = this.parent().and_then(Path::parent).expect("a folder").join("examples/scheduler");
    assert!(built.exists(), "there is no {}; run cargo build --example scheduler", built.display());
    built
}

/// Runs the game to its end, and types this.
fn game(arguments: &[&str], typed: &str) -> Played {
    let mut command = Command::new(program());
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut game = command.spawn().expect("it starts");
    let mut keyboard = game.stdin.take().expect("a pipe");
    // A game that is over does not read the rest.
    let _ = keyboard.write_all(typed.as_bytes());
    drop(keyboard);
    let read = |mut pipe: Box<dyn Read + Send>| {
        thread::spawn(move || {
            let mut text = String::new();
            pipe.read_to_string(&mut text).expect("only text is printed");
            text
        })
    };
    let out = read(Box::new(game.stdout.take().expect("a pipe")));
    let err = read(Box::new(game.stderr.take().expect("a pipe")));
    let deadline = Instant::now() + DEADLINE;
    let status = loop {
        if let Some(status) = game.try_wait().expect("it can be asked") {
            break status;
        }
        if Instant::now() > deadline {
            game.kill().expect("it can be ended");
            panic!("{arguments:?} does not end");
        }
        thread::sleep(Duration::from_millis(5));
    };
    let [out, err] = [out, err].map(|reader| reader.join().expect("it is read"));
    for line in out.lines() {
        assert!(line.chars().count() <= 76, "too wide: {line}");
    }
    Played { status: status.code().expect("it is not killed"), out, err }
}

#[test]
fn a_solution_breaks_the_room_when_it_is_replayed_and_when_it_is_typed() {
    for (level, message, _) in FAULTY {
        let solved = game(&[level, "--solve"], "");
        assert_eq!((solved.status, solved.err.as_str()), (0, ""), "{level}");
        assert!(solved.fault().contains(message), "{}", solved.fault());
        solved.says("Term: ");
        let schedule = solved.schedule();
        assert!((2..=15).contains(&schedule.split(',').count()), "{level}: {schedule}");

        let replayed = game(&[level, "--schedule", schedule], "");
        assert_eq!((replayed.status, replayed.err.as_str()), (0, ""), "{level}");
        assert_eq!(replayed.fault(), solved.fault());
        assert_eq!(replayed.schedule(), schedule);

        let played = game(&[level], &(schedule.replace(',', "\n") + "\n"));
        assert_eq!((played.status, played.err.as_str()), (0, ""), "{level}");
        assert_eq!(played.fault(), solved.fault());
        assert_eq!(played.schedule(), schedule);
        let mut next = played.out.lines().filter(|line| line.contains("  next: "));
        assert!(next.all(|line| !line.contains('(')), "code in place of words: {}", played.out);
    }
}

#[test]
fn a_schedule_that_does_not_break_the_room_is_status_1() {
    for (level, _, harmless) in FAULTY {
        let replayed = game(&[level, "--schedule", harmless], "");
        assert_eq!((replayed.status, replayed.err.as_str()), (1, ""), "{level}: {}", replayed.out);
        replayed.says("nothing broke");
    }
}

#[test]
fn a_room_that_did_not_break_is_played_once_more() {
    for (level, _, harmless) in FAULTY {
        let solution = game(&[level, "--solve"], "");
        let typed = format!("{harmless},{}\n", solution.schedule()).replace(',', "\n");
        let played = game(&[level], &typed);
        assert_eq!(played.status, 0, "{level}: {}", played.out);
        played.says("Once more");
        assert_eq!(played.fault(), solution.fault());
    }
}

#[test]
fn nobody_can_break_the_sound_room() {
    let solved = game(&[SOUND, "--solve"], "");
    assert_eq!((solved.status, solved.err.as_str()), (1, ""), "{}", solved.out);
    let (_, tried) = solved.out.split_once("There are ").expect("a number");
    let tried: usize = tried.split(',').next().and_then(|it| it.parse().ok()).expect("a number");
    assert!(tried > 100, "only {tried} schedules");

    // The schedule that strands a line where there is no second look.
    let stranding = game(&["no_second_look", "--solve"], "");
    let played = game(&[SOUND], &(stranding.schedule().replace(',', "\n") + &"\n1\n2".repeat(20)));
    assert_eq!((played.status, played.err.as_str()), (0, ""), "{}", played.out);
    played.says("nothing broke");
    played.says(&format!("There are {tried}, and all were tried."));
}

#[test]
fn the_end_of_the_input_leaves_with_a_sentence() {
    for (level, ..) in FAULTY {
        for typed in ["", "1\n", "1\nquit\n1\n"] {
            let left = game(&[level], typed);
            assert_eq!((left.status, left.err.as_str()), (0, ""), "{level}: {}", left.out);
            left.says("You leave the room as it is.");
            assert_eq!(left.questions(), 1 + typed.matches('1').count().min(1));
        }
    }
}

#[test]
fn what_cannot_be_chosen_is_answered_with_one_line_and_nothing_is_lost() {
    let played = game(&["locks_reversed"], "x\n9\n\n1\n2\n2\n-1\n3\n1\n");
    assert_eq!((played.status, played.err.as_str()), (0, ""), "{}", played.out);
    played.says("\nType a number, 1, 2 or 3; or hint, code, history, undo or quit.\n");
    played.says("\nThread 9 does not exist. Type 1, 2 or 3.\n");
    played.says("\nThread 2 waits for pending, which thread 1 holds. Type 1 or 3.\n");
    assert_eq!(played.schedule(), "1,2,3,1");
    assert_eq!(played.questions(), 4, "a question is not asked again: {}", played.out);
    assert!(played.fault().contains("deadlock"));
}

#[test]
fn a_player_sees_who_holds_what_and_what_is_pending() {
    let played = game(&["no_second_look"], "1\n1\n1\n1\n");
    played.says("pending      waits to be delivered: []");
    played.says("pending      waits to be delivered: [1]");
    played.says("roster       the peer has heard: [1]                         locked by 1");
    played.says("  1  next: unlocks roster");
    played.says("  2  next: locks pending, appends its line");
    played.says(": self.pending.lock().push(line);");
}

#[test]
fn a_schedule_that_breaks_the_room_is_shown_side_by_side() {
    let solved = game(&["no_second_look", "--schedule", "1,1,1,1,2,2,2"], "");
    solved.says(
        "\
    thread 1                       thread 2                       roster
 1  locks pending, appends its                                    free
    line, unlocks it
",
    );
    solved.says(
        "
 7                                 finds roster locked by thread  thread 1
                                   1, ends
 8  unlocks roster, ends                                          free
    ^ here
The room is broken: a line is stranded",
    );
    let solved = game(&["locks_reversed", "--schedule", "1,1,1,2,3,2"], "");
    solved.says(
        "
 7                                    waits for        thread 2  thread 3
                                      pending, which
                                      thread 2 holds
                                      ^ here
The room is broken: this is a deadlock",
    );
}

#[test]
fn a_step_says_all_that_it_does() {
    let played = game(&["locks_reversed", "--schedule", "1,1,1,2,2,2"], "");
    played.says("  1  locks pending\n  1  locks roster, delivers, unlocks it\n");
    played.says("  1  unlocks pending, ends\n");
    played.says("  3  locks roster\n  3  locks pending, delivers, unlocks it\n");
    let played = game(&["locks_reversed", "--schedule", "1,2,1,1,2,2"], "");
    played.says("  2  waits for pending, which thread 1 holds\n");
    played.says("  2  gets pending\n");
}

#[test]
fn a_choice_can_be_taken_back_also_after_the_end() {
    let undone = game(&["check_then_act"], "undo\n1\n1\nundo\nundo\n2\nundo\n2\n1\n2\n");
    assert_eq!((undone.status, undone.err.as_str()), (0, ""), "{}", undone.out);
    undone.says("\nYou have not chosen anything yet.\n");
    undone.says("nothing broke");
    assert_eq!(undone.out.matches("\nYour last choice is taken back.\n").count(), 3);
    assert_eq!(undone.schedule(), "2,1,2", "{}", undone.out);
}

#[test]
fn the_history_shows_the_steps_so_far() {
    let played = game(&["copy_the_list"], "1\n2\nundo\nhistory\n");
    let (_, history) = played.out.rsplit_once("between two steps.\n").expect("a table");
    assert!(history.contains(" 1  locks roster, copies it, unlocks"), "{history}");
    assert!(!history.contains(" 2  "), "a step that was taken back: {history}");
}

#[test]
fn after_a_level_is_broken_the_next_one_is_named() {
    let levels: Vec<_> = FAULTY.iter().map(|(level, ..)| *level).chain([SOUND]).collect();
    for pair in levels.windows(2) {
        let solution = game(&[pair[0], "--solve"], "").schedule().replace(',', "\n");
        game(&[pair[0]], &(solution + "\n")).says(&format!("The next level is {}:", pair[1]));
    }
}

#[test]
fn every_level_has_a_hint_and_shows_its_code() {
    for level in FAULTY.map(|(level, ..)| level).into_iter().chain([SOUND]) {
        let played = game(&[level], "hint\ncode\n");
        played.says("\nHint: ");
        let first = played.out.lines().find(|line| line.contains("fn ")).expect("code");
        let shown = played.out.lines().filter(|line| *line == first).count();
        assert_eq!(shown, 2, "first as an introduction, then because it was typed");
    }
}

#[test]
fn without_a_level_the_levels_are_listed() {
    for arguments in [&[][..], &["--help"]] {
        let listed = game(arguments, "");
        assert_eq!((listed.status, listed.err.as_str()), (0, ""));
        for (level, ..) in FAULTY {
            listed.says(level);
        }
        listed.says(SOUND);
    }
}

#[test]
fn a_wrong_command_is_one_line() {
    for arguments in [
        &["seven"][..],
        &["7"],
        &["--solve"],
        &["check_then_act", "--schedule"],
        &["check_then_act", "--schedule", "1;2"],
    ] {
        let wrong = game(arguments, "");
        assert_eq!((wrong.status, wrong.out.as_str()), (2, ""), "{arguments:?}");
        assert_eq!(wrong.err.lines().count(), 1, "{}", wrong.err);
    }
    let unfit = game(&["check_then_act", "--schedule", "1,7"], "");
    assert_eq!(unfit.status, 1, "{}", unfit.out);
    unfit.says("Number 2 of the schedule: thread 7 does not exist.");
    let short = game(&["check_then_act", "--schedule", "1"], "");
    assert_eq!(short.status, 1, "{}", short.out);
    short.says("The schedule ends before the room");
}
