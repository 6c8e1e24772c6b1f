//! The driver: two threads, each with its share of the connections, spread over all members.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use net::event_loop::{ConnectionId, Event, EventLoop};
use net::http::client::Client;

use crate::samples::Latencies;
use crate::workload::{Requests, Workload};

/// Threads of the driver. Two, so that it is never slower than a server with one.
const THREADS: usize = 2;
/// How long all answers may fail to come before the run is given up.
const STALL_MAX: Duration = Duration::from_secs(30);

/// A load.
pub(crate) struct Load<'a> {
    pub(crate) addresses: &'a [SocketAddr],
    pub(crate) workload: Workload,
    pub(crate) connections: usize,
    pub(crate) warm_up: Duration,
    pub(crate) duration: Duration,
    pub(crate) seed: u64,
    /// Of the server; none if it is not a process of its own.
    pub(crate) processes: &'a [u32],
}

/// What came of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outcome {
    /// Answers per second.
    pub(crate) rate: f64,
    /// Latencies in milliseconds.
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) p999: f64,
    pub(crate) longest: f64,
    /// Microseconds of processor time that the server's processes, all together, spent per answer. Says more than the
    /// rate does when others use the processors too.
    pub(crate) server: Option<f64>,
    /// How much of its threads' time the driver worked, 0 to 1. Near 1, it is the driver that was measured.
    pub(crate) driver: f64,
}

/// Runs a load to its end.
pub(crate) fn run(load: &Load<'_>) -> io::Result<Outcome> {
    let server_before = time_of(load.processes)?;
    let begin = Instant::now() + load.warm_up;
    let measured: io::Result<Vec<Measured>> = thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|number| scope.spawn(move || Driver::new(load, number, begin)?.drive()))
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().expect("the driver does not panic"))
            .collect()
    });
    let server = time_of(load.processes)? - server_before;
    let mut all = Latencies::new();
    let (mut driver, mut answers) = (0.0, 0);
    for its in &measured? {
        all.merge(&its.latencies);
        driver += its.worked / THREADS as f64;
        answers += its.answers;
    }
    Ok(Outcome {
        rate: all.count() as f64 / load.duration.as_secs_f64(),
        p50: all.percentile(0.5),
        p99: all.percentile(0.99),
        p999: all.percentile(0.999),
        longest: all.longest(),
        server: (!load.processes.is_empty()).then(|| server.as_secs_f64() * 1e6 / answers as f64),
        driver,
    })
}

struct Measured {
    latencies: Latencies,
    worked: f64,
    /// With those of the warm-up.
    answers: u64,
}

/// One thread of the driver.
struct Driver {
    event_loop: EventLoop,
    connections: BTreeMap<u64, Connection>,
    requests: Requests,
    latencies: Latencies,
    answers: u64,
    begin: Instant,
    end: Instant,
}

struct Connection {
    client: Client,
    asked_at: Instant,
}

impl Driver {
    fn new(load: &Load<'_>, number: usize, begin: Instant) -> io::Result<Driver> {
        let mut event_loop = EventLoop::new()?;
        let mut connections = BTreeMap::new();
        for connection in (0..load.connections).filter(|connection| connection % THREADS == number) {
            let address = load.addresses[connection / THREADS % load.addresses.len()];
            let id = event_loop.connect(address)?;
            let client = Client::new(&address.to_string());
            connections.insert(
                id.number(),
                Connection {
                    client,
                    asked_at: begin,
                },
            );
        }
        Ok(Driver {
            event_loop,
            connections,
            requests: load.workload.requests(load.seed * THREADS as u64 + number as u64),
            latencies: Latencies::new(),
            answers: 0,
            begin,
            end: begin + load.duration,
        })
    }

    fn drive(mut self) -> io::Result<Measured> {
        let mut events = Vec::new();
        let mut worked_before = None;
        loop {
            self.event_loop.wait(Some(STALL_MAX), &mut events)?;
            let now = Instant::now();
            if now >= self.end {
                break;
            }
            if now >= self.begin && worked_before.is_none() {
                worked_before = Some(time_worked()?);
            }
            if events.is_empty() {
                return Err(io::Error::other("no answer came for a long time"));
            }
            for event in events.drain(..) {
                match event {
                    Event::Connected(connection) => self.ask(connection),
                    Event::Received(connection) => self.answered(connection, now)?,
                    Event::HalfClosed(_) => return Err(io::Error::other("a member closed a connection")),
                    Event::Closed { reason, .. } => return Err(io::Error::other(reason)),
                    Event::Accepted { .. } | Event::Drained(_) | Event::Woken => {}
                }
            }
            self.event_loop.flush();
        }
        let worked = time_worked()?.saturating_sub(worked_before.unwrap_or_default());
        let worked = worked.as_secs_f64() / (self.end - self.begin).as_secs_f64();
        Ok(Measured {
            latencies: self.latencies,
            worked,
            answers: self.answers,
        })
    }

    fn ask(&mut self, id: ConnectionId) {
        let connection = self.connections.get_mut(&id.number()).expect("one of ours");
        let Some(out) = self.event_loop.output(id) else {
            return;
        };
        connection.asked_at = Instant::now();
        self.requests.write_next(&mut connection.client, out);
    }

    fn answered(&mut self, id: ConnectionId, now: Instant) -> io::Result<()> {
        let connection = self.connections.get_mut(&id.number()).expect("one of ours");
        let Some(input) = self.event_loop.input(id) else {
            return Ok(());
        };
        connection.client.receive(input.as_slice());
        input.consume(input.len());
        let Some(response) = connection.client.next_response().map_err(io::Error::other)? else {
            return Ok(());
        };
        if !self.requests.accepts(response.status) {
            let body = String::from_utf8_lossy(response.body);
            return Err(io::Error::other(format!("answered {}: {body}", response.status)));
        }
        self.answers += 1;
        if now >= self.begin {
            self.latencies.add(now - connection.asked_at);
        }
        self.ask(id);
        Ok(())
    }
}

/// How long this thread has been on a processor.
fn time_worked() -> io::Result<Duration> {
    time_in("/proc/thread-self/schedstat")
}

/// How long all threads of these processes have been on a processor.
fn time_of(processes: &[u32]) -> io::Result<Duration> {
    let mut sum = Duration::ZERO;
    for process in processes {
        for thread in std::fs::read_dir(format!("/proc/{process}/task"))? {
            sum += time_in(thread?.path().join("schedstat"))?;
        }
    }
    Ok(sum)
}

fn time_in(path: impl AsRef<Path>) -> io::Result<Duration> {
    let statistics = std::fs::read_to_string(path)?;
    let nanoseconds = statistics.split(' ').next().and_then(|field| field.parse().ok());
    Ok(Duration::from_nanos(nanoseconds.unwrap_or_default()))
}
