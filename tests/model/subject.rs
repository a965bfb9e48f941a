//! The rooms under test, sound and faulty, behind one interface.

use std::net::SocketAddr;
use std::sync::Arc;

use shuttle::sync::mpsc;

use crate::batch::{Batch, PeerId};
use crate::peer::{Owed, Reason, Socket};
use crate::roster::Witness;
use crate::scenario::Fake;
use crate::sync::Sender;
use crate::wire::Framing;

/// A note for the courier, of whichever room.
pub(crate) enum Note {
    Carry,
    Lags(PeerId),
    Closed,
}

/// How far a laggard may fall behind in the model, in bytes: never far enough to be pruned for it.
const BACKLOG: u64 = 1000;

pub(crate) trait Subject: Send + Sync + Sized + 'static {
    type Note: Send + 'static;
    fn build(notes: mpsc::Sender<Self::Note>, witness: Box<dyn Witness>) -> Self;
    fn read(note: Self::Note) -> Note;
    fn closed() -> Self::Note;
    fn join(&self, socket: Arc<Fake>, address: SocketAddr) -> Option<PeerId>;
    fn say(&self, heard: &mut Batch);
    fn deliver(&self);
    fn leave(&self, id: PeerId, reason: Reason);
    fn owed(&self, id: PeerId) -> Option<Owed<Fake>>;
    fn close(&self, farewell: &str);
    fn cut_off(&self);
    fn peers(&self) -> usize;
}

macro_rules! subject {
    ($room:ident) => {
        impl Subject for crate::$room::Room<Fake> {
            type Note = crate::$room::Note;

            fn build(notes: mpsc::Sender<Self::Note>, witness: Box<dyn Witness>) -> Self {
                let limits = crate::$room::Limits { peers: 8, backlog: BACKLOG };
                Self::new(limits, Sender(notes), witness)
            }
            fn read(note: Self::Note) -> Note {
                match note {
                    crate::$room::Note::Carry => Note::Carry,
                    crate::$room::Note::Lags(id) => Note::Lags(id),
                    crate::$room::Note::Closed => Note::Closed,
                }
            }
            fn closed() -> Self::Note {
                crate::$room::Note::Closed
            }
            fn join(&self, socket: Arc<Fake>, address: SocketAddr) -> Option<PeerId> {
                self.join(socket, address, Framing::Lines, true).ok()
            }
            fn say(&self, heard: &mut Batch) {
                self.say(heard);
            }
            fn deliver(&self) {
                self.deliver();
            }
            fn leave(&self, id: PeerId, reason: Reason) {
                self.leave(id, reason);
            }
            fn owed(&self, id: PeerId) -> Option<Owed<Fake>> {
                self.owed(id)
            }
            fn close(&self, farewell: &str) {
                self.close(farewell).iter().for_each(|socket| socket.shut());
            }
            fn cut_off(&self) {
                self.cut_off();
            }
            fn peers(&self) -> usize {
                self.report().peers
            }
        }
    };
}

subject!(room);
subject!(no_note);
subject!(check_then_act);
subject!(locks_reversed);
