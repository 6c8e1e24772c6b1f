//! Byte strings, one behind the other in one piece of memory, with what all of them begin with written once.

use std::cmp::Ordering;

/// A list of strings. Those of a leaf or a branch are in order, and then it can be searched.
#[derive(Clone, Debug, Default)]
pub(super) struct Strings {
    /// What all begin with, then of each one the rest.
    bytes: Vec<u8>,
    ends: Vec<End>,
    /// How long the common beginning is.
    prefix: u32,
}

/// Where a string's rest ends in `bytes`.
#[derive(Clone, Copy, Debug)]
struct End {
    end: u32,
    /// What the rest begins with, as a number: most comparisons look no further.
    head: u32,
}

impl Strings {
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// The bytes that it holds; what is common counts once.
    pub(super) fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// A string in its two parts.
    pub(super) fn parts(&self, at: usize) -> (&[u8], &[u8]) {
        (&self.bytes[..self.prefix as usize], self.rest(at))
    }

    /// A string, copied.
    pub(super) fn get(&self, at: usize) -> Vec<u8> {
        let (prefix, rest) = self.parts(at);
        let mut string = Vec::with_capacity(prefix.len() + rest.len());
        string.extend_from_slice(prefix);
        string.extend_from_slice(rest);
        string
    }

    /// Of strings in order: where one stands, or where it would.
    pub(super) fn search(&self, string: &[u8]) -> Result<usize, usize> {
        let prefix = &self.bytes[..self.prefix as usize];
        let Some(rest) = string.strip_prefix(prefix) else {
            return Err(if string < prefix { 0 } else { self.len() });
        };
        let head = head(rest);
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low + (high - low) / 2;
            let ordering = self.ends[middle].head.cmp(&head);
            match ordering.then_with(|| self.rest(middle).cmp(rest)) {
                Ordering::Less => low = middle + 1,
                Ordering::Greater => high = middle,
                Ordering::Equal => return Ok(middle),
            }
        }
        Err(low)
    }

    /// Adds a string behind the others.
    pub(super) fn push(&mut self, string: &[u8]) {
        self.insert(self.len(), string);
    }

    pub(super) fn insert(&mut self, at: usize, string: &[u8]) {
        if self.ends.is_empty() {
            self.bytes.clear();
            self.bytes.extend_from_slice(string);
            self.prefix = offset(string.len());
        } else {
            let common = common(&self.bytes[..self.prefix as usize], string);
            self.shorten_prefix(common);
        }
        let rest = &string[self.prefix as usize..];
        let place = self.start(at);
        make_room(&mut self.bytes, rest.len());
        self.bytes.splice(place..place, rest.iter().copied());
        make_room(&mut self.ends, 1);
        self.ends.insert(at, End::new(place, rest));
        let longer = offset(rest.len());
        self.ends[at..].iter_mut().for_each(|end| end.end += longer);
    }

    pub(super) fn remove(&mut self, at: usize) {
        let (start, end) = (self.start(at), self.end(at));
        self.bytes.drain(start..end);
        self.ends.remove(at);
        let shorter = offset(end - start);
        self.ends[at..].iter_mut().for_each(|end| end.end -= shorter);
        if self.ends.is_empty() {
            *self = Strings::default();
        }
        give_back(&mut self.bytes);
    }

    /// Those of a range, which may have more in common. They are in order.
    pub(super) fn part(&self, range: std::ops::Range<usize>) -> Strings {
        if range.is_empty() {
            return Strings::default();
        }
        let more = common(self.rest(range.start), self.rest(range.end - 1));
        let prefix = self.prefix as usize + more;
        let rests = self.end(range.end - 1) - self.start(range.start);
        let mut part = Strings {
            bytes: Vec::with_capacity(room(prefix + rests - more * range.len(), 1)),
            ends: Vec::with_capacity(room(range.len(), size_of::<End>())),
            prefix: offset(prefix),
        };
        part.bytes.extend_from_slice(&self.bytes[..self.prefix as usize]);
        part.bytes.extend_from_slice(&self.rest(range.start)[..more]);
        for at in range {
            let rest = &self.rest(at)[more..];
            part.bytes.extend_from_slice(rest);
            part.ends.push(End::new(part.bytes.len(), rest));
        }
        part
    }

    /// Adds all of another list behind these.
    pub(super) fn append(&mut self, other: &Strings) {
        (0..other.len()).for_each(|at| self.push(&other.get(at)));
    }

    fn start(&self, at: usize) -> usize {
        at.checked_sub(1)
            .map_or(self.prefix as usize, |before| self.end(before))
    }

    fn end(&self, at: usize) -> usize {
        self.ends[at].end as usize
    }

    fn rest(&self, at: usize) -> &[u8] {
        &self.bytes[self.start(at)..self.end(at)]
    }

    /// Less is common from now on: each string gets what is no longer.
    fn shorten_prefix(&mut self, prefix: usize) {
        let more = self.prefix as usize - prefix;
        if more == 0 {
            return;
        }
        let mut bytes = Vec::with_capacity(room(self.bytes.len() + more * self.len(), 1));
        bytes.extend_from_slice(&self.bytes[..prefix]);
        let mut ends = Vec::with_capacity(self.ends.capacity());
        for at in 0..self.len() {
            let start = bytes.len();
            bytes.extend_from_slice(&self.bytes[prefix..self.prefix as usize]);
            bytes.extend_from_slice(self.rest(at));
            ends.push(End::new(bytes.len(), &bytes[start..]));
        }
        *self = Strings {
            bytes,
            ends,
            prefix: offset(prefix),
        };
    }
}

