//! The steps of a trace: what happens to members and what they want done, as bytes to hash and as lines to read.

use node::{Part, PeerMessage};
use raft_core::{NodeId, Time};

use crate::member::{Effect, Frame, Happening};
use crate::network;
use crate::trace::Trace;

/// Something happens to a member.
pub(crate) fn happening(trace: &mut Trace, now: Time, id: NodeId, what: &Happening) {
    let n = id.0;
    match what {
        Happening::Frame(Frame { bytes, .. }) => trace.step(now, n, bytes, || match network::decode(bytes) {
            Some(message) => format!("n{n} <- n{} {}", message.from.0, shown(&message)),
            None => format!("n{n} <- a damaged frame"),
        }),
        Happening::Refused { by, refusal } => trace.step(now, n, &by.0.to_le_bytes(), || {
            format!("n{n} is refused by n{}: {refusal}", by.0)
        }),
        Happening::Stream(client, bytes) => {
            trace.step(now, n, bytes, || {
                format!("n{n} <- connection {}: {} bytes", client.0, bytes.len())
            });
        }
        Happening::Asked(client, id, request) => {
            let bytes = postcard::to_stdvec(request).expect("a request has a postcard form");
            trace.step(now, n, &bytes, || {
                format!("n{n} <- caller {} asks #{}: {request:?}", client.0, id.0)
            });
        }
        Happening::Gone(client) => {
            trace.step(now, n, &client.0.to_le_bytes(), || {
                format!("n{n} <- connection {} ended", client.0)
            });
        }
        Happening::LinkClosed(peer) => {
            trace.step(now, n, &peer.0.to_le_bytes(), || {
                format!("n{n} sees its link to n{} closed", peer.0)
            });
        }
        Happening::HandOver => trace.step(now, n, b"hand over", || format!("n{n} is to hand over")),
        Happening::Sync => trace.step(now, n, b"synced", || format!("n{n} synced")),
        Happening::SnapshotMade => trace.step(now, n, b"snapshot", || format!("n{n} made a snapshot")),
        Happening::SnapshotPublished(mark) => {
            trace.step(now, n, &mark.index.0.to_le_bytes(), || {
                format!("n{n} took over the snapshot {mark}")
            });
        }
        Happening::Tick => trace.step(now, n, b"tick", || format!("n{n} tick")),
    }
}

/// A member wants something done.
pub(crate) fn effect(trace: &mut Trace, now: Time, id: NodeId, what: &Effect) {
    let n = id.0;
    match what {
        Effect::Send { message, frame, .. } => {
            trace.step(now, n, frame, || {
                format!("n{n} -> n{} {}", message.to.0, shown(message))
            });
        }
        Effect::Sync(save) => {
            let bytes = postcard::to_stdvec(save).expect("a Save has a postcard form");
            trace.step(now, n, &bytes, || format!("n{n} save {save:?}"));
        }
        Effect::Answer { client, bytes, .. } => trace.step(now, n, bytes, || {
            let text = String::from_utf8_lossy(bytes);
            let line = text.lines().next().unwrap_or_default();
            format!("n{n} -> connection {}: {line}", client.0)
        }),
        Effect::Why(why) => {
            let mut buffer = [0; 128];
            let bytes = postcard::to_slice(why, &mut buffer).expect("reasons are short");
            trace.step(now, n, bytes, || format!("n{n} {why}"));
        }
        Effect::Leader { leader, term } => {
            let bytes = [leader.map_or(0, |leader| leader.0), term.0]
                .map(u64::to_le_bytes)
                .concat();
            trace.step(now, n, &bytes, || match leader {
                Some(leader) => format!("n{n} t{term}: n{} leads", leader.0),
                None => format!("n{n} t{term}: nobody leads"),
            });
        }
        Effect::SaveSnapshot(mark) => trace.step(now, n, &mark.index.0.to_le_bytes(), || {
            format!("n{n} begins a snapshot {mark}")
        }),
        Effect::PublishSnapshot(mark) => trace.step(now, n, &mark.index.0.to_le_bytes(), || {
            format!("n{n} has all of the snapshot {mark}")
        }),
        Effect::Becomes { lost } => trace.step(now, n, &[u8::from(*lost)], || match lost {
            true => format!("n{n}'s directory is new, and it is not"),
            false => format!("n{n} was taken in as another member"),
        }),
        Effect::Repaired => trace.step(now, n, b"repaired", || format!("n{n} is repaired")),
        Effect::Removed => trace.step(now, n, b"removed", || format!("n{n} was removed")),
        Effect::Told {
            client, id, response, ..
        } => {
            let bytes = postcard::to_stdvec(response).expect("a response has a postcard form");
            trace.step(now, n, &bytes, || {
                format!("n{n} -> caller {} #{}: {:?}", client.0, id.0, response.result)
            });
        }
        Effect::Met(probe) => trace.remark(now, || format!("n{n}: {probe:?}")),
        Effect::Alarm(alarm) => trace.step(now, n, b"alarm", || format!("n{n} ALARM {alarm:?}")),
    }
}

fn shown(message: &PeerMessage) -> String {
    let part = |part: &Part| match part {
        Part::Raft(envelope) => format!("t{} {:?}", envelope.term, envelope.message),
        other => format!("{other:?}"),
    };
    message.parts.iter().map(part).collect::<Vec<_>>().join(", ")
}
