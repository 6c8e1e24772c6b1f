//! What happened, as a hash and, if wanted, as lines: every input and every output of every member, and every fault, in
//! order. Two runs with the same hash did the same.

use std::fmt;

use raft_core::Time;

/// The trace of a run so far.
#[derive(Clone, Debug)]
pub struct Trace {
    hash: u64,
    steps: u64,
    lines: Option<Vec<String>>,
}

/// Golden ratio; odd, so that multiplying loses nothing.
const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

impl Trace {
    /// An empty trace; with `lines`, it keeps a line for each step.
    #[must_use]
    pub fn new(lines: bool) -> Trace {
        Trace {
            hash: FACTOR,
            steps: 0,
            lines: lines.then(Vec::new),
        }
    }

    /// A step: who did what when. `what` is hashed; `line` is made only if lines are kept.
    pub fn step(&mut self, at: Time, who: u64, what: &[u8], line: impl FnOnce() -> String) {
        self.steps += 1;
        self.mix(at.0);
        self.mix(who);
        self.mix(what.len() as u64);
        let (words, rest) = what.as_chunks::<8>();
        for word in words {
            self.mix(u64::from_le_bytes(*word));
        }
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        self.mix(u64::from_le_bytes(last));
        if let Some(lines) = &mut self.lines {
            lines.push(format!("{} {}", Stamp(at), line()));
        }
    }

    /// A step, as a few numbers; its lines are remarks.
    pub fn mark(&mut self, at: Time, words: [u64; 4]) {
        self.steps += 1;
        self.mix(at.0);
        words.into_iter().for_each(|word| self.mix(word));
    }

    /// A line that is no step of its own, if lines are kept.
    pub fn remark(&mut self, at: Time, line: impl FnOnce() -> String) {
        if let Some(lines) = &mut self.lines {
            lines.push(format!("{} {}", Stamp(at), line()));
        }
    }

    /// The hash of all steps.
    #[must_use]
    pub fn hash(&self) -> u64 {
        self.hash
    }

    /// How many steps there were.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// The lines, if they were kept.
    #[must_use]
    pub fn lines(&self) -> &[String] {
        self.lines.as_deref().unwrap_or_default()
    }

    /// Gives the lines away, if they were kept.
    #[must_use]
    pub fn take_lines(self) -> Vec<String> {
        self.lines.unwrap_or_default()
    }

    fn mix(&mut self, word: u64) {
        let mixed = (self.hash.rotate_left(23) ^ word).wrapping_mul(FACTOR);
        self.hash = mixed ^ (mixed >> 32);
    }
}

/// A simulated time for people: seconds with microseconds.
#[derive(Clone, Copy, Debug)]
pub struct Stamp(pub Time);

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = self.0.0;
        write!(f, "{:3}.{:06}", micros / 1_000_000, micros % 1_000_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(steps: &[(u64, &[u8])]) -> u64 {
        let mut trace = Trace::new(false);
        for (who, what) in steps {
            trace.step(Time(1), *who, what, || unreachable!("no lines are kept"));
        }
        trace.hash()
    }

    #[test]
    fn every_byte_and_every_order_counts() {
        let base = hash(&[(1, b"append 1"), (2, b"vote")]);
        assert_eq!(base, hash(&[(1, b"append 1"), (2, b"vote")]));
        assert_ne!(base, hash(&[(2, b"vote"), (1, b"append 1")]));
        assert_ne!(base, hash(&[(1, b"append 1"), (2, b"votf")]));
        assert_ne!(base, hash(&[(1, b"append 1"), (2, b"vote\0")]));
        assert_ne!(base, hash(&[(1, b"append 2"), (2, b"vote")]));
    }

    #[test]
    fn lines_are_kept_if_wanted() {
        let mut trace = Trace::new(true);
        trace.step(Time(12_000_345), 1, b"", || "n1 tick".to_owned());
        assert_eq!(trace.lines(), [" 12.000345 n1 tick"]);
    }
}
