//! The grader finds wrong answers, and says why they are wrong. Each answer in `wrong` is a mistake
//! that is easily made; some of them work nearly always. The number is that of the points that it gets
//! for other tests: most of them break only one promise.

mod wrong;

use exercises::grading::{self, Verdict};

/// Fails unless every answer is found wrong, with these words in the message.
macro_rules! all_are_found {
    ($exercise:ident: $($answer:ident $points:literal, $words:literal;)*) => {
        #[test]
        fn $exercise() {
            println!("ANSWERS OF {}", stringify!($exercise));
            let mut faults = Vec::new();
            $(
                let tests = &grading::$exercise::TESTS;
                let verdicts = grading::grade(tests, wrong::$exercise::$answer);
                faults.extend(fault(stringify!($answer), &verdicts, $points, $words));
            )*
            assert!(faults.is_empty(), "{faults:#?}");
        }
    };
}

/// What is wrong with the verdicts on a wrong answer.
fn fault(answer: &str, verdicts: &[Verdict], points: usize, words: &str) -> Option<String> {
    let earned = verdicts.iter().filter(|verdict| verdict.is_ok()).count();
    let Some(failure) = verdicts.iter().find_map(|verdict| verdict.as_ref().err()) else {
        return Some(format!("{answer} is wrong, and it passes"));
    };
    let message = &failure.message;
    println!("{answer}: {earned} of {}: {message}\n{}", verdicts.len(), failure.schedule);
    let sound = message.contains(words) && !message.contains('\n');
    (!sound || earned != points)
        .then(|| format!("{answer} {earned} of {}: {message}", verdicts.len()))
}

all_are_found! { e1_remove_once:
    look_then_act 0, "between the look and the removal";
    look_twice 0, "between the look and the removal";
    looks_at_the_old_place 0, "no thread has removed it";
    makes_a_record 0, "two threads removed the same record";
    takes_the_list 0, "but it was not there";
    removes_nothing 0, "returned a record";
    removes_the_last 0, "returned a record";
    searches_as_if_sorted 0, "in no order";
    takes_the_list_in_turn 0, "but it was not there";
    misses_the_last 0, "in no order";
    expects_a_record 0, "the answer panics";
}

all_are_found! { e2_prune_while_sending:
    forward_by_place 0, "the answer panics";
    skips_the_next 0, "was skipped";
    removes_forward 0, "its record";
    sends_twice 0, "was sent one line 2 times";
    stops_at_the_first 0, "was skipped";
    prunes_nobody 0, "records are left";
    prunes_later 0, "one critical section";
    takes_the_list 0, "keep the list in its place";
    one_lock_for_each_peer 0, "two orders";
    takes_the_list_in_turn 0, "keep the list in its place";
    adds_a_newline 0, "another line";
    prunes_later_in_turn 0, "whose send had failed";
}

all_are_found! { e3_one_lock_order:
    from_then_to 1, "deadlock: each of two threads";
    to_then_from 1, "deadlock: each of two threads";
    higher_first 1, "deadlock: each of two threads";
    one_after_the_other 1, "did not find peer";
    add_then_remove 1, "found peer";
    look_without_the_lock 1, "from the look";
    tries_once 1, "wait for both locks";
    finds_the_place_first 1, "peer 4 was there";
    forgets_the_others 0, "stay in their rooms";
    takes_it_from_either_room 0, "in the room `to` already";
    says_that_it_is_there 0, "in the room `to` already";
    makes_a_peer 0, "in no room";
    leaves_a_copy 0, "its old room has it still";
    one_lock_at_a_time 1, "found peer";
}

all_are_found! { e4_no_lost_wakeup:
    if_for_while 1, "look again";
    unlocks_before_waiting 1, "a lost wakeup";
    looks_with_another_guard 1, "a lost wakeup";
    waits_first 0, "a lost wakeup";
    spins 1, "must sleep";
    sleeps_and_looks 1, "must sleep";
    newest_first 0, "was not taken first";
    gives_up 1, "each line must be taken once";
    wakes_the_others 1, "must sleep in `wait`";
    takes_all 0, "leave the others";
    newest_after_a_sleep 1, "before an older one";
    leaves_it_there 0, "the list has 2";
    unlocks_after_the_look 1, "the answer panics";
}

all_are_found! { e5_combining:
    no_second_look 2, "a line is stranded";
    looks_only_twice 2, "a line is stranded";
    looks_before_unlocking 2, "a line is stranded";
    last_look_under_the_lock 2, "a line is stranded";
    waits_for_the_roster 1, "use `try_lock`";
    spins 1, "try again and again";
    sends_under_pending 0, "`pending` is locked while";
    takes_before_it_has_the_roster 1, "must be in `pending`";
    delivers_a_copy 0, "should hear one, two";
    delivers_its_own_line 1, "must be in `pending`";
    waits_at_the_second_look 2, "use `try_lock`";
    counts_first 2, "after the look";
    sorts_the_lines 2, "a thread said";
    says_a_text_once 2, "their text is the same";
    copies_then_clears 2, "a line is lost";
    sends_to_one_peer 0, "has heard []";
    sends_the_rest_under_pending 2, "only for a moment";
    newest_first 1, "should hear one, one, two";
    its_own_line_first 1, "should hear one, one, two";
}