impl End {
    fn new(end: usize, rest: &[u8]) -> End {
        End {
            end: offset(end),
            head: head(rest),
        }
    }
}

/// The first four bytes, as a number in the same order; zeros where there are fewer.
fn head(rest: &[u8]) -> u32 {
    match rest.first_chunk() {
        Some(head) => u32::from_be_bytes(*head),
        None => rest
            .iter()
            .zip([24, 16, 8])
            .fold(0, |head, (byte, shift)| head | u32::from(*byte) << shift),
    }
}

/// Of two strings in order, the shortest one that is greater than the first and not greater than the second.
pub(super) fn separator(before: &[u8], after: &[u8]) -> Vec<u8> {
    after[..=common(before, after)].to_vec()
}

/// How many bytes two strings have in common at the beginning.
pub(super) fn common(one: &[u8], other: &[u8]) -> usize {
    one.iter()
        .zip(other)
        .take_while(|(one, other)| one == other)
        .count()
}

/// A place in the memory of a list. A request has a few MiB at most, and so has what is made of it.
fn offset(place: usize) -> u32 {
    u32::try_from(place).expect("a list is far smaller than 4 GiB")
}

/// Room for so many more elements, and not twice as many as a vector makes by itself: its pieces of memory are of the
/// sizes that allocators have anyway, four for each power of two.
pub(super) fn make_room<T>(list: &mut Vec<T>, more: usize) {
    let wanted = list.len() + more;
    if wanted > list.capacity() {
        list.reserve_exact(room(wanted, size_of::<T>()) - list.len());
    }
}

/// Gives memory back once half of it is not used.
pub(super) fn give_back<T>(list: &mut Vec<T>) {
    let room = room(list.len(), size_of::<T>());
    if list.capacity() >= 2 * room {
        list.shrink_to(room);
    }
}

/// So many elements of this size fit where `count` have to.
pub(super) fn room(count: usize, size: usize) -> usize {
    let bytes = (count * size).max(32);
    let step = (1 << bytes.ilog2()) / 4;
    bytes.next_multiple_of(step) / size
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_separator_is_short_and_lies_between() {
        for (before, after, expected) in [
            ("a", "b", "b"),
            ("abc", "abd", "abd"),
            ("abc", "b", "b"),
            ("ab", "abcd", "abc"),
            ("", "xyz", "x"),
            ("a1999", "a2000", "a2"),
        ] {
            let separator = separator(before.as_bytes(), after.as_bytes());
            assert_eq!(separator, expected.as_bytes());
            assert!(before.as_bytes() < &separator[..] && &separator[..] <= after.as_bytes());
        }
    }

    #[test]
    fn room_is_a_little_more_than_is_asked_for() {
        for count in 1..10_000 {
            let room = room(count, 1);
            assert!(
                room >= count && room <= (count + count / 4).max(32),
                "{count}: {room}"
            );
        }
        assert_eq!(room(33, 4) * 4, 160);
    }

    #[test]
    fn what_is_common_is_written_once() {
        let mut strings = Strings::default();
        (0..50).for_each(|number| strings.push(format!("/a/long/common/beginning/{number:02}").as_bytes()));
        assert_eq!(strings.bytes(), "/a/long/common/beginning/".len() + 100);
        assert_eq!(strings.search(b"/a/long/common/beginning/17"), Ok(17));
        strings.push(b"/b");
        assert_eq!(strings.get(17), b"/a/long/common/beginning/17");
        assert_eq!(strings.search(b"/a/long/common/beginning/17"), Ok(17));
        let part = strings.part(20..30);
        assert_eq!(part.bytes(), "/a/long/common/beginning/2".len() + 10);
    }
}
