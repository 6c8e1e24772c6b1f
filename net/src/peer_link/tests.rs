use super::inbound::{self, Inbound, InboundError};
use super::*;

const START: Duration = Duration::from_secs(100);
const MS: Duration = Duration::from_millis(1);

fn identity(member_id: u64) -> Identity {
    Identity {
        cluster_id: 0xc1,
        member_id,
        data_id: 0xd0 + member_id,
        boot: 5,
        recovery_epoch: 0,
        petitions: false,
    }
}

fn roster() -> Roster {
    let mut roster = Roster::default();
    roster.set_members([(1, None), (2, None)]);
    roster
}

fn address(port: u16) -> SocketAddr {
    ([127, 0, 0, 1], port).into()
}

/// Member 1's link to member 2.
fn link() -> PeerLink {
    PeerLink::new(identity(1), 2, vec![address(1)], START)
}

fn frame(payload: &[u8]) -> Frame {
    Frame::with(|out| out.extend_from_slice(payload)).expect("short")
}

/// Both halves, with a wire that loses nothing and takes no time.
struct Pair {
    link: PeerLink,
    inbound: Inbound,
    /// What member 1 and member 2 know.
    rosters: [Roster; 2],
    /// On the way to member 2.
    there: Buffer,
    /// On the way back.
    back: Buffer,
}

impl Pair {
    fn dialled(acceptor: Identity) -> Pair {
        let mut link = link();
        assert_eq!(link.tick(START, 0), Some(Step::Dial(address(1))));
        let mut output = Vec::new();
        link.connected(START, &mut output);
        let mut there = Buffer::new();
        there.append(&output);
        Pair {
            link,
            inbound: Inbound::new(acceptor, START),
            rosters: [roster(), roster()],
            there,
            back: Buffer::new(),
        }
    }

    fn up() -> Pair {
        let mut pair = Pair::dialled(identity(2));
        assert_eq!(pair.accept(START), Ok(vec![]));
        assert_eq!(pair.answer(START), Ok(()));
        assert!(pair.link.is_up());
        pair
    }

    /// Member 2 reads all that is there.
    fn accept(&mut self, now: Duration) -> Result<Vec<Vec<u8>>, InboundError> {
        let mut payloads = Vec::new();
        let mut output = Vec::new();
        let result = loop {
            match self
                .inbound
                .next(now, &mut self.there, &mut output, &mut self.rosters[1])
            {
                Ok(Some(payload)) => payloads.push(payload.to_vec()),
                Ok(None) => break Ok(payloads),
                Err(error) => break Err(error),
            }
        };
        self.back.append(&output);
        result
    }

    /// Member 1 reads all that is there.
    fn answer(&mut self, now: Duration) -> Result<(), LinkError> {
        self.link.received(now, &mut self.back, &mut self.rosters[0])
    }

    /// Member 1 fills its output, in front of which so much is pending; how many bytes it was.
    fn fill(&mut self, pending: usize) -> usize {
        let mut output = Vec::new();
        self.link.fill(pending, &mut output);
        self.there.append(&output);
        output.len()
    }
}

#[test]
fn a_welcomed_link_carries_payloads() {
    let mut pair = Pair::up();
    assert_eq!(pair.inbound.sender().map(|hello| hello.member_id), Some(1));
    assert!(pair.link.send(Lane::Bulk, frame(b"entries")));
    assert!(pair.link.send(Lane::Urgent, frame(b"vote")));
    pair.fill(0);
    assert_eq!(
        pair.accept(START),
        Ok(vec![b"vote".to_vec(), b"entries".to_vec()])
    );
    assert_eq!(
        pair.rosters[0].known(2).and_then(|known| known.data_id),
        Some(0xd2)
    );
    assert_eq!(pair.rosters[1].known(1).map(|known| known.boot), Some(5));
}

#[test]
fn nothing_is_sent_before_the_welcome_and_what_waited_is_sent_after() {
    let mut pair = Pair::dialled(identity(2));
    assert!(pair.link.send(Lane::Urgent, frame(b"vote")));
    assert_eq!(pair.fill(0), 0);
    assert_eq!(pair.accept(START), Ok(vec![]));
    assert_eq!(pair.answer(START), Ok(()));
    pair.fill(0);
    assert_eq!(pair.accept(START), Ok(vec![b"vote".to_vec()]));
}