all_are_found! { e6_end_blocked_threads:
    joins_first 0, "deadlock: a thread never ends";
    shuts_nobody 1, "deadlock: a thread never ends";
    joins_under_the_roster 1, "deadlock: a thread never ends";
    shuts_before_the_door_is_closed 2, "deadlock: a thread never ends";
    joins_no_session 1, "still runs";
    leaves_the_acceptor 0, "still runs";
    leaves_the_door_open 0, "still runs";
    hangs_up 1, "only a peer can hang up";
    says_nothing 1, "did not get the farewell";
    farewell_is_late 1, "did not get the farewell";
    ends_peers_before_the_acceptor 2, "deadlock: a thread never ends";
    copies_too_early 2, "deadlock: a thread never ends";
    waits_for_an_empty_roster 1, "still runs";
    closes_under_the_roster 2, "deadlock: a thread never ends";
    farewell_twice 1, "the farewell 2 times";
    says_more_after_the_farewell 1, "after the farewell";
    farewell_to_the_first 1, "did not get the farewell";
    says_something_else 1, "did not get the farewell";
    joins_the_acceptor_last 2, "still runs";
    joins_all_but_one 1, "still runs";
    says_nothing_to_a_late_peer 2, "did not get the farewell";
}

all_are_found! { e7_keep_a_slow_reader:
    sends_under_the_lock 2, "head-of-line blocking";
    polls 0, "must sleep";
    sends_a_copy 2, "a line is lost";
    marks_it_later 3, "a line is lost";
    marks_it_first 1, "two threads";
    never_marks_it 0, "`behind` is not `None`";
    keeps_a_broken_peer 3, "still there";
    removes_the_peer 0, "its record must stay";
    expects_the_record 3, "look it up again";
    forgets_to_advance 0, "must return";
    takes_the_record_away 1, "a line is lost";
    keeps_the_position_to_itself 3, "note after each send";
    skips_to_the_end 0, "these three lines";
    removes_all_that_are_behind 3, "the record of another peer has gone";
    expects_the_record_of_a_broken_peer 3, "look it up again";
    checks_only_the_first_send 3, "a later send";
    counts_all_as_sent 3, "after a line is sent";
    advances_before_it_sends 3, "after a line is sent";
    expects_to_be_behind 0, "the answer panics";
    begins_for_all 0, "its own next line";
    one_peer_at_a_time 1, "does not end";
    sends_to_all_that_are_behind 0, "another peer than its own";
    advances_the_first_that_is_behind 0, "does not end";
}

all_are_found! { e8_say_again_show_once:
    never_again 2, "a line is lost";
    forgets_when_sent 3, "a line is lost";
    forgets_when_said_again 3, "a line is lost";
    new_numbers 2, "keeps its number";
    new_before_old 0, "when a connection begins";
    keeps_for_ever 0, "`unconfirmed` has";
    forgets_all_at_a_confirmation 3, "a line is lost";
    shows_each_time 3, "it is shown 2 times";
    compares_the_text 0, "it is not shown";
    one_number_for_all_senders 0, "it is not shown";
    confirms_only_once 3, "again and again";
    says_only_the_last_again 2, "a line is lost";
    newest_first 3, "oldest first";
    shows_its_own_lines 0, "no other client has said";
    counts_from_one 2, "a number of its own";
    compares_the_last 3, "2 times";
    forgets_what_it_has_shown 3, "2 times";
    one_event 0, "ended before";
    forgets_the_oldest 3, "a line is lost";
    expects_one_confirmation 0, "more than once";
    shows_the_next_number_only 0, "may have any number";
    goes_back 3, "2 times";
    says_all_again_each_time 0, "each line once";
    keeps_the_newest_first 3, "newer line before";
    counts_confirmed_lines 3, "when it is typed";
    calls_itself_ann 0, "the client is Dan";
    confirms_nothing 0, "again and again";
    shows_every_other_number 3, "2 times";
    says_new_lines_later 0, "a line is lost";
    counts_the_unconfirmed 0, "a number of its own";
    sorts_the_screen 0, "in the order of their numbers";
}

#[test]
fn other_right_answers_pass() {
    use wrong::right;
    let verdicts = [
        grading::grade(&grading::e1_remove_once::TESTS, right::e1_extract),
        grading::grade(&grading::e2_prune_while_sending::TESTS, right::e2_by_place),
        grading::grade(&grading::e3_one_lock_order::TESTS, right::e3_gives_back),
        grading::grade(&grading::e4_no_lost_wakeup::TESTS, right::e4_wait_while),
        grading::grade(&grading::e5_combining::TESTS, right::e5_loop),
        grading::grade(&grading::e6_end_blocked_threads::TESTS, right::e6_pops),
        grading::grade(&grading::e7_keep_a_slow_reader::TESTS, right::e7_whole_backlog),
        grading::grade(&grading::e8_say_again_show_once::TESTS, right::e8_up_to_the_number),
        grading::grade(&grading::e7_keep_a_slow_reader::TESTS, right::e7_tries_without_waiting),
    ];
    for (number, verdicts) in verdicts.into_iter().enumerate() {
        assert!(verdicts.iter().all(Result::is_ok), "answer {number}: {verdicts:#?}");
    }
}

/// A column for each thread, a row for each step, the holders of the locks, and where it broke. The
/// numbers are lines of the answer.
#[test]
fn the_schedule_that_broke_an_answer_is_shown() {
    let tests = &grading::e3_one_lock_order::TESTS;
    let verdicts = grading::grade(tests, wrong::e3_one_lock_order::from_then_to);
    let failure = verdicts[1].as_ref().unwrap_err();
    let schedule = "\
A number in brackets is a line of the answer. Each row is a step. On the right: which thread holds the lock after it.
    test                      thread 1                  thread 2                  room 10   room 20
 1  locks room 10                                                                 test      free
 2                            locks room 20 (12)                                  test      thread 1
 3  waits for room 20                                                             test      thread 1
 4                            waits for room 10 (13)                              test      thread 1
 5                                                      waits for room 10 (12)    test      thread 1
                                                        ^ here
No thread can go on.
";
    assert_eq!(failure.schedule, schedule);
}
