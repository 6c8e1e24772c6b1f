//! One member as a process.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

use super::{Http, Log, PATIENCE, free_address, until};

/// The binary under test.
pub(crate) const BALSA: &str = env!("CARGO_BIN_EXE_balsa");

/// A member: its directory and addresses stay, its processes come and go. Dropping it kills the process.
pub(crate) struct Server {
    pub(crate) name: String,
    pub(crate) client: SocketAddr,
    pub(crate) peer: SocketAddr,
    /// Holds the data directory, and is the process's working directory.
    home: TempDir,
    args: Vec<String>,
    /// A command of the shell to run first, in the same process.
    shell: Option<String>,
    process: Option<Process>,
    /// Of the former processes.
    past: Vec<Log>,
}

struct Process {
    child: Child,
    log: Log,
}

impl Server {
    /// A member that was not started yet, alone in its cluster.
    pub(crate) fn new(name: &str) -> Server {
        let mut server = Server::nameless(name);
        server.args(&[&format!("--name={name}")]);
        server
    }

    /// One that is told its name by other means than the flag.
    pub(crate) fn nameless(name: &str) -> Server {
        let mut server = Server::bare();
        (server.client, server.peer) = (free_address(), free_address());
        name.clone_into(&mut server.name);
        server.args = vec![
            format!("--listen-client-urls=http://{}", server.client),
            format!("--advertise-client-urls=http://{}", server.client),
            format!("--listen-peer-urls=http://{}", server.peer),
            format!("--initial-advertise-peer-urls=http://{}", server.peer),
            format!("--client-threads={}", client_threads()),
        ];
        server
    }

    /// One that is told nothing at all.
    pub(crate) fn bare() -> Server {
        let local = |port| SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port);
        Server {
            name: "default".to_owned(),
            client: local(2379),
            peer: local(2380),
            home: tempfile::tempdir().expect("a temporary directory"),
            args: Vec::new(),
            shell: None,
            process: None,
            past: Vec::new(),
        }
    }

    /// A member that answers, alone in its cluster.
    pub(crate) fn start(name: &str) -> Server {
        let mut server = Server::new(name);
        server.spawn();
        server.wait_healthy();
        server
    }

    /// Further arguments, from the next start on.
    pub(crate) fn args(&mut self, args: &[&str]) -> &mut Server {
        self.args.extend(args.iter().map(|&arg| arg.to_owned()));
        self
    }

    /// What the shell is to do in the process before it becomes the server, from the next start on.
    pub(crate) fn shell(&mut self, command: Option<&str>) -> &mut Server {
        self.shell = command.map(str::to_owned);
        self
    }

    /// How `--initial-cluster` names it.
    pub(crate) fn as_initial(&self) -> String {
        format!("{}=http://{}", self.name, self.peer)
    }

    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    pub(crate) fn data_dir(&self) -> PathBuf {
        self.home.path().join(format!("{}.balsa", self.name))
    }

    /// The files of its journal, oldest first.
    pub(crate) fn journal(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.data_dir()).expect("a data directory");
        let paths = entries.map(|entry| entry.expect("a readable directory").path());
        let is_segment = |path: &PathBuf| path.to_string_lossy().contains("journal-");
        let mut segments: Vec<PathBuf> = paths.filter(is_segment).collect();
        segments.sort();
        segments
    }

    /// Starts the process and waits for nothing.
    pub(crate) fn spawn(&mut self) {
        assert!(self.process.is_none(), "{} runs already", self.name);
        let mut command = match &self.shell {
            None => Command::new(BALSA),
            Some(first) => {
                let mut shell = Command::new("sh");
                shell
                    .arg("-c")
                    .arg(format!("{first}; exec \"$0\" \"$@\""))
                    .arg(BALSA);
                shell
            }
        };
        command
            .args(&self.args)
            .current_dir(self.home.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        without_etcd_variables(&mut command);
        let mut child = command
            .stderr(Stdio::piped())
            .spawn()
            .expect("the server can be started");
        let log = Log::of(child.stderr.take().expect("standard error is a pipe"));
        self.process = Some(Process { child, log });
    }

    /// Starts it and waits until it answers.
    pub(crate) fn restart(&mut self) {
        self.spawn();
        self.wait_healthy();
    }

    /// Waits until it serves and knows a leader, whatever its space.
    pub(crate) fn wait_healthy(&self) {
        self.log().wait_for("\"serving\"");
        until("the server is healthy", || {
            let health = self.http().get("/health?exclude=NOSPACE");
            health.is_ok_and(|answer| answer.status == 200 && answer.text().contains("\"true\""))
        });
    }

    /// kill -9, and waits until it is dead.
    pub(crate) fn kill(&mut self) {
        let mut process = self.process.take().expect("a server that runs");
        process.child.kill().expect("a child can be killed");
        self.bury(process);
    }

    /// Sends a signal by its name, as `TERM`.
    pub(crate) fn signal(&self, name: &str) {
        let id = self.id().to_string();
        let status = Command::new("kill")
            .args(["-s", name, &id])
            .status()
            .expect("kill can be run");
        assert!(status.success(), "kill -s {name} {id}: {status}");
    }

    /// Waits for the process to end by itself.
    pub(crate) fn wait_end(&mut self) -> ExitStatus {
        let process = self.process.take().expect("a server that runs");
        if !process.log.wait_end(PATIENCE) {
            self.process = Some(process);
            panic!("{} does not end", self.name);
        }
        self.bury(process)
    }

    /// Stops it cleanly.
    pub(crate) fn stop(&mut self) {
        self.signal("TERM");
        let status = self.wait_end();
        assert_eq!(status.code(), Some(0), "{} stops cleanly", self.name);
    }

    pub(crate) fn is_running(&self) -> bool {
        self.process.is_some()
    }

    pub(crate) fn id(&self) -> u32 {
        self.process.as_ref().expect("a server that runs").child.id()
    }

    /// What the running process, or else the last, said.
    pub(crate) fn log(&self) -> &Log {
        let running = self.process.as_ref().map(|process| &process.log);
        running.or(self.past.last()).expect("a server that was started")
    }

    /// A client of its own.
    pub(crate) fn http(&self) -> Http {
        Http::new(self.client)
    }

    pub(crate) fn client_url(&self) -> String {
        format!("http://{}", self.client)
    }

    /// Takes the dead one off the system's list.
    fn bury(&mut self, mut process: Process) -> ExitStatus {
        let status = process.child.wait().expect("a child can be waited for");
        self.past.push(process.log);
        status
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.child.kill();
            self.bury(process);
        }
        if thread::panicking() {
            for (life, log) in self.past.iter().enumerate().rev().take(3).rev() {
                let lines = log.lines();
                let last = &lines[lines.len().saturating_sub(40)..];
                eprintln!(
                    "--- the log of {}, life {}\n{}",
                    self.name,
                    life + 1,
                    last.join("\n")
                );
            }
        }
    }
}

