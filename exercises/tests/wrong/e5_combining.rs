//! Wrong answers to exercise 5.

use std::mem;

use exercises::given::e5::{Room, deliver};

pub(crate) fn no_second_look(room: &Room, line: String) {
    room.pending.lock().unwrap().push(line);
    let Ok(mut roster) = room.roster.try_lock() else { return };
    let lines = mem::take(&mut *room.pending.lock().unwrap());
    deliver(&mut roster, &lines);
}

/// The second look is there, but not the third one.
pub(crate) fn looks_only_twice(room: &Room, line: String) {
    room.pending.lock().unwrap().push(line);
    for _ in 0..2 {
        if !room.pending.lock().unwrap().is_empty() {
            let Ok(mut roster) = room.roster.try_lock() else { return };
            let lines = mem::take(&mut *room.pending.lock().unwrap());
            deliver(&mut roster, &lines);
        }
    }
}

pub(crate) fn looks_before_unlocking(room: &Room, line: String) {
    room.pending.lock().unwrap().push(line);
    let Ok(mut roster) = room.roster.try_lock() else { return };
    while !room.pending.lock().unwrap().is_empty() {
        let lines = mem::take(&mut *room.pending.lock().unwrap());
        deliver(&mut roster, &lines);
    }
}

/// It looks again after unlocking, but returns while it holds the roster.
pub(crate) fn last_look_under_the_lock(room: &Room, line: String) {
    room.pending.lock().unwrap().push(line);
    while let Ok(mut roster) = room.roster.try_lock() {
        let lines = mem::take(&mut *room.pending.lock().unwrap());
        if lines.is_empty() {
            return;
        }
        deliver(&mut roster, &lines);
    }
}

pub(crate) fn waits_for_the_roster(room: &Room, line: String) {
    room.pending.lock().unwrap().push(line);
    let mut roster = room.roster.lock().unwrap();
    let lines = mem::take(&mut *room.pending.lock().unwrap());
    deliver(&mut roster, &lines);
}

pub(crate) fn spins(room: &Room, line: String) {
    room.pending.lock().unwrap().push(line);
    while !room.pending.lock().unwrap().is_empty() {
        let Ok(mut roster) = room.roster.try_lock() else { continue };
        let lines = mem::take(&mut *room.pending.lock().unwrap());
        deliver(&mut roster, &lines);
    }
}

pub(crate) fn sends_under_pending(room: &Room, line: String) {
    room.pending.lock().unwrap().push(line);
    while !room.pending.lock().unwrap().is_empty() {
        let Ok(mut roster) = room.roster.try_lock() else { return };
        let mut pending = room.pending.lock().unwrap();
        deliver(&mut roster, &pending);
        pending.clear();
    }
}

/// If the roster is locked, the lines are taken and lost.
pub(crate) fn takes_before_it_has_the_roster(room: &Room, line: String) {
    room.pending.lock().unwrap().push(line);
    loop {
        let lines = mem::take(&mut *room.pending.lock().unwrap());
        if lines.is_empty() {
            return;
        }
        let Ok(mut roster) = room.roster.try_lock() else { return };
        deliver(&mut roster, &lines);
    }
}

/// It does not take the lines out.
pub(crate) fn delivers_a_copy(room: &Room, line: String) {
    room.pending.lock().unwrap().push(line);
    let Ok(mut roster) = room.roster.try_lock() else { return };
    let lines = room.pending.lock().unwrap().clone();
    deliver(&mut roster, &lines);
}

/// It forgets its line when the roster is locked.
pub(crate) fn delivers_its_own_line(room: &Room, line: String) {
    if let Ok(mut roster) = room.roster.try_lock() {
        deliver(&mut roster, &[line]);
    }
}

/// It tries for the first lines, and waits for the next ones.
pub(crate) fn waits_at_the_second_look(room: &Room, line: String) {
    room.pending.lock().unwrap().push(line);
    let Ok(mut roster) = room.roster.try_lock() else { return };
    let lines = mem::take(&mut *room.pending.lock().unwrap());
    deliver(&mut roster, &lines);
    drop(roster);
    while !room.pending.lock().unwrap().is_empty() {
        let mut roster = room.roster.lock().unwrap();
        let lines = mem::take(&mut *room.pending.lock().unwrap());
        deliver(&mut roster, &lines);
    }
}

