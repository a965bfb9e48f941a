//! Wrong answers to exercise 6.

use std::mem;

use exercises::given::e6::{FAREWELL, Server};
use exercises::sync::{JoinHandle, thread};

fn end_peers(server: &Server) {
    for socket in server.roster.lock().unwrap().iter() {
        socket.send(FAREWELL);
        socket.shut();
    }
}

fn join_sessions(server: &Server) {
    let sessions = mem::take(&mut *server.sessions.lock().unwrap());
    sessions.into_iter().for_each(|session| session.join().unwrap());
}

pub(crate) fn joins_first(server: &Server, acceptor: JoinHandle<()>) {
    acceptor.join().unwrap();
    server.door.close();
    end_peers(server);
    join_sessions(server);
}

pub(crate) fn shuts_nobody(server: &Server, acceptor: JoinHandle<()>) {
    server.door.close();
    acceptor.join().unwrap();
    server.roster.lock().unwrap().iter().for_each(|socket| socket.send(FAREWELL));
    join_sessions(server);
}

pub(crate) fn joins_under_the_roster(server: &Server, acceptor: JoinHandle<()>) {
    server.door.close();
    acceptor.join().unwrap();
    let roster = server.roster.lock().unwrap();
    for socket in roster.iter() {
        socket.send(FAREWELL);
        socket.shut();
    }
    join_sessions(server);
}

pub(crate) fn shuts_before_the_door_is_closed(server: &Server, acceptor: JoinHandle<()>) {
    end_peers(server);
    server.door.close();
    acceptor.join().unwrap();
    join_sessions(server);
}

pub(crate) fn joins_no_session(server: &Server, acceptor: JoinHandle<()>) {
    server.door.close();
    acceptor.join().unwrap();
    end_peers(server);
}

pub(crate) fn leaves_the_acceptor(server: &Server, _: JoinHandle<()>) {
    server.door.close();
    end_peers(server);
    join_sessions(server);
}

pub(crate) fn says_nothing(server: &Server, acceptor: JoinHandle<()>) {
    server.door.close();
    acceptor.join().unwrap();
    server.roster.lock().unwrap().iter().for_each(|socket| socket.shut());
    join_sessions(server);
}

pub(crate) fn farewell_is_late(server: &Server, acceptor: JoinHandle<()>) {
    server.door.close();
    acceptor.join().unwrap();
    for socket in server.roster.lock().unwrap().iter() {
        socket.shut();
        socket.send(FAREWELL);
    }
    join_sessions(server);
}

pub(crate) fn farewell_twice(server: &Server, acceptor: JoinHandle<()>) {
    server.roster.lock().unwrap().iter().for_each(|socket| socket.send(FAREWELL));
    server.door.close();
    acceptor.join().unwrap();
    end_peers(server);
    join_sessions(server);
}

pub(crate) fn ends_peers_before_the_acceptor(server: &Server, acceptor: JoinHandle<()>) {
    server.door.close();
    end_peers(server);
    acceptor.join().unwrap();
    join_sessions(server);
}

pub(crate) fn copies_too_early(server: &Server, acceptor: JoinHandle<()>) {
    let sockets = server.roster.lock().unwrap().clone();
    server.door.close();
    acceptor.join().unwrap();
    for socket in sockets {
        socket.send(FAREWELL);
        socket.shut();
    }
    join_sessions(server);
}

/// The record goes a moment before the thread ends.
pub(crate) fn waits_for_an_empty_roster(server: &Server, acceptor: JoinHandle<()>) {
    server.door.close();
    acceptor.join().unwrap();
    end_peers(server);
    while !server.roster.lock().unwrap().is_empty() {
        thread::yield_now();
    }
}

pub(crate) fn closes_under_the_roster(server: &Server, acceptor: JoinHandle<()>) {
    let roster = server.roster.lock().unwrap();
    server.door.close();
    acceptor.join().unwrap();
    for socket in roster.iter() {
        socket.send(FAREWELL);
        socket.shut();
    }
    drop(roster);
    join_sessions(server);
}

pub(crate) fn hangs_up(server: &Server, acceptor: JoinHandle<()>) {
    server.door.close();
    acceptor.join().unwrap();
    server.roster.lock().unwrap().iter().for_each(|socket| socket.hang_up());
    join_sessions(server);
}

pub(crate) fn leaves_the_door_open(server: &Server, _: JoinHandle<()>) {
    end_peers(server);
    join_sessions(server);
}

pub(crate) fn says_more_after_the_farewell(server: &Server, acceptor: JoinHandle<()>) {
    server.door.close();
    acceptor.join().unwrap();
    for socket in server.roster.lock().unwrap().iter() {
        socket.send(FAREWELL);
        socket.send("bye");
        socket.shut();
    }
    join_sessions(server);
}

pub(crate) fn farewell_to_the_first(server: &Server, acceptor: JoinHandle<()>) {
    server.door.close();
    acceptor.join().unwrap();
    let roster = server.roster.lock().unwrap();
    roster.iter().take(1).for_each(|socket| socket.send(FAREWELL));
    roster.iter().for_each(|socket| socket.shut());
    drop(roster);
    join_sessions(server);
}

pub(crate) fn says_something_else(server: &Server, acceptor: JoinHandle<()>) {
    server.door.close();
    acceptor.join().unwrap();
    for socket in server.roster.lock().unwrap().iter() {
        socket.send("goodbye");
        socket.shut();
    }
    join_sessions(server);
}

/// A peer that comes after the others are shut is forgotten.
pub(crate) fn joins_the_acceptor_last(server: &Server, acceptor: JoinHandle<()>) {
    server.door.close();
    end_peers(server);
    join_sessions(server);
    acceptor.join().unwrap();
}

/// It waits for each thread, and not for the last one.
pub(crate) fn joins_all_but_one(server: &Server, acceptor: JoinHandle<()>) {
    server.door.close();
    acceptor.join().unwrap();
    end_peers(server);
    let sessions = mem::take(&mut *server.sessions.lock().unwrap());
    sessions.into_iter().skip(1).for_each(|session| session.join().unwrap());
}

/// The late peer is ended, but without a word.
pub(crate) fn says_nothing_to_a_late_peer(server: &Server, acceptor: JoinHandle<()>) {
    let known = server.roster.lock().unwrap().clone();
    known.iter().for_each(|socket| socket.send(FAREWELL));
    server.door.close();
    acceptor.join().unwrap();
    server.roster.lock().unwrap().iter().for_each(|socket| socket.shut());
    join_sessions(server);
}
