//! Leases by the million on one member: how many are granted, renewed and ended in a second of the node's thread, and how
//! long it is away at most. The member has a disk that saves at once, and no network; what it retires is freed outside
//! the times, as the server does on another thread. A turn is what the server does between two looks at its sockets: it
//! hears all requests that came, and does all that the node wants done.
//!
//! The thread's processor time is taken: it is the time by the clock on an idle machine.
//!
//! `cargo bench -p node --bench leases`, with the number of leases behind `--` (a million if there is none).
#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "a benchmark measures time"
)]

use std::time::Duration;

use bytes::Bytes;
use cpu_time::ThreadTime;
use node::{
    Answer, AutoCompaction, ClientId, Config, Input, Node, Now, Output, Request, RequestId, Response,
    Retired, SnapshotPolicy, View, WallTime,
};
use raft_core::{Image, Membership, NodeId, SnapshotMark, Stamp, Time};
use storage::store::Store;
use storage::store::command::{Attributes, Command, Outcome, Put};
use storage::store::query::LeaseId;

/// As in the server; see ARCHITECTURE.md.
#[global_allocator]
static MEMORY: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Clients with one request each in a turn.
const CLIENTS: usize = 256;
/// Seconds.
const TTL: u64 = 600;

fn main() {
    let given = std::env::args().skip(1).find_map(|word| word.parse().ok());
    let leases: usize = given.unwrap_or(1_000_000);
    println!("{leases} leases with a key each; turns with up to {CLIENTS} requests");
    let mut host = Host::boot(Image::default(), None);
    let ids = host.grant(leases);
    host.renew("renewals", &ids);
    host.take_over(&ids);
    host.expire(leases);
}

/// One member and all that is around it.
struct Host {
    node: Node,
    now: u64,
    saved: Option<Stamp>,
    snapshots: Vec<Input>,
    replies: Vec<Response>,
    garbage: Vec<(Option<Retired>, Option<View>)>,
    turns: Turns,
}

/// How long the turns of one kind took.
#[derive(Default)]
struct Turns(Vec<Duration>);

impl Turns {
    fn print(mut self, name: &str, count: usize) {
        self.0.sort();
        let total: Duration = self.0.iter().sum();
        let micros = |share: f64| {
            let at = (self.0.len() - 1) as f64 * share;
            self.0[at as usize].as_secs_f64() * 1e6
        };
        println!(
            "{name:34} {:>8.0} a second; a turn: median {:>6.0} us, 99.9 % {:>6.0} us, longest {:>6.0} us",
            count as f64 / total.as_secs_f64(),
            micros(0.5),
            micros(0.999),
            micros(1.0),
        );
    }
}

impl Host {
    fn boot(mut image: Image, store: Option<Store>) -> Host {
        if store.is_none() {
            let voters = [(NodeId(1), vec!["http://127.0.0.1:2380".to_owned()])];
            image.snapshot = SnapshotMark {
                membership: Membership::of_voters(voters),
                ..SnapshotMark::default()
            };
        }
        let config = Config {
            raft: raft_core::Config::new(NodeId(1), 1),
            cluster_id: 1,
            data_id: 1,
            quota_bytes: u64::MAX,
            auto_compaction: AutoCompaction::Off,
            watch_progress_interval: node::WATCH_PROGRESS_INTERVAL,
            repair: None,
            snapshots: SnapshotPolicy::default(),
            attributes: Attributes {
                name: "n1".to_owned(),
                client_urls: Vec::new(),
            },
        };
        let mut host = Host {
            node: Node::boot(config, image, store, Now::default()),
            now: 0,
            saved: None,
            snapshots: Vec::new(),
            replies: Vec::new(),
            garbage: Vec::new(),
            turns: Turns::default(),
        };
        while !(host.node.raft().is_leader() && host.is_idle()) {
            host.pass(10_000);
            host.turn(Vec::new());
        }
        host
    }

    /// Microseconds go by.
    fn pass(&mut self, micros: u64) {
        self.now += micros;
    }

    fn is_idle(&self) -> bool {
        self.saved.is_none() && self.snapshots.is_empty() && self.node.waiting() == 0
    }

