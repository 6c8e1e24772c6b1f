//! A member's place in the world: its disk, which outlives it, and what happens to it while it is there.

use std::collections::VecDeque;

use bytes::Bytes;
use node::{Part, PeerMessage};
use raft_core::{Message, NodeId, Time};

use crate::agenda::{Actor, Event};
use crate::check::Violation;
use crate::disk::{SimDisk, Wound};
use crate::faults::{Active, Fault};
use crate::member::{Effect, Frame, Happening, Member, Place};
use crate::network::{self, Law};
use crate::repairs::Repair;
use crate::settings::SECOND;
use crate::steps;
use crate::world::World;

/// For events that reach a member whichever of its lives it is in.
pub(crate) const ANY_LIFE: u64 = 0;

/// One member's place.
#[derive(Debug, Default)]
pub(crate) struct Seat {
    pub(crate) disk: SimDisk,
    /// Who sits there, or sat there last. At first who has the seat's number.
    pub(crate) who: NodeId,
    pub(crate) member: Option<Member>,
    /// Counts its lives, from 1.
    pub(crate) life: u64,
    /// What happened while it was busy.
    pub(crate) inbox: VecDeque<Happening>,
    pub(crate) busy_until: Time,
    /// A turn is due for what is in the inbox.
    pub(crate) turn_due: bool,
    /// The earliest tick that is due; later ones may be too.
    pub(crate) tick_due: Option<Time>,
    /// Power fails when next it saves.
    pub(crate) armed: bool,
    /// After so many more AppendEntries it falls silent.
    pub(crate) silent_after: Option<u64>,
    /// It has power and is about to start.
    pub(crate) starting: bool,
    /// What rotted on its disk.
    pub(crate) wounds: Vec<Wound>,
    /// It stays down until somebody has emptied its disk, which it refuses.
    pub(crate) refused: Option<String>,
    /// Its repair, from the first damage that was noticed on.
    pub(crate) repair: Repair,
}

impl Seat {
    /// The place of a member that was never damaged.
    pub(crate) fn of(who: NodeId) -> Seat {
        Seat {
            who,
            ..Seat::default()
        }
    }

    /// The node that sits there.
    pub(crate) fn node(&self) -> Option<&node::Node> {
        self.member.as_ref().map(Member::node)
    }

    /// What its wall clock shows, in nanoseconds.
    pub(crate) fn wall(&self, now: Time) -> u64 {
        self.member.as_ref().map_or(0, |member| member.wall(now))
    }
}

impl World {
    /// A member boots from its disk.
    pub(crate) fn start(&mut self, id: NodeId) -> Result<(), Violation> {
        let now = self.now;
        let seat = self.seats.get_mut(&id).expect("every member has a seat");
        assert!(seat.member.is_none(), "a member that is there does not start");
        seat.starting = false;
        seat.life += 1;
        let life = seat.life;
        self.trace.step(now, id.0, &life.to_le_bytes(), || {
            format!("n{} starts, life {life}", id.0)
        });
        let place = Place {
            seat: id,
            disk: seat.disk.clone(),
            wiped: seat.repair.wiped,
            lost: std::mem::take(&mut seat.repair.lost),
        };
        match Member::boot(place, &self.settings, &mut self.choices, now) {
            Ok((member, found)) => {
                seat.who = member.id();
                seat.member = Some(member);
                self.has_started(id, &found)?;
                self.turn(id)
            }
            Err(halt) => self.halted(id, halt),
        }
    }

    /// Something happens to a member, or it has time again.
    pub(crate) fn member(
        &mut self,
        id: NodeId,
        life: u64,
        happening: Option<Happening>,
    ) -> Result<(), Violation> {
        let now = self.now;
        let seat = self.seats.get_mut(&id).expect("every member has a seat");
        if seat.member.is_none() {
            return Ok(());
        }
        if life != seat.life && life != ANY_LIFE {
            return Ok(());
        }
        if let Some(Happening::Frame(frame)) = &happening
            && !self.is_heard(id, frame)?
        {
            return Ok(());
        }
        let seat = self.seats.get_mut(&id).expect("every member has a seat");
        let member = seat.member.as_ref().expect("it is there");
        match happening {
            None => seat.turn_due = false,
            Some(Happening::Tick) => {
                // A runtime may be late.
                seat.tick_due.take_if(|due| *due <= now);
                if member.deadline() <= now {
                    seat.inbox.push_back(Happening::Tick);
                } else {
                    self.set_alarm(id);
                    return Ok(());
                }
            }
            Some(happening) => seat.inbox.push_back(happening),
        }
        if now < seat.busy_until {
            if !std::mem::replace(&mut seat.turn_due, true) {
                let (at, life) = (seat.busy_until, seat.life);
                self.add(at, Actor::Member(id), Event::Member(life, None));
            }
            return Ok(());
        }
        self.turn(id)
    }

