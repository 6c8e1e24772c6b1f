//! Real processes: members of either kind, each on free ports and an empty directory, killed when dropped.

use std::fs::File;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::workload::Workload;

/// How long a cluster may take to answer for the first time.
const START_MAX: Duration = Duration::from_secs(180);
/// How often a starting member is asked.
const ASK_EVERY: Duration = Duration::from_micros(500);

/// What to run. Both take the same flags.
#[derive(Clone, Copy)]
pub(crate) enum Program<'a> {
    Balsa(&'a Path),
    Etcd(&'a Path),
}

/// Members that answer.
pub(crate) struct Cluster {
    members: Vec<Member>,
    /// Where the members' homes are; goes with them.
    run: Option<PathBuf>,
}

struct Member {
    process: Child,
    /// How it was started.
    command: Command,
    address: SocketAddr,
    home: PathBuf,
}

impl Cluster {
    /// Starts members and returns when each has answered a put.
    pub(crate) fn start(program: Program<'_>, members: usize, data: &Path) -> io::Result<Cluster> {
        static STARTED: AtomicU64 = AtomicU64::new(0);
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let run = data.join(format!("run-{}-{number}", std::process::id()));
        let ports = free_ports(2 * members)?;
        let names: Vec<String> = (1..=members).map(|number| format!("n{number}")).collect();
        let urls = ports.iter().map(|port| format!("http://127.0.0.1:{port}"));
        let urls: Vec<String> = urls.collect();
        let (client_urls, peer_urls) = urls.split_at(members);
        let pairs = names.iter().zip(peer_urls);
        let all = pairs
            .map(|(name, url)| format!("{name}={url}"))
            .collect::<Vec<_>>()
            .join(",");
        let mut cluster = Cluster {
            members: Vec::new(),
            run: Some(run.clone()),
        };
        for (number, name) in names.iter().enumerate() {
            let home = run.join(name);
            std::fs::create_dir_all(&home)?;
            let mut command = command(program, name, &home)?;
            command
                .args(["--listen-client-urls", &client_urls[number]])
                .args(["--advertise-client-urls", &client_urls[number]])
                .args(["--listen-peer-urls", &peer_urls[number]])
                .args(["--initial-advertise-peer-urls", &peer_urls[number]])
                .args(["--initial-cluster", &all]);
            let process = command.spawn()?;
            let address = (Ipv4Addr::LOCALHOST, ports[number]).into();
            cluster.members.push(Member {
                process,
                command,
                address,
                home,
            });
        }
        for member in &mut cluster.members {
            member.wait_until_it_answers(Workload::Put)?;
        }
        Ok(cluster)
    }

    /// kill -9 of the first member, and how long from its next start until it has answered a linearizable read.
    pub(crate) fn restart(&mut self) -> io::Result<Duration> {
        let member = &mut self.members[0];
        member.process.kill()?;
        member.process.wait()?;
        let begun = Instant::now();
        member.process = member.command.spawn()?;
        member.wait_until_it_answers(Workload::Range)?;
        Ok(begun.elapsed())
    }

    /// Where clients reach the members.
    pub(crate) fn addresses(&self) -> Vec<SocketAddr> {
        self.members.iter().map(|member| member.address).collect()
    }

    /// Leaves data and logs where they are.
    pub(crate) fn keep(&mut self) {
        self.run = None;
    }

    /// The members' process ids.
    pub(crate) fn processes(&self) -> Vec<u32> {
        self.members.iter().map(|member| member.process.id()).collect()
    }

    /// Memory of the first member, in KiB: resident, and the part of it that is not mapped from files.
    pub(crate) fn memory_kib(&self) -> io::Result<(u64, u64)> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.members[0].process.id()))?;
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|line| line.split_whitespace().next()?.parse().ok())
                .unwrap_or_default()
        };
        Ok((field("VmRSS:"), field("RssAnon:")))
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for member in &mut self.members {
            // It is over either way: there is nobody to tell.
            let _ = member.process.kill();
            let _ = member.process.wait();
        }
        if let Some(run) = &self.run {
            let _ = std::fs::remove_dir_all(run);
        }
    }
}

impl Member {
    fn wait_until_it_answers(&mut self, workload: Workload) -> io::Result<()> {
        let deadline = Instant::now() + START_MAX;
        while !matches!(ask_once(self.address, workload), Ok(true)) {
            if let Some(status) = self.process.try_wait()? {
                let log = std::fs::read_to_string(self.home.join("log"))?;
                return Err(io::Error::other(format!("a member ended with {status}:\n{log}")));
            }
            if Instant::now() > deadline {
                let log = std::fs::read_to_string(self.home.join("log"))?;
                return Err(io::Error::other(format!("a member does not answer:\n{log}")));
            }
            thread::park_timeout(ASK_EVERY);
        }
        Ok(())
    }
}

fn command(program: Program<'_>, name: &str, home: &Path) -> io::Result<Command> {
    let path = match program {
        Program::Balsa(path) | Program::Etcd(path) => path,
    };
    let mut command = Command::new(path);
    let log = File::create(home.join("log"))?;
    command
        .args(["--name", name, "--data-dir"])
        .arg(home.join("data"));
    command.arg("--enable-v2");
    command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
    Ok(command)
}

/// Asks one thing. False if it was answered, but not well: there may be no leader yet.
fn ask_once(address: SocketAddr, workload: Workload) -> io::Result<bool> {
    let mut socket = TcpStream::connect(address)?;
    socket.set_nodelay(true)?;
    socket.set_read_timeout(Some(START_MAX))?;
    let mut client = net::http::client::Client::new("localhost");
    let mut request = Vec::new();
    workload.requests(1).write_next(&mut client, &mut request);
    socket.write_all(&request)?;
    let mut bytes = [0; 4096];
    loop {
        let count = socket.read(&mut bytes)?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        client.receive(&bytes[..count]);
        if let Some(response) = client.next_response().map_err(io::Error::other)? {
            return Ok(response.status == 200);
        }
    }
}

/// Ports nobody listens on; all are found before any is let go.
fn free_ports(count: usize) -> io::Result<Vec<u16>> {
    let listeners: io::Result<Vec<_>> = (0..count)
        .map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))
        .collect();
    listeners?
        .iter()
        .map(|listener| Ok(listener.local_addr()?.port()))
        .collect()
}