/// How a process ended that was meant to.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs the binary in a directory, to its end, which must come soon.
pub(crate) fn run_in(home: &Path, args: &[&str], variables: &[(&str, &str)]) -> Ended {
    let mut command = Command::new(BALSA);
    without_etcd_variables(&mut command);
    command
        .args(args)
        .envs(variables.iter().copied())
        .current_dir(home);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().expect("the server can be started");
    let stdout = Log::of(child.stdout.take().expect("standard output is a pipe"));
    let stderr = Log::of(child.stderr.take().expect("standard error is a pipe"));
    let ends = stderr.wait_end(PATIENCE) && stdout.wait_end(Duration::from_secs(5));
    if !ends {
        child.kill().expect("a child can be killed");
    }
    let status = child.wait().expect("a child can be waited for");
    assert!(
        ends,
        "balsa {args:?} does not end:\n{}",
        stderr.lines().join("\n")
    );
    Ended {
        code: status.code(),
        stdout: stdout.lines().join("\n"),
        stderr: stderr.lines().join("\n"),
    }
}

/// Runs the binary in a directory of its own.
pub(crate) fn run(args: &[&str], variables: &[(&str, &str)]) -> Ended {
    let home = tempfile::tempdir().expect("a temporary directory");
    run_in(home.path(), args, variables)
}

/// About half of the tests have clients served by threads of their own: which, their names decide, so that each always
/// runs the same way.
fn client_threads() -> usize {
    let thread = thread::current();
    thread.name().map_or(0, |name| name.len() % 2 * 2)
}

/// Whoever runs the tests may have etcd's variables set.
fn without_etcd_variables(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("ETCD_") {
            command.env_remove(name);
        }
    }
}
