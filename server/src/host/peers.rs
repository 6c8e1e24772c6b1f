//! Links to the other members: one dialled to each for what this member says, and those accepted for what they say.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

use net::event_loop::{ConnectionId, EventLoop};
use net::frame::Frame;
use net::hello::{Identity, Refusal};
use net::peer_link::inbound::{Inbound, InboundError};
use net::peer_link::{self, LinkError, PeerLink, Step};
use net::roster::Roster;
use node::{Input, Lane, Node, PeerMessage};
use raft_core::{Membership, NodeId};

use super::resolver::Resolver;

/// Connections that have not said whose they are; well below those that may be open.
const SILENT_MAX: usize = 64;

/// All links.
#[derive(Debug)]
pub(crate) struct Peers {
    own: Identity,
    roster: Roster,
    resolver: Resolver,
    links: BTreeMap<NodeId, Link>,
    dialled: HashMap<ConnectionId, NodeId>,
    accepted: HashMap<ConnectionId, Inbound>,
    /// For the node, in the order they came.
    pub(crate) inputs: VecDeque<Input>,
}

#[derive(Debug)]
struct Link {
    urls: Vec<String>,
    /// None until an address is known.
    machine: Option<PeerLink>,
    connection: Option<ConnectionId>,
}

impl Peers {
    pub(crate) fn new(own: Identity, resolver: Resolver) -> Peers {
        Peers {
            own,
            roster: Roster::default(),
            resolver,
            links: BTreeMap::new(),
            dialled: HashMap::new(),
            accepted: HashMap::new(),
            inputs: VecDeque::new(),
        }
    }

    /// The member is another one from now on: all links end, and are made anew under its name.
    pub(crate) fn rename(&mut self, event_loop: &mut EventLoop, own: Identity) {
        let connections = self.dialled.keys().chain(self.accepted.keys());
        connections.for_each(|&connection| event_loop.close(connection));
        self.dialled.clear();
        self.accepted.clear();
        self.links.clear();
        self.inputs.clear();
        self.roster = Roster::default();
        self.own = own;
    }

    /// Be linked to exactly these.
    pub(crate) fn set_members(&mut self, event_loop: &mut EventLoop, membership: &Membership) {
        let others = membership
            .addresses
            .iter()
            .filter(|(id, _)| id.0 != self.own.member_id);
        let mut former = std::mem::take(&mut self.links);
        for (&id, urls) in others {
            let link = match former.remove(&id) {
                Some(link) if link.urls == *urls => link,
                changed => {
                    self.resolver.resolve(id, urls.clone());
                    let (machine, connection) =
                        changed.map_or((None, None), |link| (link.machine, link.connection));
                    Link {
                        urls: urls.clone(),
                        machine,
                        connection,
                    }
                }
            };
            self.links.insert(id, link);
        }
        for connection in former.into_values().filter_map(|link| link.connection) {
            self.dialled.remove(&connection);
            event_loop.close(connection);
        }
    }

    /// What the node knows of the members' data directories, before a hello is checked.
    fn refresh_roster(&mut self, node: &Node) {
        let members = node.raft().log_membership().members();
        self.roster.set_open(node.is_outside());
        self.roster
            .set_members(members.into_iter().map(|id| (id.0, node.data_id_of(id))));
        self.roster
            .set_published(node.data_ids().map(|(id, data_id)| (id.0, data_id)));
        self.roster
            .set_removed(node.removed_members().iter().map(|id| id.0));
    }

    /// Addresses that were looked up meanwhile.
    pub(crate) fn take_addresses(&mut self, now: Duration) {
        while let Some((id, addresses)) = self.resolver.take_resolved() {
            let Some(link) = self.links.get_mut(&id) else {
                continue;
            };
            match &mut link.machine {
                Some(machine) => machine.set_addresses(addresses),
                none => *none = Some(PeerLink::new(self.own, id.0, addresses, now)),
            }
        }
    }

    /// Somebody connected. Members say at once who they are, so when too many have not, the one silent for longest goes: else
    /// silent strangers could keep members out.
    pub(crate) fn accepted(
        &mut self,
        event_loop: &mut EventLoop,
        connection: ConnectionId,
        peer: SocketAddr,
        now: Duration,
    ) {
        log::debug!("peer":% = peer; "accepted a peer's connection");
        let silent = || {
            self.accepted
                .iter()
                .filter(|(_, inbound)| inbound.sender().is_none())
        };
        if silent().count() >= SILENT_MAX
            && let Some((&oldest, _)) = silent().min_by_key(|(_, inbound)| inbound.deadline())
        {
            self.accepted.remove(&oldest);
            event_loop.close(oldest);
        }
        self.accepted.insert(connection, Inbound::new(self.own, now));
    }

