//! The harness: members as processes, alone or as a cluster.

mod http;
mod keys;
mod log;
mod ports;
mod server;
mod workload;

pub(crate) use http::{Answer, Http, read_answer};
pub(crate) use keys::{get_v2, get_v3, header_of, put_v2, put_v3, range_v3, status};
pub(crate) use log::{Log, until};
pub(crate) use ports::{free_address, loopback};
pub(crate) use server::{BALSA, Server, run, run_in};
pub(crate) use workload::{Crew, Shift, check_promises, write_keys};

use std::process::{Command, Stdio};
use std::time::Duration;

/// How long anything may take before a test gives up: far beyond what a busy machine needs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// Arguments for a cluster whose leader is to stay: clients that do not ask again see no election, even if the machine
/// leaves a process waiting for a second or two.
pub(crate) const CALM: &[&str] = &["--election-timeout=4000"];

/// Members of one cluster. Dropping it kills them all and removes their directories.
pub(crate) struct Cluster {
    pub(crate) members: Vec<Server>,
}

impl Cluster {
    /// Starts so many members, with the same further arguments, and waits until all of them answer.
    pub(crate) fn start(size: usize, further: &[&str]) -> Cluster {
        Cluster::start_after(None, size, further)
    }

    /// The same with a command of the shell's to run first in each process.
    pub(crate) fn start_after(shell: Option<&str>, size: usize, further: &[&str]) -> Cluster {
        let mut members: Vec<Server> = (1..=size)
            .map(|number| Server::new(&format!("n{number}")))
            .collect();
        let all: Vec<String> = members.iter().map(Server::as_initial).collect();
        for member in &mut members {
            member.args(&["--initial-cluster", &all.join(",")]).args(further);
            member.shell(shell).spawn();
        }
        let cluster = Cluster { members };
        for member in &cluster.members {
            member.wait_healthy();
        }
        cluster
    }

    /// Kills all.
    pub(crate) fn kill(&mut self) {
        self.members.iter_mut().for_each(Server::kill);
    }

    /// Starts all again, and waits until they answer.
    pub(crate) fn spawn(&mut self) {
        self.members.iter_mut().for_each(Server::spawn);
        self.members.iter().for_each(Server::wait_healthy);
    }

    /// Which member leads, as soon as one of them says so and agrees that it is it.
    pub(crate) fn wait_leader(&self) -> usize {
        let mut found = None;
        until("a member leads", || {
            found = self.members.iter().position(|member| {
                let Some(status) = member
                    .is_running()
                    .then(|| status(&mut member.http()))
                    .and_then(Result::ok)
                else {
                    return false;
                };
                let leader = status["leader"].as_str();
                leader.is_some() && leader == status["header"]["member_id"].as_str()
            });
            found.is_some()
        });
        found.expect("it was just found")
    }

    /// Any member that does not lead.
    pub(crate) fn a_follower(&self) -> &Server {
        let leader = self.wait_leader();
        &self.members[(leader + 1) % self.members.len()]
    }
}

/// Whether a program can be run here.
pub(crate) fn has(program: &str, argument: &str) -> bool {
    let mut command = Command::new(program);
    command
        .arg(argument)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.status().is_ok()
}

/// Says, past the capture of the test's output, that a test could not be done: CI looks for the word.
pub(crate) fn skipped(why: &str) {
    use std::io::Write as _;
    let line = format!("SKIPPED: {why}\n");
    std::io::stderr()
        .write_all(line.as_bytes())
        .expect("standard error is open");
}
