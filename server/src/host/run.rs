//! The loop: wait for an input or the deadline, hand every input to the node, perform every output, repeat.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use net::event_loop::{Event, EventLoop, ListenerId};
use net::hello::Identity;
use node::{DiskUse, Input, Node, Output};
use raft_core::Time;
use storage::disk::FileDisk;
use storage::journal::{WriteError, Writer};
use storage::repair::RepairError;
use storage::snapshot::{self, Encoder};
use thiserror::Error;

use super::boot::{self, Booted};
use super::clock::Clock;
use super::descriptors;
use super::disk_thread::DiskThread;
use super::front::Front;
use super::metrics::HostMetrics;
use super::peers::Peers;
use super::repair::Petition;
use super::resolver::Resolver;
use super::retire_thread::RetireThread;
use super::snapshot_thread::SnapshotThread;
use crate::config::Config;
use crate::exit::Stop;
use crate::{hints, signals};

mod again;

use again::BootAgain;

/// Peer connections served at once.
const PEERS_MAX: usize = 256;
/// How long requests under way, and the hand-over of the lead, may take after a signal.
const CLOSING_MAX: Duration = Duration::from_secs(5);

/// Why a running server ends in failure.
#[derive(Debug, Error)]
pub(crate) enum HostError {
    #[error("cannot listen at {address}: {source}")]
    Listen {
        address: SocketAddr,
        source: std::io::Error,
    },
    #[error("the event loop failed: {0}")]
    EventLoop(std::io::Error),
    #[error("no thread can be started: {0}")]
    Thread(std::io::Error),
    #[error("stopping, since nothing may be promised any more: {0}")]
    Disk(WriteError),
    #[error("the repair of this member failed: {0}")]
    Repair(RepairError),
    #[error(
        "{loss}; and the other members have not taken this one in again for long: there is no quorum of them. Nothing was \
         changed; start it again once they are up, or mend what is damaged"
    )]
    NotTakenIn { loss: String },
    #[error("stopping, since nothing may be promised any more: {0}")]
    Snapshot(snapshot::WriteError),
}

/// Serves until a signal or a failure. What was acknowledged is on disk either way.
pub(crate) fn run(config: &Config) -> Result<(), Stop> {
    let clock = Clock::new();
    let mut event_loop = EventLoop::new().map_err(HostError::EventLoop)?;
    // Before the data directory: a port in use leaves it alone.
    let clients_max = descriptors::clients_max(config.listen_clients.len());
    let clients_at = listen(&mut event_loop, &config.listen_clients, clients_max)?;
    let peers_at = listen(&mut event_loop, &config.listen_peers, PEERS_MAX)?;
    let stopping = Arc::new(AtomicBool::new(false));
    let (flag, waker) = (Arc::clone(&stopping), event_loop.waker());
    signals::on_stop(move |signal| {
        log::info!("signal" = signal; "stopping");
        flag.store(true, Ordering::SeqCst);
        waker.wake();
    })?;
    let data = boot::open(config)?;
    let Booted {
        node,
        writer,
        identity,
        petition,
    } = boot::boot(config, &clock, &data, false)?;
    let snapshots = SnapshotThread::start(data.clone(), event_loop.waker()).map_err(HostError::Thread)?;
    let metrics = HostMetrics::new(Duration::from_nanos(clock.now().wall.0));
    let disk = start_disk(writer, &event_loop, &metrics)?;
    let identity_told = api::Identity {
        cluster_id: identity.cluster_id,
        access: Arc::new(config.access.clone()),
    };
    let front = Front::start(config.client_threads, identity_told, &metrics, &event_loop)
        .map_err(HostError::Thread)?;
    let resolver = Resolver::start(event_loop.waker()).map_err(HostError::Thread)?;
    let retire = RetireThread::start().map_err(HostError::Thread)?;
    log::info!(
        "clients":? = clients_at.iter().map(|(_, address)| address).collect::<Vec<_>>(),
        "peers":? = peers_at.iter().map(|(_, address)| address).collect::<Vec<_>>();
        "listening"
    );
    log_member(&identity, petition.as_ref());
    if config.bare {
        eprint!("{}", hints::hints(clients_at[0].1));
    }
    let host = Host {
        front,
        inputs: Vec::new(),
        cluster_id: identity.cluster_id,
        peers: Peers::new(identity, resolver),
        client_listeners: clients_at.into_iter().map(|(id, _)| id).collect(),
        event_loop,
        node,
        disk,
        snapshots,
        retire,
        disk_use: DiskUse::default(),
        metrics,
        clock,
        removed: false,
        config,
        data,
        petition,
        boots_again: None,
    };
    host.serve(&stopping)
}