    /// Whether the connection is a peer's.
    pub(crate) fn has(&self, connection: ConnectionId) -> bool {
        self.dialled.contains_key(&connection) || self.accepted.contains_key(&connection)
    }

    pub(crate) fn connected(&mut self, event_loop: &mut EventLoop, connection: ConnectionId, now: Duration) {
        if let Some(machine) = self.machine_of(connection)
            && let Some(out) = event_loop.output(connection)
        {
            machine.connected(now, out);
        }
    }

    pub(crate) fn received(
        &mut self,
        event_loop: &mut EventLoop,
        connection: ConnectionId,
        node: &Node,
        now: Duration,
    ) {
        self.refresh_roster(node);
        if self.accepted.contains_key(&connection) {
            self.heard(event_loop, connection, now);
        } else if let Some(id) = self.dialled.get(&connection).copied() {
            self.answered(event_loop, connection, id, now);
        }
    }

    /// A peer speaks.
    fn heard(&mut self, event_loop: &mut EventLoop, connection: ConnectionId, now: Duration) {
        let Some((input, out)) = event_loop.buffers(connection) else {
            return;
        };
        let inbound = self.accepted.get_mut(&connection).expect("it was accepted");
        let reason = loop {
            if let Some(sender) = inbound.sender()
                && self.roster.is_removed(sender.member_id)
            {
                // It dials again, and then its hello is refused with the reason.
                break Some("its member was removed".to_owned());
            }
            match inbound.next(now, input, out, &mut self.roster) {
                Ok(None) => return,
                Ok(Some(payload)) => match decode(payload, inbound) {
                    // Whoever asks to be taken in, and was not yet, has nothing else to say.
                    Some(message) if self.roster.known(message.from.0).is_none() && !message.is_plea() => {}
                    Some(message) => self.inputs.push_back(Input::Message(message)),
                    None => break Some("a message that cannot be read, or of another sender".to_owned()),
                },
                // The machine has told the log, once.
                Err(InboundError::Refused(_)) => break None,
                Err(error) => break Some(error.to_string()),
            }
        };
        if let Some(reason) = reason {
            log::warn!("reason" = reason; "closed a peer's connection");
        }
        self.forget_accepted(connection);
        event_loop.close_after_flush(connection);
    }

    /// An accepted connection is gone. If it was the last on which its peer spoke, the peer may be down.
    fn forget_accepted(&mut self, connection: ConnectionId) {
        let sender = self
            .accepted
            .remove(&connection)
            .and_then(|inbound| sender(&inbound));
        if let Some(peer) = sender {
            self.hint_unless_heard(peer);
        }
    }

    /// A peer that dials anew is there before its former connection is known to be gone.
    fn hint_unless_heard(&mut self, peer: NodeId) {
        if !self
            .accepted
            .values()
            .any(|inbound| sender(inbound) == Some(peer))
        {
            self.inputs.push_back(Input::LinkClosed(peer));
        }
    }

    /// A peer that was dialled answers the hello, or a probe.
    fn answered(&mut self, event_loop: &mut EventLoop, connection: ConnectionId, id: NodeId, now: Duration) {
        let Some((input, _)) = event_loop.buffers(connection) else {
            return;
        };
        let link = self
            .links
            .get_mut(&id)
            .expect("a dialled connection has its link");
        let machine = link.machine.as_mut().expect("what was dialled has a machine");
        // The machine has told the log why.
        let Err(error) = machine.received(now, input, &mut self.roster) else {
            return;
        };
        let member = self.own.member_id;
        if error == LinkError::Refused(Refusal::Removed { member }) {
            self.inputs.push_back(Input::RefusedAsRemoved { by: id });
        }
        if let LinkError::Refused(Refusal::OtherDirectory { member: refused, .. }) = error
            && refused == member
        {
            self.inputs.push_back(Input::RefusedAsOther { by: id });
        }
        if let LinkError::Refused(Refusal::OtherReceiver { wanted, receiver }) = error
            && wanted == id.0
        {
            self.roster.listens_there(receiver);
            let (wanted, found) = (id, NodeId(receiver));
            self.inputs.push_back(Input::FoundThere { wanted, found });
        }
        link.connection = None;
        self.dialled.remove(&connection);
        event_loop.close(connection);
        self.resolver.resolve_again(id, &link.urls);
    }