#[test]
fn urgent_frames_overtake_all_but_the_low_water() {
    let mut pair = Pair::up();
    let bulk = vec![1; 10_000];
    for _ in 0..100 {
        assert!(pair.link.send(Lane::Bulk, frame(&bulk)));
    }
    let filled = pair.fill(0);
    assert!(
        filled > OUTPUT_LOW_WATER_BYTES,
        "the loop says Drained only after more than the mark"
    );
    assert!(filled <= OUTPUT_LOW_WATER_BYTES + bulk.len() + frame::HEADER_BYTES);
    assert_eq!(pair.fill(filled), 0, "the socket has not taken it");

    assert!(pair.link.send(Lane::Urgent, frame(b"vote")));
    pair.fill(OUTPUT_LOW_WATER_BYTES);
    let payloads = pair.accept(START).expect("sound");
    assert_eq!(payloads.last().map(Vec::as_slice), Some(&b"vote"[..]));
}

#[test]
fn a_failing_link_waits_longer_each_time_up_to_a_bound() {
    let mut link = link();
    let mut now = START;
    let mut waits = Vec::new();
    for _ in 0..8 {
        assert_eq!(link.tick(now, 0), Some(Step::Dial(address(1))));
        assert_eq!(link.tick(now, 0), None, "one dial at a time");
        link.closed(now);
        waits.push((link.deadline() - now).as_millis());
        assert_eq!(link.tick(link.deadline() - MS, 0), None);
        now = link.deadline();
    }
    assert_eq!(waits, [50, 100, 200, 400, 800, 1600, 2000, 2000]);
}

#[test]
fn the_same_addresses_again_do_not_start_their_turns_anew() {
    let mut link = PeerLink::new(identity(1), 2, vec![address(1), address(2)], START);
    assert_eq!(link.tick(START, 0), Some(Step::Dial(address(1))));
    link.closed(START);
    link.set_addresses(vec![address(1), address(2)]);
    assert_eq!(link.tick(START + BACKOFF_MAX, 0), Some(Step::Dial(address(2))));
    link.closed(START + BACKOFF_MAX);
    link.set_addresses(vec![address(3)]);
    assert_eq!(
        link.tick(START + 2 * BACKOFF_MAX, 0),
        Some(Step::Dial(address(3)))
    );
}

#[test]
fn addresses_are_tried_in_turn_and_the_wait_grows_once_a_round() {
    let addresses = vec![address(1), address(2)];
    let mut link = PeerLink::new(identity(1), 2, addresses, START);
    let mut now = START;
    let mut dials = Vec::new();
    for _ in 0..5 {
        let step = link.tick(now, 0);
        link.closed(now);
        dials.push((step, (link.deadline() - now).as_millis()));
        now = link.deadline();
    }
    let dial = |port| Some(Step::Dial(address(port)));
    assert_eq!(
        dials,
        [
            (dial(1), 50),
            (dial(2), 50),
            (dial(1), 100),
            (dial(2), 100),
            (dial(1), 200)
        ]
    );

    link.set_addresses(vec![address(9)]);
    assert_eq!(link.tick(now, 0), dial(9));
}

#[test]
fn a_link_that_was_up_dials_again_soon() {
    let mut pair = Pair::up();
    pair.link.closed(START);
    assert_eq!(pair.link.deadline(), START + BACKOFF_MIN);
    assert!(!pair.link.is_up());
}

#[test]
fn dialling_and_greeting_take_only_so_long() {
    let mut link = link();
    link.tick(START, 0);
    assert_eq!(link.deadline(), START + DIAL_MAX);
    assert_eq!(link.tick(START + DIAL_MAX - MS, 0), None);
    assert_eq!(link.tick(START + DIAL_MAX, 0), Some(Step::Hang));

    let mut pair = Pair::dialled(identity(2));
    assert_eq!(pair.link.deadline(), START + WELCOME_MAX);
    assert_eq!(pair.link.tick(START + WELCOME_MAX, 0), Some(Step::Hang));
    assert_eq!(pair.link.deadline(), START + WELCOME_MAX + BACKOFF_MIN);
    let deadline = pair.link.deadline();
    pair.link.closed(deadline - MS);
    assert_eq!(
        pair.link.deadline(),
        deadline,
        "that the hung connection is gone is no news"
    );
}

#[test]
fn a_refusal_is_told_to_both_and_waits_the_longest() {
    let other_cluster = Identity {
        cluster_id: 0xc2,
        ..identity(2)
    };
    let mut pair = Pair::dialled(other_cluster);
    let (sender, receiver) = (0xc1, 0xc2);
    let refusal = Refusal::OtherCluster { sender, receiver };
    assert_eq!(pair.accept(START), Err(InboundError::Refused(refusal)));
    assert!(pair.inbound.sender().is_none());
    assert_eq!(pair.answer(START), Err(LinkError::Refused(refusal)));
    assert_eq!(pair.link.deadline(), START + BACKOFF_MAX);
}

