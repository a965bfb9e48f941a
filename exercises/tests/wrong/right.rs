//! Right answers that differ from the solutions: the grader must not ask for one way to write it.

use std::mem;

use exercises::given::{e1, e2, e3, e4, e5, e6, e7, e8};
use exercises::sync::{Arc, JoinHandle, Mutex};

pub(crate) fn e1_extract(roster: &Mutex<Vec<e1::Peer>>, id: u32) -> Option<e1::Peer> {
    let mut peers = roster.lock().unwrap();
    for place in 0..peers.len() {
        if peers[place].id == id {
            return Some(peers.swap_remove(place));
        }
    }
    None
}

pub(crate) fn e2_by_place(roster: &Mutex<Vec<Box<dyn e2::Peer>>>, line: &str) {
    let mut peers = roster.lock().unwrap();
    for place in (0..peers.len()).rev() {
        if !peers[place].send(line) {
            peers.swap_remove(place);
        }
    }
}

/// It never holds one lock while it waits for the other one.
pub(crate) fn e3_gives_back(from: &e3::Room, to: &e3::Room, peer: u32) -> bool {
    loop {
        let mut here = from.peers.lock().unwrap();
        if let Ok(mut there) = to.peers.try_lock() {
            let Some(place) = here.iter().position(|id| *id == peer) else { return false };
            there.push(here.remove(place));
            return true;
        }
        drop(here);
        exercises::sync::thread::yield_now();
    }
}

pub(crate) fn e4_wait_while(inbox: &e4::Inbox) -> String {
    let lines = inbox.lines.lock().unwrap();
    let mut lines = inbox.arrived.wait_while(lines, |lines| lines.is_empty()).unwrap();
    lines.pop_front().unwrap()
}

pub(crate) fn e5_loop(room: &e5::Room, line: String) {
    room.pending.lock().unwrap().push(line);
    loop {
        if let Ok(mut roster) = room.roster.try_lock() {
            let lines = mem::take(&mut *room.pending.lock().unwrap());
            e5::deliver(&mut roster, &lines);
        } else {
            return;
        }
        if room.pending.lock().unwrap().is_empty() {
            return;
        }
    }
}

pub(crate) fn e6_pops(server: &e6::Server, acceptor: JoinHandle<()>) {
    server.door.close();
    acceptor.join().unwrap();
    let sockets = server.roster.lock().unwrap().clone();
    sockets.iter().for_each(|socket| socket.send(e6::FAREWELL));
    sockets.iter().for_each(|socket| socket.shut());
    loop {
        let session = server.sessions.lock().unwrap().pop();
        let Some(session) = session else { return };
        session.join().unwrap();
    }
}

/// It takes all lines that are there, and looks again when it has sent them.
pub(crate) fn e7_whole_backlog(room: &Mutex<e7::Room>, id: u32) {
    loop {
        let (lines, socket, end) = {
            let mut room = room.lock().unwrap();
            let end = room.end();
            let Some(peer) = room.peers.get_mut(&id) else { return };
            let Some(number) = peer.behind else { return };
            if number == end {
                peer.behind = None;
                return;
            }
            let socket = Arc::clone(&peer.socket);
            let lines: Vec<_> = (number..end).map(|number| room.line(number).unwrap()).collect();
            (lines, socket, end)
        };
        let sent = lines.iter().all(|line| socket.send(line));
        let mut room = room.lock().unwrap();
        if !sent {
            room.peers.remove(&id);
        } else if let Some(peer) = room.peers.get_mut(&id) {
            peer.behind = Some(end);
        }
    }
}

/// Lines arrive in order, so a confirmation speaks for all lines before it.
pub(crate) fn e8_up_to_the_number(client: &mut e8::Client, link: &mut dyn e8::Link) {
    use e8::{Event, Message};
    for message in &client.unconfirmed {
        link.say(message);
    }
    while let Some(event) = link.next() {
        match event {
            Event::Typed(text) => {
                client.last_said += 1;
                let message = Message { from: client.name.clone(), number: client.last_said, text };
                client.unconfirmed.push(message.clone());
                link.say(&message);
            }
            Event::Confirmed(number) => {
                client.unconfirmed.retain(|message| message.number > number);
            }
            Event::Heard(message) => {
                let shown = client.screen.contains(&message);
                if !shown {
                    client.screen.push(message.clone());
                }
                link.confirm(&message);
            }
        }
    }
}

/// It never waits under the lock either.
pub(crate) fn e7_tries_without_waiting(room: &Mutex<e7::Room>, id: u32) {
    loop {
        let mut guard = room.lock().unwrap();
        let end = guard.end();
        let Some(peer) = guard.peers.get_mut(&id) else { return };
        let Some(number) = peer.behind else { return };
        if number == end {
            peer.behind = None;
            return;
        }
        let socket = Arc::clone(&peer.socket);
        let Some(line) = guard.line(number) else { return };
        if !socket.send_now(&line) {
            drop(guard);
            let sent = socket.send(&line);
            guard = room.lock().unwrap();
            if !sent {
                guard.peers.remove(&id);
                return;
            }
        }
        if let Some(peer) = guard.peers.get_mut(&id) {
            peer.behind = Some(number + 1);
        }
    }
}