    /// A member handles all that happened, and does all that comes of it.
    fn turn(&mut self, id: NodeId) -> Result<(), Violation> {
        let now = self.now;
        let inbox = self.take_inbox(id);
        let seat = self.seats.get_mut(&id).expect("every member has a seat");
        let member = seat.member.as_mut().expect("only who is there has a turn");
        let mut done = Ok(());
        for happening in inbox {
            steps::happening(&mut self.trace, now, id, &happening);
            let synced = matches!(happening, Happening::Sync);
            if matches!(happening, Happening::SnapshotPublished(_)) {
                self.jumps.push((id, now));
            }
            done = member.handle(now, happening);
            if done.is_err() {
                break;
            }
            if synced && !seat.repair.impostor {
                self.checks.synced(seat.who);
            }
        }
        let mut effects = Vec::new();
        if done.is_ok() {
            done = member.poll(now, &mut effects);
        }
        seat.busy_until = Time(now.0 + self.settings.turn.draw(&mut self.choices));
        let mut becomes = None;
        for effect in effects {
            if let Effect::Becomes { lost } = effect {
                becomes = Some(lost);
            }
            self.effect(id, effect)?;
        }
        if let Err(halt) = done {
            return self.halted(id, halt);
        }
        if let Some(lost) = becomes {
            self.becomes(id, lost);
            return Ok(());
        }
        let seat = &self.seats[&id];
        let node = seat.node().expect("it has just had its turn");
        if seat.takes_part() {
            self.checks.observe(seat.who, node, now)?;
        }
        if self.trace.steps().is_multiple_of(INVARIANTS_EVERY) {
            node.raft().check_invariants();
        }
        self.look_at_space(id)?;
        self.look_at_repair(id);
        self.set_alarm(id);
        Ok(())
    }

    fn effect(&mut self, id: NodeId, effect: Effect) -> Result<(), Violation> {
        steps::effect(&mut self.trace, self.now, id, &effect);
        match effect {
            Effect::Send { message, seat, frame } => self.send_frame((id, seat), &message, frame)?,
            Effect::Sync(save) => {
                if !self.seats[&id].repair.impostor {
                    self.checks.writing(self.seats[&id].who, &save);
                }
                let takes = self.sync_time(id);
                let seat = self.seats.get_mut(&id).expect("every member has a seat");
                let life = seat.life;
                if std::mem::take(&mut seat.armed) {
                    let at = Time(self.now.0 + self.choices.below(takes));
                    self.add(at, Actor::Faults, Event::PowerOff(id, life));
                }
                let event = Event::Member(life, Some(Happening::Sync));
                self.add(self.after(takes), Actor::Member(id), event);
            }
            Effect::SaveSnapshot(mark) => {
                if !self.seats[&id].repair.impostor {
                    self.checks.saves_snapshot(self.seats[&id].who, mark)?;
                }
                self.snapshot_due(id, Happening::SnapshotMade);
            }
            Effect::PublishSnapshot(mark) => self.snapshot_due(id, Happening::SnapshotPublished(mark)),
            Effect::Answer {
                client,
                bytes,
                closed,
            } => {
                if let Some(node) = self.seats[&id].node() {
                    self.checks.divergence.answers(id, node, &bytes)?;
                }
                self.answer(client, bytes, closed);
            }
            Effect::Told {
                client,
                id: request,
                response,
                read_only,
            } => {
                if let Some(node) = self.seats[&id].node() {
                    self.checks.divergence.responds(id, node, &response)?;
                }
                if read_only && matches!(response.result, Ok(node::Answer::Done(_))) {
                    let story = format!(
                        "n{} had no space, or an alarm stood, and it took a write: {response:?}",
                        response.header.member_id.0
                    );
                    return Err(Violation::new("without space a member serves reads", story));
                }
                self.tell(client, request, response);
            }
            Effect::Leader { leader, .. } if leader == Some(self.seats[&id].who) => self.elected(id),
            Effect::Leader { .. } | Effect::Why(_) | Effect::Becomes { .. } => {}
            Effect::Repaired => self.repaired(id),
            Effect::Met(probe) => self.probes.met(probe),
            Effect::Removed => {
                return Err(Violation::new("nobody is removed", format!("n{} was", id.0)));
            }
            Effect::Alarm(alarm) => return Err(Violation::new("no alarm", format!("n{}: {alarm:?}", id.0))),
        }
        Ok(())
    }