    /// A connection ended, or the other side said that it sends no more: a link is of no use by halves.
    pub(crate) fn closed(&mut self, event_loop: &mut EventLoop, connection: ConnectionId, now: Duration) {
        event_loop.close(connection);
        self.forget_accepted(connection);
        if let Some(id) = self.dialled.remove(&connection)
            && let Some(link) = self.links.get_mut(&id)
        {
            link.connection = None;
            if let Some(machine) = &mut link.machine {
                machine.closed(now);
            }
            // A name may lead elsewhere by now.
            self.resolver.resolve_again(id, &link.urls);
            // Also if nobody was there to be dialled, as after the restart of this member.
            self.hint_unless_heard(id);
        }
    }

    /// Queues a message for its receiver; dropped if the link is down or full: Raft says it again.
    pub(crate) fn send(&mut self, lane: Lane, message: &PeerMessage) {
        let Some(machine) = self
            .links
            .get_mut(&message.to)
            .and_then(|link| link.machine.as_mut())
        else {
            return;
        };
        let encoded = Frame::with(|out| {
            let bytes = std::mem::take(out);
            *out = postcard::to_extend(message, bytes).expect("a message always has a postcard form");
        });
        match encoded {
            Ok(frame) => {
                let lane = match lane {
                    Lane::Urgent => peer_link::Lane::Urgent,
                    Lane::Bulk => peer_link::Lane::Bulk,
                };
                machine.send(lane, frame);
            }
            Err(error) => log::error!("to":% = message.to, error:%; "a message does not fit a frame"),
        }
    }

    /// Dials, gives up, and moves queued frames into the sockets' buffers: once a turn, before the flush.
    pub(crate) fn drive(&mut self, event_loop: &mut EventLoop, now: Duration) {
        for (&id, link) in &mut self.links {
            let Some(machine) = &mut link.machine else {
                continue;
            };
            let pending = link
                .connection
                .map_or(0, |connection| event_loop.pending(connection));
            match machine.tick(now, pending) {
                None => {}
                Some(Step::Hang) => {
                    // A name may lead elsewhere by now.
                    self.resolver.resolve_again(id, &link.urls);
                    if let Some(connection) = link.connection.take() {
                        self.dialled.remove(&connection);
                        event_loop.close(connection);
                    }
                }
                Some(Step::Dial(address)) => match event_loop.connect(address) {
                    Ok(connection) => {
                        link.connection = Some(connection);
                        self.dialled.insert(connection, id);
                    }
                    Err(error) => {
                        log::debug!("address":% = address, error:%; "cannot dial");
                        machine.closed(now);
                        self.resolver.resolve_again(id, &link.urls);
                    }
                },
            }
            if let Some(connection) = link.connection
                && let pending = event_loop.pending(connection)
                && let Some(out) = event_loop.output(connection)
            {
                machine.fill(pending, out);
            }
        }
        let silent: Vec<ConnectionId> = self
            .accepted
            .iter()
            .filter(|(_, inbound)| now >= inbound.deadline())
            .map(|(&connection, _)| connection)
            .collect();
        for connection in silent {
            self.forget_accepted(connection);
            event_loop.close(connection);
        }
    }

    pub(crate) fn deadline(&self) -> Duration {
        let links = self
            .links
            .values()
            .filter_map(|link| link.machine.as_ref())
            .map(PeerLink::deadline);
        links
            .chain(self.accepted.values().map(Inbound::deadline))
            .min()
            .unwrap_or(Duration::MAX)
    }

    fn machine_of(&mut self, connection: ConnectionId) -> Option<&mut PeerLink> {
        let id = self.dialled.get(&connection)?;
        self.links.get_mut(id)?.machine.as_mut()
    }
}

/// Whose connection it is, once that is known.
fn sender(inbound: &Inbound) -> Option<NodeId> {
    inbound.sender().map(|hello| NodeId(hello.member_id))
}

/// What a member says, if it can be read and is its own.
fn decode(payload: &[u8], inbound: &Inbound) -> Option<PeerMessage> {
    let message: PeerMessage = postcard::from_bytes(payload).ok()?;
    let sender = inbound.sender().expect("payloads come after the hello");
    (message.from.0 == sender.member_id && message.from_boot.0 == sender.boot).then_some(message)
}
