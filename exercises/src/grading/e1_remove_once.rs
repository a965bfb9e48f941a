//! Grades exercise 1: several threads remove records at the same time.

use super::{Help, Test, Verdict};
use crate::given::e1::Peer;
use crate::sync::{Arc, Mutex, thread};

type Remove = fn(&Mutex<Vec<Peer>>, u32) -> Option<Peer>;

const HELP: Help = Help {
    deadlock: "a thread waits for the roster, and the roster is never unlocked",
    panic: "has another thread changed the list between the look and the removal? \
            They must be one critical section",
    endless: "`remove` must return after one look",
};

/// The only test: a record that goes twice, or a second one, is no half of the task.
pub const TESTS: [Test<Remove>; 1] = [Test {
    promise: "removes the record of the peer once, and leaves the others",
    check: one_record,
}];

fn one_record(remove: Remove) -> Verdict {
    HELP.run(move || alone(remove))?;
    // Two threads notice the same peer.
    HELP.explore(move || together(remove, [1, 1]))?;
    HELP.explore(move || together(remove, [3, 3]))?;
    // Two peers leave.
    HELP.explore(move || together(remove, [1, 3]))
}

/// The list is in no order.
fn roster() -> Mutex<Vec<Peer>> {
    Mutex::named("roster", [2, 3, 1].map(|id| Peer { id }).into())
}

fn ids(roster: &Mutex<Vec<Peer>>) -> Vec<u32> {
    let mut ids: Vec<_> = roster.lock().unwrap().iter().map(|peer| peer.id).collect();
    ids.sort_unstable();
    ids
}

fn alone(remove: Remove) {
    let roster = roster();
    let removed = remove(&roster, 9);
    assert_eq!(removed, None, "there is no peer 9, but `remove` returned a record");
    assert_eq!(ids(&roster), [1, 2, 3], "there is no peer 9, but the list has changed");
    let removed = remove(&roster, 2);
    assert_eq!(removed, Some(Peer { id: 2 }), "`remove` was asked for peer 2");
    assert_eq!(ids(&roster), [1, 3], "peer 2 was removed from [1, 2, 3]: two records must stay");
    for id in [1, 2, 3] {
        let whole = self::roster();
        assert!(
            remove(&whole, id).is_some(),
            "peer {id} is in the list, and `remove` returned `None`: look at each record, since the \
             list is in no order"
        );
        remove(&roster, id);
    }
    assert_eq!(remove(&roster, 1), None, "the list is empty, but `remove` returned a record");
}

/// Peer 4 joins while two threads remove.
fn together(remove: Remove, wanted: [u32; 2]) {
    let roster = Arc::new(roster());
    let removers = wanted.map(|id| {
        let roster = Arc::clone(&roster);
        thread::spawn(move || remove(&roster, id))
    });
    {
        let mut peers = roster.lock().unwrap();
        let stays = peers.iter().any(|peer| peer.id == 2);
        assert!(
            stays,
            "another thread looked at the list meanwhile, and nobody has removed peer 2, but it was \
             not there: keep the list in its place, and look and remove in one critical section"
        );
        peers.push(Peer { id: 4 });
    }
    let removed = removers.map(|remover| remover.join().unwrap());
    let mut left = vec![1, 2, 3, 4];
    for peer in removed.iter().flatten() {
        assert!(
            wanted.contains(&peer.id),
            "peer {} was removed, but nobody asked for that: between the look and the removal \
             another thread has changed the list; they must be one critical section",
            peer.id,
        );
        left.retain(|id| *id != peer.id);
    }
    for (wanted, removed) in wanted.iter().zip(&removed) {
        let id = removed.as_ref().map_or(*wanted, |peer| peer.id);
        assert_eq!(id, *wanted, "a thread asked for one peer, and got the record of another one");
        assert!(
            !left.contains(wanted),
            "peer {wanted} was in the list, and no thread has removed it: wait for the lock (no \
             `try_lock`), and see the whole list in one critical section",
        );
    }
    let count = removed.iter().flatten().count();
    let due = if wanted[0] == wanted[1] { 1 } else { 2 };
    assert_eq!(
        count, due,
        "two threads removed the same record: the look and the removal must be one critical section"
    );
    assert_eq!(
        ids(&roster),
        left,
        "the wrong records are left: peers come and go while `remove` runs, so it must hold the \
         lock from the look to the removal"
    );
}