    /// One turn of the host.
    fn turn(&mut self, requests: Vec<Request>) {
        let now = Now {
            monotonic: Time(self.now),
            wall: WallTime(self.now * 1000),
        };
        let mut inputs: Vec<Input> = self.snapshots.drain(..).collect();
        inputs.extend(self.saved.take().map(Input::Saved));
        inputs.push(Input::Tick);
        inputs.extend(
            requests
                .into_iter()
                .enumerate()
                .map(|(number, request)| Input::Request {
                    client: ClientId(number as u64),
                    id: RequestId(self.now),
                    request,
                }),
        );
        let begun = ThreadTime::now();
        for input in inputs {
            self.node.handle(now, input);
        }
        while let Some(output) = self.node.poll() {
            match output {
                Output::Save(save) => self.saved = Some(save.stamp),
                Output::SaveSnapshot { mark, view } => {
                    self.snapshots.push(Input::SnapshotSaved(mark.position));
                    self.garbage.push((None, Some(view)));
                }
                Output::Retired(retired) => self.garbage.push((Some(retired), None)),
                Output::Reply { response, .. } => self.replies.push(*response),
                _ => {}
            }
        }
        self.turns.0.push(begun.elapsed());
        self.garbage.clear();
        self.pass(1);
    }

    /// Asks all of it, and waits for the answers.
    fn ask(&mut self, requests: impl Iterator<Item = Request>) -> Vec<Answer> {
        let mut answers = Vec::new();
        let mut requests = requests.peekable();
        while requests.peek().is_some() || !self.is_idle() {
            let free = CLIENTS - self.node.waiting().min(CLIENTS);
            let asked = requests.by_ref().take(free).collect();
            self.turn(asked);
            answers.extend(
                self.replies
                    .drain(..)
                    .map(|response| response.result.expect("it succeeds")),
            );
        }
        answers
    }

    fn grant(&mut self, leases: usize) -> Vec<LeaseId> {
        self.turns = Turns::default();
        let grant = |_| {
            Request::Write(Command::LeaseGrant {
                id: LeaseId::NONE,
                ttl: TTL,
            })
        };
        let granted = self.ask((0..leases).map(grant));
        let granted: Vec<LeaseId> = granted
            .into_iter()
            .map(|answer| match answer {
                Answer::Done(Outcome::LeaseGranted { id, .. }) => id,
                other => panic!("{other:?} to a grant"),
            })
            .collect();
        std::mem::take(&mut self.turns).print("grants", leases);
        let put = |(number, lease): (usize, &LeaseId)| {
            Request::Write(Command::Put(Put {
                key: Bytes::from(format!("service/{number:012}")),
                value: Bytes::from_static(b"10.0.0.1:80"),
                lease: *lease,
                previous: false,
                ignore_value: false,
                ignore_lease: false,
            }))
        };
        self.ask(granted.iter().enumerate().map(put));
        std::mem::take(&mut self.turns).print("puts of a key on each", leases);
        granted
    }

    fn renew(&mut self, name: &str, ids: &[LeaseId]) {
        self.turns = Turns::default();
        let renewed = self.ask(ids.iter().map(|id| Request::LeaseKeepAlive { id: *id }));
        let all = |answer: &Answer| matches!(answer, Answer::LeaseRenewed { ttl: TTL, .. });
        assert!(renewed.iter().all(all), "every lease is renewed");
        std::mem::take(&mut self.turns).print(name, ids.len());
    }

    /// Another leader comes, which has to learn of all leases: renewals meanwhile.
    fn take_over(&mut self, ids: &[LeaseId]) {
        let store = self.node.store().clone();
        let membership = self.node.raft().committed_membership().clone();
        let image = Image {
            ballot: self.node.raft().ballot(),
            commit: self.node.applied().index,
            snapshot: SnapshotMark {
                position: self.node.applied(),
                membership,
            },
            entries: Vec::new(),
        };
        let former = std::mem::replace(self, Host::boot(image, Some(store)));
        self.renew("renewals under a new leader", ids);
        // Not before: what is freed here would be tidied up by the allocator there.
        drop(former);
    }

    fn expire(&mut self, leases: usize) {
        self.pass(TTL * 1_000_000 + 1_000_000);
        self.turns = Turns::default();
        let now = |host: &Host| host.node.store().leases_after(None).next().is_some();
        while now(self) {
            self.turn(Vec::new());
        }
        std::mem::take(&mut self.turns).print("ends, with their keys", leases);
    }
}