fn start_disk(
    writer: Option<Writer<FileDisk>>,
    event_loop: &EventLoop,
    metrics: &HostMetrics,
) -> Result<Option<DiskThread>, HostError> {
    let start =
        |writer| DiskThread::start(writer, event_loop.waker(), metrics.clone()).map_err(HostError::Thread);
    writer.map(start).transpose()
}

fn log_member(identity: &Identity, petition: Option<&Petition>) {
    let (member, cluster) = (identity.member_id, identity.cluster_id);
    log::info!(
        "member-id":% = format_args!("{member:x}"), "cluster-id":% = format_args!("{cluster:x}");
        "{}", if petition.is_some() { "waiting to be taken in by the other members" } else { "serving" }
    );
}

fn listen(
    event_loop: &mut EventLoop,
    addresses: &[SocketAddr],
    connections_max: usize,
) -> Result<Vec<(ListenerId, SocketAddr)>, HostError> {
    let listen = |&address| {
        event_loop
            .listen(address, connections_max)
            .map_err(|source| HostError::Listen { address, source })
    };
    addresses.iter().map(listen).collect()
}

struct Host<'config> {
    clock: Clock,
    event_loop: EventLoop,
    node: Node,
    /// None of a petitioner.
    disk: Option<DiskThread>,
    snapshots: SnapshotThread,
    cluster_id: u64,
    retire: RetireThread,
    front: Front,
    /// Of the clients, in this round; kept for its memory.
    inputs: Vec<Input>,
    peers: Peers,
    client_listeners: Vec<ListenerId>,
    /// As last told to the node.
    disk_use: DiskUse,
    metrics: HostMetrics,
    /// This member was removed from the cluster.
    removed: bool,
    config: &'config Config,
    data: FileDisk,
    /// This member's directory is damaged, and it asks the others to take it in.
    petition: Option<Petition>,
    /// This member becomes another one after this turn.
    boots_again: Option<BootAgain>,
}

