//! The demo: a server and some clients as separate processes. It shows a whole chat, with a server
//! that stops and a new server that starts.
//!
//! The demo is also a test: each step ends only when the expected output has appeared.

mod stage;

use std::time::Duration;

use anyhow::Result;
use stage::Stage;
use tcp_chat::protocol;

use crate::app::args::DemoArgs;
use crate::app::signals;
use crate::app::timeline::create;

/// Time to read, for a person who watches.
const PAUSE: Duration = Duration::from_millis(700);

const NAMES: [&str; 6] = ["Ann", "Bob", "Cleo", "Dan", "Eve", "Finn"];

pub(crate) fn run(DemoArgs { clients, fast, timeline, light }: &DemoArgs) -> Result<()> {
    let quit = signals::on_stop()?;
    let pause = if *fast { Duration::ZERO } else { PAUSE };
    let mut args = vec!["127.0.0.1:0"];
    if let Some(file) = timeline {
        // An error of the server would come late: the demo waits for its other lines.
        create(file.as_ref())?;
        args.extend(["--timeline", file]);
    }
    let mut stage = Stage::new(pause, *light, quit)?;
    let more = (NAMES.len() + 1..).map(|number| format!("Client{number}"));
    let names: Vec<_> = NAMES.map(str::to_owned).into_iter().chain(more).take(*clients).collect();

    stage.heading("A server starts: one process. It will have one thread for each client.")?;
    let (mut server, address) = stage.server(&args)?;

    stage.heading("The clients start. Each of them is a process of its own.")?;
    let mut actors = Vec::new();
    for name in &names {
        actors.push(stage.start(name, &["client", &address, "--name", name])?);
        stage.wait(name, |line| line.contains("Successful!"))?;
        stage.wait("Server", |line| line.contains("Has Connected!"))?;
    }

    stage.heading("Each client says hello. All clients hear it, in the same order.")?;
    for actor in &mut actors {
        stage.talk(actor, "hello", &names)?;
    }

    let leaver = actors.remove(0);
    let name = &leaver.name;
    stage.heading(&format!("{name} leaves. The server removes its record; the others stay."))?;
    stage.leave(leaver, &names)?;
    let stayed = &names[1..];

    stage.heading("The server stops and tells every client. The clients try to reconnect.")?;
    stage.stop(&mut server)?;
    for name in stayed {
        stage.wait(name, protocol::is_offline)?;
        stage.wait(name, |line| line.contains(" Lost ("))?;
        stage.wait(name, |line| line.contains(" Failed ("))?;
    }

    stage.heading(&format!("{} says something. The line waits for a server.", stayed[0]))?;
    stage.type_line(&mut actors[0], "is anybody there?")?;

    stage.heading("A new server starts on the same port. The clients connect by themselves.")?;
    let (mut server, _) = stage.server(&[&address])?;
    for name in stayed {
        stage.wait(name, |line| line.contains("Successful!"))?;
        stage.wait("Server", |line| line.contains("Has Connected!"))?;
    }
    let kept = actors[0].name.says("is anybody there?");
    // The others receive it too if they reconnected in time, but this is not promised.
    stage.all_hear(&kept, &stayed[..1])?;
    for actor in &mut actors {
        stage.talk(actor, "still here", stayed)?;
    }

    stage.heading("All clients leave, and the server stops.")?;
    for (index, actor) in actors.into_iter().enumerate() {
        stage.leave(actor, &stayed[index..])?;
    }
    stage.stop(&mut server)?;
    stage.heading("Done: the demo has checked every step.")
}
