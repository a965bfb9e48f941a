//! The grader finds wrong answers, and says why they are wrong. Each answer in `wrong` is a mistake
//! that is easily made; some of them work nearly always. The solutions get full points.

mod wrong;

use exercises::grading::{self, EXERCISES, Verdict};

/// Fails unless every answer is found wrong, with these words in the message.
macro_rules! all_are_found {
    ($exercise:ident: $($answer:ident, $words:literal;)*) => {
        #[test]
        fn $exercise() {
            $(
                let verdict = grading::$exercise::grade(wrong::$exercise::$answer);
                found(stringify!($answer), &verdict, $words);
            )*
        }
    };
}

fn found(answer: &str, verdict: &Verdict, words: &str) {
    let Err(message) = verdict else { panic!("{answer} is wrong, and it passes") };
    println!("{answer}: {message}");
    assert!(message.contains(words), "{answer}: found something else: {message}");
    assert!(!message.contains('\n'), "{answer}: more than one line: {message}");
}

all_are_found! { e1_remove_once:
    look_then_act, "between the look and the removal";
    look_twice, "between the look and the removal";
    looks_at_the_old_place, "no thread has removed it";
    makes_a_record, "two threads removed the same record";
    takes_the_list, "whole list in one critical section";
    removes_nothing, "returned a record";
    removes_the_last, "returned a record";
    searches_as_if_sorted, "in no order";
}

all_are_found! { e2_prune_while_sending:
    forward_by_place, "the answer panics";
    skips_the_next, "was skipped";
    removes_forward, "its record";
    sends_twice, "was sent one line 2 times";
    stops_at_the_first, "was skipped";
    prunes_nobody, "records are left";
    prunes_later, "one critical section";
    takes_the_list, "keep the list in its place";
    one_lock_for_each_peer, "two orders";
    takes_the_list_in_turn, "keep the list in its place";
}

all_are_found! { e3_one_lock_order:
    from_then_to, "deadlock: each of two threads";
    to_then_from, "deadlock: each of two threads";
    higher_first, "deadlock: each of two threads";
    one_after_the_other, "did not find peer";
    add_then_remove, "found peer";
    look_without_the_lock, "from the look";
    tries_once, "wait for both locks";
    finds_the_place_first, "peer 4 was there";
    forgets_the_others, "stay in their rooms";
}

all_are_found! { e4_no_lost_wakeup:
    if_for_while, "look again";
    unlocks_before_waiting, "a lost wakeup";
    looks_with_another_guard, "a lost wakeup";
    waits_first, "a lost wakeup";
    spins, "must sleep";
    sleeps_and_looks, "must sleep";
    newest_first, "was not taken first";
    gives_up, "each line must be taken once";
    wakes_the_others, "must sleep in `wait`";
    takes_all, "leave the others";
}

all_are_found! { e5_combining:
    no_second_look, "a line is stranded";
    looks_only_twice, "a line is stranded";
    looks_before_unlocking, "a line is stranded";
    last_look_under_the_lock, "a line is stranded";
    waits_for_the_roster, "use `try_lock`";
    spins, "try again and again";
    sends_under_pending, "`pending` is locked while";
    takes_before_it_has_the_roster, "a line is lost";
    delivers_a_copy, "should hear one, two";
    delivers_its_own_line, "a line is lost";
    waits_at_the_second_look, "use `try_lock`";
    counts_first, "after the look";
    sorts_the_lines, "a thread said";
    says_a_text_once, "their text is the same";
    copies_then_clears, "a line is lost";
}

all_are_found! { e6_end_blocked_threads:
    joins_first, "deadlock: a thread never ends";
    shuts_nobody, "deadlock: a thread never ends";
    joins_under_the_roster, "deadlock: a thread never ends";
    shuts_before_the_door_is_closed, "deadlock: a thread never ends";
    joins_no_session, "still runs";
    leaves_the_acceptor, "still runs";
    leaves_the_door_open, "still runs";
    hangs_up, "only a peer can hang up";
    says_nothing, "did not get the farewell";
    farewell_is_late, "did not get the farewell";
    ends_peers_before_the_acceptor, "deadlock: a thread never ends";
    copies_too_early, "deadlock: a thread never ends";
    waits_for_an_empty_roster, "still runs";
    closes_under_the_roster, "deadlock: a thread never ends";
    farewell_twice, "the farewell 2 times";
    says_more_after_the_farewell, "after the farewell";
}

all_are_found! { e7_keep_a_slow_reader:
    sends_under_the_lock, "head-of-line blocking";
    polls, "must sleep";
    sends_a_copy, "a line is lost";
    marks_it_later, "a line is lost";
    marks_it_first, "two threads";
    never_marks_it, "`behind` is not `None`";
    keeps_a_broken_peer, "still there";
    removes_the_peer, "its record must stay";
    expects_the_record, "look it up again";
    forgets_to_advance, "must return";
    takes_the_record_away, "a line is lost";
    keeps_the_position_to_itself, "note after each send";
    skips_to_the_end, "these three lines";
    removes_all_that_are_behind, "the record of another peer has gone";
    expects_the_record_of_a_broken_peer, "look it up again";
    checks_only_the_first_send, "a later send";
    counts_all_as_sent, "after a line is sent";
    advances_before_it_sends, "after a line is sent";
}

all_are_found! { e8_say_again_show_once:
    never_again, "a line is lost";
    forgets_when_sent, "a line is lost";
    forgets_when_said_again, "a line is lost";
    new_numbers, "keeps its number";
    new_before_old, "when a connection begins";
    keeps_for_ever, "`unconfirmed` has";
    forgets_all_at_a_confirmation, "a line is lost";
    shows_each_time, "it is shown 2 times";
    compares_the_text, "it is not shown";
    one_number_for_all_senders, "it is not shown";
    confirms_only_once, "again and again";
    says_only_the_last_again, "say all of them again";
    newest_first, "oldest first";
    shows_its_own_lines, "no other client has said";
    counts_from_one, "a number of its own";
    compares_the_last, "2 times";
    forgets_what_it_has_shown, "2 times";
    one_event, "ended before";
    forgets_the_oldest, "a line is lost";
    expects_one_confirmation, "more than once";
    shows_the_next_number_only, "may have any number";
    goes_back, "2 times";
    says_all_again_each_time, "each line once";
    keeps_the_newest_first, "newer line before";
    counts_confirmed_lines, "when it is typed";
}

#[test]
fn the_solutions_get_full_points() {
    for exercise in EXERCISES {
        assert_eq!(exercise.grade_solution(), Ok(()), "{}", exercise.name);
    }
}

#[test]
fn other_right_answers_pass() {
    use wrong::right;
    let verdicts = [
        grading::e1_remove_once::grade(right::e1_extract),
        grading::e2_prune_while_sending::grade(right::e2_by_place),
        grading::e3_one_lock_order::grade(right::e3_gives_back),
        grading::e4_no_lost_wakeup::grade(right::e4_wait_while),
        grading::e5_combining::grade(right::e5_loop),
        grading::e6_end_blocked_threads::grade(right::e6_pops),
        grading::e7_keep_a_slow_reader::grade(right::e7_whole_backlog),
        grading::e8_say_again_show_once::grade(right::e8_up_to_the_number),
        grading::e7_keep_a_slow_reader::grade(right::e7_tries_without_waiting),
    ];
    for (number, verdict) in verdicts.into_iter().enumerate() {
        assert_eq!(verdict, Ok(()), "answer {number}");
    }
}