#[test]
fn the_dialler_checks_the_welcome_too() {
    // The acceptor lives in a wiped directory; nothing tells it so.
    let mut pair = Pair::dialled(identity(2));
    pair.rosters[0].set_members([(2, Some(0xabc))]);
    assert_eq!(pair.accept(START), Ok(vec![]));
    let (member, shown, known) = (2, 0xd2, 0xabc);
    let refusal = Refusal::OtherDirectory { member, shown, known };
    assert_eq!(pair.answer(START), Err(LinkError::Refused(refusal)));
    assert!(!pair.link.is_up());
}

#[test]
fn another_member_is_not_the_one_dialled() {
    let mut link = link();
    link.tick(START, 0);
    link.connected(START, &mut Vec::new());
    let mut roster = Roster::default();
    roster.set_members([(2, None), (3, None)]);
    let mut output = Vec::new();
    hello::encode_answer(&mut output, &Answer::Welcome(identity(3).hello_to(1)));
    let mut input = Buffer::new();
    input.append(&output);
    let result = link.received(START, &mut input, &mut roster);
    assert_eq!(result, Err(LinkError::OtherMember { member: 3 }));
}

#[test]
fn an_idle_link_drops_and_counts() {
    let mut link = link();
    assert!(!link.send(Lane::Urgent, frame(b"a")));
    link.tick(START, 0);
    assert!(link.send(Lane::Urgent, frame(b"b")));
    assert!(link.send(Lane::Bulk, frame(b"c")));
    link.closed(START);
    assert_eq!(link.dropped(), 3);
}

#[test]
fn probes_keep_a_quiet_link_up() {
    let mut pair = Pair::up();
    let mut now = START;
    for _ in 0..20 {
        now = pair.link.deadline();
        assert_eq!(pair.link.tick(now, 0), None);
        assert_eq!(pair.fill(0), frame::HEADER_BYTES);
        assert_eq!(pair.accept(now), Ok(vec![]));
        assert_eq!(pair.answer(now), Ok(()));
    }
    assert_eq!(now, START + 20 * PROBE_AFTER);
    assert_eq!(pair.inbound.deadline(), now + inbound::SILENCE_MAX);
}

#[test]
fn a_silent_peer_is_hung_up_on() {
    let mut pair = Pair::up();
    let mut now = START;
    let step = loop {
        now = pair.link.deadline().max(now + MS);
        if let Some(step) = pair.link.tick(now, 0) {
            break step;
        }
        // The kernel takes everything; nobody answers.
        pair.link.send(Lane::Urgent, frame(b"heartbeat"));
        pair.fill(0);
    };
    assert_eq!(step, Step::Hang);
    assert_eq!(now, START + SILENCE_MAX);
}

#[test]
fn probes_among_payloads_are_sent_back_and_not_yielded() {
    let mut pair = Pair::up();
    for payload in [&b""[..], b"a", b"", b"", b"b", b""] {
        pair.there.append(frame(payload).as_bytes());
    }
    assert_eq!(pair.accept(START), Ok(vec![b"a".to_vec(), b"b".to_vec()]));
    assert_eq!(pair.back.len(), 4 * frame::HEADER_BYTES);
    assert_eq!(pair.answer(START), Ok(()));
}

#[test]
fn a_message_on_a_dialled_link_is_a_breach() {
    let mut pair = Pair::up();
    pair.back.append(frame(b"message").as_bytes());
    assert_eq!(pair.answer(START), Err(LinkError::Unexpected));
    assert!(!pair.link.is_up());
}

#[test]
fn a_damaged_payload_ends_the_link() {
    let mut pair = Pair::up();
    let mut bytes = frame(b"payload").as_bytes().to_vec();
    bytes[10] ^= 1;
    pair.there.append(&bytes);
    assert_eq!(
        pair.accept(START),
        Err(InboundError::Frame(FrameError::BadChecksum))
    );
}

#[test]
fn strangers_and_dawdlers_are_turned_away() {
    let mut pair = Pair::dialled(identity(2));
    pair.there = Buffer::new();
    pair.there.append(b"GET /v2/keys HTTP/1.1\r\n\r\n");
    assert!(matches!(
        pair.accept(START),
        Err(InboundError::Frame(FrameError::TooLong { .. }))
    ));
    assert_eq!(pair.back.len(), 0, "a stranger is not answered");

    let mut pair = Pair::dialled(identity(2));
    pair.there = Buffer::new();
    pair.there.append(frame(b"not a hello").as_bytes());
    assert_eq!(pair.accept(START), Err(InboundError::Hello(HelloError::Stranger)));

    let mut pair = Pair::dialled(identity(2));
    let whole = pair.there.as_slice().to_vec();
    pair.there = Buffer::new();
    pair.there.append(&whole[..5]);
    assert_eq!(pair.accept(START + 10 * MS), Ok(vec![]));
    assert_eq!(
        pair.inbound.deadline(),
        START + inbound::HELLO_MAX,
        "bytes that are no hello yet win no time"
    );
}
