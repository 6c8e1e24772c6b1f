//! What a client is told on a watch stream.

use node::Header;
use storage::store::query::{Event, Revision};

use crate::text;
use crate::v3::write;

/// No message of events is longer than this, if its watcher wants fragments and it has more than one, in bytes: what
/// etcd takes for a request, and 512 KiB.
const FRAGMENT_BYTES_MAX: usize = (3 << 19) + (512 << 10);

/// A message that is being written.
pub(super) struct Message<'a>(&'a mut Vec<u8>);

impl<'a> Message<'a> {
    pub(super) fn begin(out: &'a mut Vec<u8>, header: &Header, watch_id: i64) -> Message<'a> {
        Message::begin_with(out, header, watch_id, true)
    }

    /// The same where the header tells no revision.
    pub(super) fn begin_unrevised(out: &'a mut Vec<u8>, header: &Header, watch_id: i64) -> Message<'a> {
        Message::begin_with(out, header, watch_id, false)
    }

    fn begin_with(out: &'a mut Vec<u8>, header: &Header, watch_id: i64, revised: bool) -> Message<'a> {
        write::begin_message(out, header, revised);
        write::signed(out, "watch_id", watch_id);
        Message(out)
    }

    pub(super) fn created(self) -> Message<'a> {
        write::boolean(self.0, "created", true);
        self
    }

    pub(super) fn canceled(self) -> Message<'a> {
        write::boolean(self.0, "canceled", true);
        self
    }

    pub(super) fn compacted(self, revision: Revision) -> Message<'a> {
        write::integer(self.0, "compact_revision", revision.0);
        self
    }

    pub(super) fn because(self, why: &str) -> Message<'a> {
        write::string(self.0, "cancel_reason", why);
        self
    }

    pub(super) fn end(self) {
        write::end_message(self.0);
    }
}

/// Events as text, all that is the same for each watcher.
#[derive(Clone, Debug)]
pub(crate) struct Rendered {
    /// The beginning of a message, with its header.
    header: Vec<u8>,
    /// The events, with commas between them.
    events: Vec<u8>,
    /// Where each ends.
    ends: Vec<usize>,
}

impl Rendered {
    pub(crate) fn of(header: &Header, events: &[Event]) -> Rendered {
        let mut rendered = Rendered {
            header: Vec::new(),
            events: Vec::new(),
            ends: Vec::with_capacity(events.len()),
        };
        write::begin_message(&mut rendered.header, header, true);
        for event in events {
            if !rendered.events.is_empty() {
                rendered.events.push(b',');
            }
            write_event(&mut rendered.events, event);
            rendered.ends.push(rendered.events.len());
        }
        rendered
    }

    /// A message.
    pub(super) fn write(&self, out: &mut Vec<u8>, watch_id: i64) {
        out.extend_from_slice(&self.header);
        write::signed(out, "watch_id", watch_id);
        if !self.events.is_empty() {
            out.extend_from_slice(b",\"events\":[");
            out.extend_from_slice(&self.events);
            out.push(b']');
        }
        write::end_message(out);
    }

    /// A message in which more events are to follow.
    pub(super) fn write_begin(&self, out: &mut Vec<u8>, watch_id: i64) {
        out.extend_from_slice(&self.header);
        write::signed(out, "watch_id", watch_id);
        out.extend_from_slice(b",\"events\":[");
        out.extend_from_slice(&self.events);
    }

    /// More events of a message that has some.
    pub(super) fn write_more(&self, out: &mut Vec<u8>) {
        if !self.events.is_empty() {
            out.push(b',');
            out.extend_from_slice(&self.events);
        }
    }

    /// The end of a message of events.
    pub(super) fn write_end(out: &mut Vec<u8>) {
        out.extend_from_slice(b"]}}\n");
    }

    /// Messages of which each has so many events as may be, at least one; all but the last say that there are more, and
    /// the last, if it is not complete.
    pub(super) fn write_fragments(&self, out: &mut Vec<u8>, watch_id: i64, complete: bool) {
        let (mut start, mut next) = (0, 0);
        loop {
            let fits = |end: &&usize| **end - start <= FRAGMENT_BYTES_MAX;
            let count = self.ends[next..].iter().take_while(fits).count().max(1);
            next = (next + count).min(self.ends.len());
            let end = next.checked_sub(1).map_or(0, |last| self.ends[last]);
            let is_last = next == self.ends.len();
            out.extend_from_slice(&self.header);
            write::signed(out, "watch_id", watch_id);
            write::boolean(out, "fragment", !(is_last && complete));
            if end > start {
                out.extend_from_slice(b",\"events\":[");
                out.extend_from_slice(&self.events[start..end]);
                out.push(b']');
            }
            write::end_message(out);
            // After the comma.
            start = end + 1;
            if is_last {
                return;
            }
        }
    }
}

fn write_event(out: &mut Vec<u8>, event: &Event) {
    out.push(b'{');
    if event.now.is_none() {
        text::string_member(out, "type", b"DELETE");
    }
    text::member(out, "kv");
    match &event.now {
        Some(pair) => write::key_value(out, pair),
        None => write::deleted(out, &event.key, event.revision),
    }
    if let Some(before) = &event.before {
        text::member(out, "prev_kv");
        write::key_value(out, before);
    }
    out.push(b'}');
}