    fn send_frame(
        &mut self,
        (id, seat): (NodeId, NodeId),
        message: &PeerMessage,
        frame: Bytes,
    ) -> Result<(), Violation> {
        self.says(id, message)?;
        if self.is_silenced(id, message) {
            return Ok(());
        }
        let bytes = self.spoilt(message).unwrap_or(frame);
        let sender = self.sender(id, message.to);
        let arrivals = self.network.send(&mut self.choices, self.now, (id, seat), &bytes);
        for arrival in arrivals.into_iter().flatten() {
            let bytes = arrival.bytes;
            let mut arrives = |what| {
                let event = Event::Member(ANY_LIFE, Some(what));
                self.add(arrival.at, Actor::Member(seat), event);
            };
            arrives(Happening::Frame(Frame { sender, bytes }));
            if arrival.is_cut_short {
                arrives(Happening::LinkClosed(message.from));
            }
        }
        Ok(())
    }

    /// What a leader sends whose memory fails while it makes a snapshot: other bytes, and a checksum that fits them.
    fn spoilt(&mut self, message: &PeerMessage) -> Option<Bytes> {
        let is_first = |part: &Part| {
            let Part::Raft(envelope) = part else { return false };
            matches!(&envelope.message, Message::InstallSnapshot { offset: 0, data, .. } if !data.is_empty())
        };
        let place = message.parts.iter().position(is_first)?;
        if self.calm || !self.choices.happens(self.settings.spoilt) {
            return None;
        }
        let mut message = message.clone();
        if let Part::Raft(envelope) = &mut message.parts[place]
            && let Message::InstallSnapshot { data, checksum, .. } = &mut envelope.message
        {
            let mut bytes = data.to_vec();
            let at = usize::try_from(self.choices.below(bytes.len() as u64)).expect("an index");
            bytes[at] ^= 1;
            *checksum = crc32c::crc32c(&bytes);
            *data = bytes.into();
        }
        Some(network::encode(&message))
    }

    /// A snapshot is written and synced in some time, if power does not fail meanwhile.
    fn snapshot_due(&mut self, id: NodeId, done: Happening) {
        if !self.calm && self.choices.happens(self.settings.snapshot_crashes) {
            let operations = u32::try_from(self.choices.between(1, 12)).expect("few");
            self.seats[&id].disk.cut_power_after(operations);
        }
        let takes = 3 * self.sync_time(id);
        let life = self.seats[&id].life;
        self.befell.snapshots += 1;
        self.add(
            self.after(takes),
            Actor::Member(id),
            Event::Member(life, Some(done)),
        );
    }

    /// Sees to it that the member's next deadline is met.
    fn set_alarm(&mut self, id: NodeId) {
        let now = self.now;
        let seat = self.seats.get_mut(&id).expect("every member has a seat");
        let Some(member) = &seat.member else { return };
        let at = member.deadline();
        if at == Time::NEVER {
            return;
        }
        let at = at.max(seat.busy_until).max(now);
        if seat.tick_due.is_none_or(|due| at < due) {
            seat.tick_due = Some(at);
            let life = seat.life;
            self.add(at, Actor::Member(id), Event::Member(life, Some(Happening::Tick)));
        }
    }

    /// Whether a member that is to fall silent does so before this message.
    fn is_silenced(&mut self, id: NodeId, message: &PeerMessage) -> bool {
        let seat = self.seats.get_mut(&id).expect("every member has a seat");
        let Some(left) = &mut seat.silent_after else {
            return false;
        };
        let appends = message.parts.iter().any(|part| {
            matches!(part, Part::Raft(envelope) if matches!(envelope.message, Message::AppendEntries { .. }))
        });
        if !appends {
            return false;
        }
        let silenced = *left == 0;
        *left = left.saturating_sub(1);
        silenced
    }

    /// How long a write and its sync take on this member's disk.
    fn sync_time(&mut self, id: NodeId) -> u64 {
        let mine = |active: &&Active| active.victim == Some(id);
        let stalled = |active: &Active| matches!(active.fault, Fault::StalledDisk(_));
        let stall = self.active.iter().filter(mine).find(|active| stalled(active));
        let stalled_until = stall.map_or(Time(0), |active| self.plan[active.number].ends);
        let slow = |active: &Active| matches!(active.fault, Fault::SlowDisk(_));
        let law = match self.active.iter().filter(mine).any(slow) {
            true => Law {
                min: SECOND / 20,
                spread: SECOND / 2,
                ..self.settings.sync
            },
            false => self.settings.sync,
        };
        let takes = law.draw(&mut self.choices);
        takes + stalled_until.0.saturating_sub(self.now.0)
    }
}

/// The invariants of one member take time proportional to its log, so they are looked at now and then; what relates members
/// to each other is looked at always.
const INVARIANTS_EVERY: u64 = 64;
