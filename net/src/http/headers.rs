//! Headers as places in the head: no allocation per request, and nothing that borrows from itself.

use std::str;

/// Most headers a request or response may have.
pub const HEADERS_MAX: usize = 100;

/// A name, as sent, and a value without the space around it. Names compare without case.
pub type Header<'a> = (&'a str, &'a [u8]);

/// Fills the slots for [`Headers::fill`].
pub const NO_HEADER: Header<'static> = ("", b"");

/// A run of bytes in the head, by offset from the head's first byte.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Span {
    start: u32,
    end: u32,
}

impl Span {
    /// Where `part` lies in `whole`; it must be a piece of it.
    pub(super) fn of(part: &[u8], whole: &[u8]) -> Span {
        if part.is_empty() {
            return Span::default();
        }
        let start = (part.as_ptr() as usize).wrapping_sub(whole.as_ptr() as usize);
        assert!(
            start <= whole.len() && part.len() <= whole.len() - start,
            "not a part of the head"
        );
        let place = |offset: usize| u32::try_from(offset).expect("heads are shorter than 4 GiB");
        Span {
            start: place(start),
            end: place(start + part.len()),
        }
    }

    /// The bytes of the span.
    pub(super) fn bytes(self, head: &[u8]) -> &[u8] {
        &head[self.start as usize..self.end as usize]
    }

    /// The same as text; only for spans that the parser has seen to be UTF-8.
    pub(super) fn text(self, head: &[u8]) -> &str {
        str::from_utf8(self.bytes(head)).expect("checked when the head was parsed")
    }
}

/// Where one header's name and value lie.
#[derive(Clone, Copy, Debug)]
pub(super) struct HeaderSpan {
    name: Span,
    value: Span,
}

/// Notes where the parsed headers lie in `head`, in place of those noted before.
pub(super) fn note(spans: &mut Vec<HeaderSpan>, parsed: &[httparse::Header<'_>], head: &[u8]) {
    spans.clear();
    spans.extend(parsed.iter().map(|header| HeaderSpan {
        name: Span::of(header.name.as_bytes(), head),
        value: Span::of(header.value, head),
    }));
}

/// The headers of one request or response, in the order sent.
#[derive(Clone, Copy, Debug)]
pub struct Headers<'a> {
    head: &'a [u8],
    spans: &'a [HeaderSpan],
}

impl<'a> Headers<'a> {
    pub(super) fn new(head: &'a [u8], spans: &'a [HeaderSpan]) -> Headers<'a> {
        Headers { head, spans }
    }

    /// How many there are, at most [`HEADERS_MAX`].
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = Header<'a>> + use<'a> {
        let head = self.head;
        self.spans
            .iter()
            .map(move |span| (span.name.text(head), span.value.bytes(head)))
    }

    /// The first value under a name, whatever its case.
    pub fn get(&self, name: &str) -> Option<&'a [u8]> {
        self.iter()
            .find(|header| header.0.eq_ignore_ascii_case(name))
            .map(|header| header.1)
    }

    /// All of them as a slice, for callers that want one, laid into slots from the caller's stack. At most as many as there
    /// are slots; [`HEADERS_MAX`] slots always suffice.
    pub fn fill<'s>(&self, slots: &'s mut [Header<'a>]) -> &'s [Header<'a>] {
        let mut count = 0;
        for (slot, header) in slots.iter_mut().zip(self.iter()) {
            *slot = header;
            count += 1;
        }
        &slots[..count]
    }
}

/// Whether a comma-separated header value names `token`, whatever its case.
pub(super) fn lists(value: &[u8], token: &str) -> bool {
    value
        .split(|&byte| byte == b',')
        .any(|part| part.trim_ascii().eq_ignore_ascii_case(token.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_searched_by_whole_words_without_case() {
        assert!(lists(b"Keep-Alive", "keep-alive"));
        assert!(lists(b"TE , Close", "close"));
        assert!(!lists(b"closed, disclose", "close"));
        assert!(!lists(b"", "close"));
    }

    #[test]
    fn headers_are_found_listed_and_filled() {
        let head = b"One: 1\r\nTwo: 2\r\n";
        let name = |from, to| str::from_utf8(&head[from..to]).unwrap();
        let parsed = [
            httparse::Header {
                name: name(0, 3),
                value: &head[5..6],
            },
            httparse::Header {
                name: name(8, 11),
                value: &head[13..14],
            },
        ];
        let mut spans = Vec::new();
        note(&mut spans, &parsed, head);
        let headers = Headers::new(head, &spans);
        assert_eq!(headers.get("tWO"), Some(&b"2"[..]));
        assert_eq!(headers.get("three"), None);
        assert_eq!((headers.len(), headers.is_empty()), (2, false));
        let mut slots = [NO_HEADER; 4];
        assert_eq!(headers.fill(&mut slots), [("One", &b"1"[..]), ("Two", b"2")]);
        let mut too_few = [NO_HEADER; 1];
        assert_eq!(headers.fill(&mut too_few).len(), 1);
    }
}