impl Host<'_> {
    fn serve(mut self, stopping: &AtomicBool) -> Result<(), Stop> {
        let mut events = Vec::new();
        let mut close_at = None;
        self.turn()?;
        loop {
            self.event_loop
                .wait(self.timeout(close_at), &mut events)
                .map_err(HostError::EventLoop)?;
            for event in events.drain(..) {
                self.take_event(event);
            }
            if let Some(saved) = self.disk.as_ref().and_then(DiskThread::take_saved) {
                let stamp = saved.map_err(HostError::Disk)?;
                self.node.handle(self.clock.now(), Input::Saved(stamp));
            }
            while let Some(done) = self.snapshots.take_done() {
                let input = done.map_err(HostError::Snapshot)?;
                self.node.handle(self.clock.now(), input);
            }
            self.tell_of_space();
            if close_at.is_none() && (self.removed || stopping.load(Ordering::SeqCst)) {
                close_at = Some(self.begin_to_stop());
            }
            self.turn()?;
            self.boot_again()?;
            self.give_up_in_time()?;
            if close_at.is_some_and(|close_at| self.may_stop() || self.clock.elapsed() >= close_at) {
                self.event_loop.flush();
                log::info!("stopped");
                return Ok(());
            }
        }
    }

    fn tell_of_space(&mut self) {
        let Some(disk) = &self.disk else { return };
        if let Some(is_out) = disk.take_out_of_space() {
            self.node.handle(self.clock.now(), Input::OutOfSpace(is_out));
        }
        let disk_use = DiskUse {
            journal_bytes: disk.journal_bytes(),
            snapshot_bytes: self.snapshots.bytes(),
        };
        if std::mem::replace(&mut self.disk_use, disk_use) != disk_use {
            self.metrics.note_disk_use(disk_use);
            self.node.handle(self.clock.now(), Input::DiskUsed(disk_use));
        }
    }

    /// No more requests, and no more lead. Returns when to stop even if not all is in order by then.
    fn begin_to_stop(&mut self) -> Duration {
        let now = self.clock.elapsed();
        self.front.close(&mut self.event_loop, now);
        self.node.handle(self.clock.now(), Input::HandOver);
        now + CLOSING_MAX
    }

    /// Whether nobody waits for this member any more.
    fn may_stop(&self) -> bool {
        self.front.is_done() && !self.event_loop.has_output() && !self.node.is_handing_over()
    }

    /// One turn: every input there is, every output that follows, one flush.
    fn turn(&mut self) -> Result<(), HostError> {
        let elapsed = self.clock.elapsed();
        self.peers.take_addresses(elapsed);
        self.front.sweep(&mut self.event_loop, elapsed);
        loop {
            let now = self.clock.now();
            self.front
                .take_inputs(&mut self.inputs)
                .map_err(HostError::EventLoop)?;
            for input in self.peers.inputs.drain(..).chain(self.inputs.drain(..)) {
                self.node.handle(now, input);
            }
            self.node.handle(now, Input::Tick);
            while let Some(output) = self.node.poll() {
                self.perform(output, elapsed);
            }
            if !self.front.end_round() {
                break;
            }
        }
        self.peers.drive(&mut self.event_loop, self.clock.elapsed());
        self.event_loop.flush();
        Ok(())
    }

    fn take_event(&mut self, event: Event) {
        let now = self.clock.elapsed();
        match event {
            Event::Accepted {
                listener, connection, ..
            } if self.client_listeners.contains(&listener) => {
                self.front.accepted(&mut self.event_loop, connection, now);
            }
            Event::Accepted { connection, peer, .. } => {
                self.peers.accepted(&mut self.event_loop, connection, peer, now)
            }
            Event::Connected(connection) => self.peers.connected(&mut self.event_loop, connection, now),
            Event::Received(connection) if self.peers.has(connection) => {
                self.peers
                    .received(&mut self.event_loop, connection, &self.node, now);
            }
            Event::HalfClosed(connection) if self.peers.has(connection) => {
                self.peers.closed(&mut self.event_loop, connection, now);
            }
            Event::Closed { connection, reason } if self.peers.has(connection) => {
                log::debug!("connection" = connection.number(), "reason":% = reason; "a peer's connection ended");
                self.peers.closed(&mut self.event_loop, connection, now);
            }
            other => self.front.take_event(&mut self.event_loop, other, now),
        }
    }

    fn perform(&mut self, output: Output, now: Duration) {
        match output {
            Output::Save(save) => self.disk.as_ref().expect("a petitioner saves nothing").save(save),
            Output::SaveSnapshot { mark, view } => {
                let store = view.into_store().expect("a running node's view has its state");
                self.snapshots.save(Encoder::new(self.cluster_id, *mark, store));
            }
            Output::KeepPiece { offset, data } => self.snapshots.keep(offset, data),
            Output::PublishSnapshot(mark) => self.snapshots.publish(&mark),
            Output::DropIncoming { why } => {
                log::warn!("reason" = why; "the leader's snapshot is not sound and is begun anew");
                self.snapshots.drop_incoming();
            }
            Output::DropLogBefore(index) => {
                if let Some(disk) = &self.disk {
                    disk.drop_before(index);
                }
                self.snapshots.drop_before(index);
            }
            Output::Send { lane, message } => self.peers.send(lane, &message),
            Output::Peers(membership) => self.peers.set_members(&mut self.event_loop, &membership),
            Output::Reply { client, id, response } => {
                self.front.reply(&mut self.event_loop, client, id, response, now);
            }
            Output::Events { to, events } => self.front.tell(&mut self.event_loop, &to, events, now),
            Output::Leader {
                leader: Some(leader),
                term,
            } => {
                log::info!("leader":% = leader, "term" = term.0; "a leader is known");
            }
            Output::Leader { leader: None, term } => log::debug!("term" = term.0; "no leader is known"),
            Output::Why(why) if why.is_notable() => log::info!("reason":% = why; "raft"),
            Output::Why(why) => log::debug!("reason":% = why; "raft"),
            Output::Removed => {
                self.removed = true;
                log::error!(
                    "this member was permanently removed from the cluster; its data directory must be removed too: \
                     another member can only be started with a new one"
                );
            }
            Output::TakenIn => self.boots_again = Some(BootAgain::TakenIn),
            Output::DirectoryLost => self.boots_again = Some(BootAgain::Lost),
            Output::Repaired => self.repaired(),
            Output::Doubt(doubt) => log::error!("doubt":% = doubt; "states compared"),
            Output::NothingToDefragment => {
                log::info!("defragmentation was asked for: there is never anything to defragment");
            }
            Output::Retired(retired) => self.retire.free_there(retired),
            Output::Alarm(alarm) => {
                log::error!("alarm":% = alarm; "the protocol is broken: takes part no more")
            }
        }
    }

    /// Until something must be done even if nothing happens.
    fn timeout(&self, close_at: Option<Duration>) -> Option<Duration> {
        if !self.peers.inputs.is_empty() {
            return Some(Duration::ZERO);
        }
        let now = self.clock.elapsed();
        let node = match self.node.deadline() {
            Time::NEVER => Duration::MAX,
            at => Duration::from_micros(at.0),
        };
        let deadline = node.min(self.peers.deadline()).min(self.front.deadline());
        let petition = self
            .petition
            .as_ref()
            .map_or(Duration::MAX, |petition| petition.until);
        Some(
            deadline
                .min(petition)
                .min(close_at.unwrap_or(Duration::MAX))
                .saturating_sub(now),
        )
    }
}
