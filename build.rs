//! Plants faults in copies of `src/room.rs`, for one purpose: `tests/model` shows that the model
//! checker finds each of them. The program itself is built from the file as it is.

use std::path::Path;
use std::{env, fs};

/// A fault: its name, and what it makes of the code.
const FAULTS: [(&str, &str, &str); 3] = [
    ("no_note", "            self.0.leave_note(Note::Carry);\n", ""),
    (
        "check_then_act",
        "            turn.members.here.remove(id, reason);\n",
        "            let index = turn.members.here.peers.iter().position(|peer| peer.ear.id == id);
            drop(turn);
            if let Some(index) = index {
                let mut turn = self.turn();
                let id = turn.members.here.peers[index].ear.id;
                turn.members.here.remove(id, reason);
            }\n",
    ),
    (
        "locks_reversed",
        "            said.append(heard);\n",
        "            let _second = self.roster.lock();\n            said.append(heard);\n",
    ),
];

fn main() {
    println!("cargo::rerun-if-changed=src/room.rs");
    println!("cargo::rerun-if-changed=build.rs");
    let out = env::var("OUT_DIR").expect("cargo sets OUT_DIR");
    let room = fs::read_to_string("src/room.rs").expect("the package has src/room.rs");
    // The file is included inside a module, where documentation of a file has no place.
    let room: String = room
        .lines()
        .skip_while(|line| line.starts_with("//!"))
        .map(|line| line.to_owned() + "\n")
        .collect();
    for (name, sound, faulty) in FAULTS {
        let planted = match room.matches(sound).count() {
            1 => room.replace(sound, faulty),
            _ => format!("compile_error!(\"build.rs finds no place for the fault {name}\");"),
        };
        fs::write(Path::new(&out).join(format!("room_{name}.rs")), planted)
            .expect("OUT_DIR is writable");
    }
}
