//! Balsa: a replicated key-value store that speaks etcd's HTTP+JSON APIs.
//!
//! # What this crate is
//! The server around the node: what it is told (`cli`, `flags`, `env`, `settings`, `config`, `founding`), what it tells
//! (`logging`, `exit`, `help`, `hints`, `panics`), the tools that look at a data directory or make one (`tools`), and the
//! mio host that turns sockets and a disk into the node's inputs
//! and outputs (`host`).
//!
//! # What it must never do
//! Decide anything about Raft or about keys: the node does. Acknowledge what is not on disk: only the disk thread's
//! word, after an fdatasync, becomes a `Saved`. Go on after a failed write or sync, or after a panic.
//!
//! # Threads
//! One for the event loop, the node, clients and peers; one that writes and syncs; one that makes journal segments ahead of
//! need; one that looks names up; one that waits for signals.

mod access;
mod cli;
mod config;
mod data_dir;
mod env;
mod exit;
mod flags;
mod founding;
mod help;
mod hints;
mod host;
mod ids;
mod logging;
mod memory;
mod panics;
mod quota;
mod settings;
mod signals;
mod tools;
mod urls;

use std::io::{self, Write as _};
use std::process::ExitCode;

use cli::Start;
use config::Config;
use exit::Stop;

fn main() -> ExitCode {
    memory::give_back_at_once();
    let done = match cli::parse(std::env::args_os().skip(1), std::env::vars_os()) {
        Ok(Start::Print(text)) => {
            // A closed standard output, as behind `| head`, is no failure.
            let _ = io::stdout().write_all(text.as_bytes());
            Ok(())
        }
        Ok(Start::Serve(config)) => serve(&config),
        Ok(Start::Use(tool)) => tool.run(&mut io::stdout().lock()),
        Err(stop) => Err(stop),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(stop) => stop.report(),
    }
}

fn serve(config: &Config) -> Result<(), Stop> {
    logging::begin(&config.log)?;
    panics::end_the_process();
    config.log_start();
    data_dir::refuse_etcd(&config.data_dir)?;
    host::run(config)
}
