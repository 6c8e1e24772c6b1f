//! Both halves of a peer link on real sockets: the few lines that a host needs to bind them.

use super::*;
use crate::frame::Frame;
use crate::hello::Identity;
use crate::peer_link::inbound::Inbound;
use crate::peer_link::{Lane, PeerLink, Step};
use crate::roster::Roster;

fn identity(member_id: u64) -> Identity {
    Identity {
        cluster_id: 0xc1,
        member_id,
        data_id: member_id,
        boot: 1,
        recovery_epoch: 0,
        petitions: false,
    }
}

fn roster() -> Roster {
    let mut roster = Roster::default();
    roster.set_members([(1, None), (2, None)]);
    roster
}

/// Member 1 dials member 2; both live in one loop.
struct Members {
    server: Server,
    origin: Instant,
    link: PeerLink,
    dialled: Option<ConnectionId>,
    inbound: Option<(ConnectionId, Inbound)>,
    rosters: [Roster; 2],
    got: Vec<Vec<u8>>,
}

impl Members {
    fn new() -> Members {
        let server = Server::new(10);
        let link = PeerLink::new(identity(1), 2, vec![server.address], Duration::ZERO);
        Members {
            server,
            origin: Instant::now(),
            link,
            dialled: None,
            inbound: None,
            rosters: [roster(), roster()],
            got: Vec::new(),
        }
    }

    fn turn(&mut self) {
        self.drive_link();
        self.server.event_loop.flush();
        let timeout = self.link.deadline().saturating_sub(self.origin.elapsed());
        let mut events = Vec::new();
        self.server
            .event_loop
            .wait(Some(timeout), &mut events)
            .expect("waited");
        for event in events {
            self.on_event(event);
        }
    }

    fn drive_link(&mut self) {
        let now = self.origin.elapsed();
        let event_loop = &mut self.server.event_loop;
        let pending = self
            .dialled
            .map_or(0, |connection| event_loop.pending(connection));
        match self.link.tick(now, pending) {
            Some(Step::Dial(address)) => self.dialled = Some(event_loop.connect(address).expect("dialled")),
            Some(Step::Hang) => event_loop.close(self.dialled.take().expect("a connection")),
            None => {}
        }
        if let Some(output) = self.dialled.and_then(|connection| event_loop.output(connection)) {
            self.link.fill(pending, output);
        }
    }

    fn on_event(&mut self, event: Event) {
        let now = self.origin.elapsed();
        let event_loop = &mut self.server.event_loop;
        match event {
            Event::Accepted { connection, .. } => {
                self.inbound = Some((connection, Inbound::new(identity(2), now)))
            }
            Event::Connected(connection) => self
                .link
                .connected(now, event_loop.output(connection).expect("open")),
            Event::Received(connection) if Some(connection) == self.dialled => {
                let input = event_loop.input(connection).expect("open");
                let result = self.link.received(now, input, &mut self.rosters[0]);
                result.expect("welcome");
            }
            Event::Received(connection) => {
                let (_, inbound) = self.inbound.as_mut().expect("accepted");
                let (input, output) = event_loop.buffers(connection).expect("open");
                let roster = &mut self.rosters[1];
                while let Some(payload) = inbound.next(now, input, output, roster).expect("sound") {
                    self.got.push(payload.to_vec());
                }
            }
            Event::HalfClosed(connection) | Event::Closed { connection, .. } => {
                event_loop.close(connection);
                if Some(connection) == self.dialled {
                    self.dialled = None;
                    self.link.closed(now);
                }
            }
            Event::Drained(_) | Event::Woken => {}
        }
    }

    fn turns_until(&mut self, what: &str, done: impl Fn(&Members) -> bool) {
        while !done(self) {
            assert!(self.origin.elapsed() < PATIENCE, "{what}: not in time");
            self.turn();
        }
    }
}

#[test]
fn a_link_comes_up_carries_much_and_comes_up_again() {
    let mut members = Members::new();
    members.turns_until("up", |members| members.link.is_up());

    // Far more than the mark and the socket take at once; each frame tells its number.
    let frames: Vec<Vec<u8>> = (0..300_u32)
        .map(|number| number.to_le_bytes().repeat(20_000 / 4))
        .collect();
    for payload in &frames {
        let frame = Frame::with(|out| out.extend_from_slice(payload)).expect("short");
        assert!(members.link.send(Lane::Bulk, frame));
    }
    members.turns_until("all frames", |members| members.got.len() == frames.len());
    assert!(members.got == frames);

    let (accepted, _) = members.inbound.take().expect("accepted");
    members.server.event_loop.close(accepted);
    members.turns_until("down", |members| !members.link.is_up());
    members.turns_until("up again", |members| members.link.is_up());
    assert!(members.inbound.is_some());
}