/// It counts the lines, and another thread takes them before it does.
pub(crate) fn counts_first(room: &Room, line: String) {
    room.pending.lock().unwrap().push(line);
    loop {
        let count = room.pending.lock().unwrap().len();
        if count == 0 {
            return;
        }
        let Ok(mut roster) = room.roster.try_lock() else { return };
        let lines: Vec<_> = room.pending.lock().unwrap().drain(..count).collect();
        deliver(&mut roster, &lines);
    }
}

pub(crate) fn sorts_the_lines(room: &Room, line: String) {
    room.pending.lock().unwrap().push(line);
    while !room.pending.lock().unwrap().is_empty() {
        let Ok(mut roster) = room.roster.try_lock() else { return };
        let mut lines = mem::take(&mut *room.pending.lock().unwrap());
        lines.sort();
        deliver(&mut roster, &lines);
    }
}

/// A line with the same text is another line.
pub(crate) fn says_a_text_once(room: &Room, line: String) {
    let mut pending = room.pending.lock().unwrap();
    if !pending.contains(&line) {
        pending.push(line);
    }
    drop(pending);
    while !room.pending.lock().unwrap().is_empty() {
        let Ok(mut roster) = room.roster.try_lock() else { return };
        let lines = mem::take(&mut *room.pending.lock().unwrap());
        deliver(&mut roster, &lines);
    }
}

/// A line that comes between the copy and the clearing is lost.
pub(crate) fn copies_then_clears(room: &Room, line: String) {
    room.pending.lock().unwrap().push(line);
    while !room.pending.lock().unwrap().is_empty() {
        let Ok(mut roster) = room.roster.try_lock() else { return };
        let lines = room.pending.lock().unwrap().clone();
        room.pending.lock().unwrap().clear();
        deliver(&mut roster, &lines);
    }
}

pub(crate) fn sends_to_one_peer(room: &Room, line: String) {
    room.pending.lock().unwrap().push(line);
    while !room.pending.lock().unwrap().is_empty() {
        let Ok(mut roster) = room.roster.try_lock() else { return };
        let lines = mem::take(&mut *room.pending.lock().unwrap());
        deliver(&mut roster[..1], &lines);
    }
}

/// The first lines are delivered as they should be, and the next ones under `pending`.
pub(crate) fn sends_the_rest_under_pending(room: &Room, line: String) {
    room.pending.lock().unwrap().push(line);
    let Ok(mut roster) = room.roster.try_lock() else { return };
    let lines = mem::take(&mut *room.pending.lock().unwrap());
    deliver(&mut roster, &lines);
    drop(roster);
    sends_under_pending_if_any(room);
}

fn sends_under_pending_if_any(room: &Room) {
    while !room.pending.lock().unwrap().is_empty() {
        let Ok(mut roster) = room.roster.try_lock() else { return };
        let mut pending = room.pending.lock().unwrap();
        deliver(&mut roster, &pending);
        pending.clear();
    }
}

pub(crate) fn newest_first(room: &Room, line: String) {
    room.pending.lock().unwrap().insert(0, line);
    while !room.pending.lock().unwrap().is_empty() {
        let Ok(mut roster) = room.roster.try_lock() else { return };
        let lines = mem::take(&mut *room.pending.lock().unwrap());
        deliver(&mut roster, &lines);
    }
}

/// Its own line first: it jumps the queue, and may overtake a line of its own.
pub(crate) fn its_own_line_first(room: &Room, line: String) {
    let Ok(mut roster) = room.roster.try_lock() else {
        return room.pending.lock().unwrap().push(line);
    };
    deliver(&mut roster, &[line]);
    let lines = mem::take(&mut *room.pending.lock().unwrap());
    deliver(&mut roster, &lines);
    drop(roster);
    while !room.pending.lock().unwrap().is_empty() {
        let Ok(mut roster) = room.roster.try_lock() else { return };
        let lines = mem::take(&mut *room.pending.lock().unwrap());
        deliver(&mut roster, &lines);
    }
}
