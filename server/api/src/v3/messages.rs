//! A body of JSON messages, one after the other, cut where one ends, while the bytes are still coming.

use super::error::{Code, Refusal};
use super::json::{self, Message};

/// The longest message, in bytes: the gateway's limit of 2 MiB for what is in it, in base64, and room for its names.
const BYTES_MAX: usize = 3 << 20;
/// As long as no more bytes wait for the end of their message, it is looked each time whether it can still become one.
const CHECKED_BYTES_MAX: usize = 4096;

/// Bytes of messages that were not read yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Messages {
    bytes: Vec<u8>,
    /// So many at the front are of messages that were read; they go when more come, all at once.
    read: usize,
    /// So many after them were looked at.
    seen: usize,
    /// How many objects and lists are open there.
    depth: usize,
    in_string: bool,
    /// The byte before was a backslash in a string.
    escaped: bool,
    /// No more come.
    ended: bool,
}

impl Messages {
    pub(super) fn receive(&mut self, bytes: &[u8]) {
        self.bytes.drain(..std::mem::take(&mut self.read));
        self.bytes.extend_from_slice(bytes);
    }

    /// No more bytes come.
    pub(super) fn end(&mut self) {
        self.ended = true;
    }

    /// The next message, if all of it is there. After an error nothing more can be read.
    pub(super) fn next<M: Message>(&mut self) -> Option<Result<M, Refusal>> {
        if self.seen == 0 {
            let is_blank = |byte: &&u8| byte.is_ascii_whitespace();
            self.read += self.unread().iter().take_while(is_blank).count();
        }
        if self.unread().is_empty() {
            (self.bytes, self.read) = (Vec::new(), 0);
            return None;
        }
        let Some(len) = self.find_end() else {
            return self.unfinished();
        };
        let message = json::read(&self.unread()[..len]);
        self.read += len;
        (self.seen, self.depth) = (0, 0);
        Some(message)
    }

    fn unread(&self) -> &[u8] {
        &self.bytes[self.read..]
    }

    /// What is there is no whole message.
    fn unfinished<M: Message>(&mut self) -> Option<Result<M, Refusal>> {
        let waiting = self.unread().len();
        if waiting > BYTES_MAX {
            let message = format!("grpc: received message larger than max ({BYTES_MAX} bytes of JSON)");
            return Some(Err(Refusal::new(Code::ResourceExhausted, message)));
        }
        if self.ended || (waiting <= CHECKED_BYTES_MAX && self.is_hopeless()) {
            let message = json::read(self.unread());
            (self.bytes, self.read) = (Vec::new(), 0);
            return Some(message);
        }
        None
    }

    /// Whether no bytes that follow can make it a message.
    fn is_hopeless(&self) -> bool {
        let read = serde_json::from_slice::<serde::de::IgnoredAny>(self.unread());
        read.is_err_and(|error| !error.is_eof())
    }

    /// Where the message at the front ends; None if that is not there.
    fn find_end(&mut self) -> Option<usize> {
        while let Some(&byte) = self.unread().get(self.seen) {
            self.seen += 1;
            if self.in_string {
                match byte {
                    _ if self.escaped => self.escaped = false,
                    b'\\' => self.escaped = true,
                    b'"' => self.in_string = false,
                    _ => continue,
                }
                if self.in_string || self.depth > 0 {
                    continue;
                }
                return Some(self.seen);
            }
            match byte {
                // A word ends where something else begins.
                b'"' | b'{' | b'[' if self.depth == 0 && self.seen > 1 => {
                    self.seen -= 1;
                    return Some(self.seen);
                }
                b'"' => self.in_string = true,
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' => {
                    self.depth = self.depth.saturating_sub(1);
                    if self.depth == 0 {
                        return Some(self.seen);
                    }
                }
                // A number or a word.
                byte if self.depth == 0 && byte.is_ascii_whitespace() => return Some(self.seen),
                _ => {}
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use serde::de::MapAccess;

    use super::*;
    use crate::v3::json::Value;

    #[derive(Debug, Default, PartialEq)]
    struct Number(i64);

    impl Message for Number {
        fn take<'de, A: MapAccess<'de>>(&mut self, name: &str, value: Value<'_, A>) -> Result<(), A::Error> {
            match name {
                "n" => self.0 = value.int64()?,
                _ => value.pass_over()?,
            }
            Ok(())
        }
    }

    fn all(messages: &mut Messages, read: &mut Vec<Option<i64>>) {
        while let Some(next) = messages.next::<Number>() {
            read.push(next.as_ref().ok().map(|number| number.0));
            if next.is_err() {
                break;
            }
        }
    }

    #[test]
    fn messages_are_the_same_wherever_the_bytes_are_cut() {
        let rows: [(&str, &[Option<i64>]); 8] = [
            ("", &[]),
            (" \n", &[]),
            (r#"{"n":1}{"n":2} {"n":"3"}"#, &[Some(1), Some(2), Some(3)]),
            (r#"{"x":"}\"{","n":4}null{}"#, &[Some(4), Some(0), Some(0)]),
            ("null {\"n\":5}", &[Some(0), Some(5)]),
            (r#"{"x":[[{}]],"n":6}"#, &[Some(6)]),
            (r#"{"n":7}{"n":"#, &[Some(7), None]),
            (r#"{"n":8}]"#, &[Some(8), None]),
        ];
        for (text, expected) in rows {
            for cut in 0..=text.len() {
                let (mut messages, mut read) = (Messages::default(), Vec::new());
                messages.receive(&text.as_bytes()[..cut]);
                all(&mut messages, &mut read);
                if read.last() != Some(&None) {
                    messages.receive(&text.as_bytes()[cut..]);
                    messages.end();
                    all(&mut messages, &mut read);
                }
                assert_eq!(read, expected, "{text:?} cut at {cut}");
            }
        }
    }

    #[test]
    fn what_can_become_no_message_is_refused_at_once() {
        for text in ["x", "{x", "{\"n\":1,}", "[", "1 ", "]"] {
            let mut messages = Messages::default();
            messages.receive(text.as_bytes());
            let read = messages.next::<Number>();
            if text == "[" {
                assert_eq!(read, None, "it may become a list, which is refused then");
            } else {
                assert!(matches!(read, Some(Err(_))), "{text}: {read:?}");
            }
        }
        let mut messages = Messages::default();
        messages.receive(&vec![b'['; BYTES_MAX + 1]);
        assert!(matches!(messages.next::<Number>(), Some(Err(_))));
    }
}
