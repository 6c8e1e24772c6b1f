//! The words of a command, read one by one; what is missing or left over is an error that says what was expected.

use raft_core::{Index, NodeId, Position, Term};

use super::error::Problem;
use super::links::{Link, Selector};

/// What is left of a command's words.
#[derive(Debug)]
pub(crate) struct Arguments<'a> {
    words: Vec<&'a str>,
    usage: &'static str,
}

impl<'a> Arguments<'a> {
    pub(crate) fn new(text: &'a str, usage: &'static str) -> Arguments<'a> {
        Arguments {
            words: text.split_whitespace().collect(),
            usage,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    pub(crate) fn word(&mut self, expected: &'static str) -> Result<&'a str, Problem> {
        if self.words.is_empty() {
            return Err(self.unexpected(expected, ""));
        }
        Ok(self.words.remove(0))
    }

    /// A word, unless the line ends here.
    pub(crate) fn optional_word(&mut self) -> Option<&'a str> {
        (!self.words.is_empty()).then(|| self.words.remove(0))
    }

    /// The last word.
    pub(crate) fn last(&mut self, expected: &'static str) -> Result<&'a str, Problem> {
        self.words.pop().ok_or_else(|| self.unexpected(expected, ""))
    }

    /// All that is left, as one text.
    pub(crate) fn rest(&mut self, expected: &'static str) -> Result<String, Problem> {
        if self.words.is_empty() {
            return Err(self.unexpected(expected, ""));
        }
        Ok(std::mem::take(&mut self.words).join(" "))
    }

    /// The value of `name=value`, wherever it stands.
    pub(crate) fn option(&mut self, name: &str) -> Option<&'a str> {
        let value = |word: &'a str| word.strip_prefix(name)?.strip_prefix('=');
        let at = self.words.iter().position(|word| value(word).is_some())?;
        value(self.words.remove(at))
    }

    pub(crate) fn finish(&self) -> Result<(), Problem> {
        match self.words.first() {
            None => Ok(()),
            Some(extra) => Err(self.unexpected("the end of the line", extra)),
        }
    }

    pub(crate) fn node(&mut self) -> Result<NodeId, Problem> {
        let word = self.word("a node")?;
        node(word).ok_or_else(|| self.unexpected("a node, such as 1", word))
    }

    /// A node, unless the line ends here.
    pub(crate) fn optional_node(&mut self) -> Result<Option<NodeId>, Problem> {
        if self.is_empty() {
            return Ok(None);
        }
        self.node().map(Some)
    }

    pub(crate) fn number(&mut self, expected: &'static str) -> Result<u64, Problem> {
        let word = self.word(expected)?;
        self.number_in(word, expected)
    }

    pub(crate) fn number_in(&self, word: &str, expected: &'static str) -> Result<u64, Problem> {
        word.parse().map_err(|_| self.unexpected(expected, word))
    }

    /// Terms of consecutive entries: `1,1,2`.
    pub(crate) fn terms(&mut self) -> Result<Vec<Term>, Problem> {
        let word = self.word("terms, such as 1,1,2")?;
        let terms: Option<Vec<Term>> = word.split(',').map(|term| term.parse().ok().map(Term)).collect();
        terms
            .filter(|terms| terms.is_sorted() && terms.first() > Some(&Term(0)))
            .ok_or_else(|| self.unexpected("terms from 1 that never fall, such as 1,1,2", word))
    }

    pub(crate) fn link(&mut self) -> Result<Link, Problem> {
        let word = self.word("a link")?;
        link(word).ok_or_else(|| self.unexpected("a link, such as 1->2", word))
    }

    /// `all`, `1->2`, `1->*`, `*->2` or `1->2#3`, and perhaps the name of an RPC.
    pub(crate) fn selector(&mut self) -> Result<Selector, Problem> {
        let word = self.word("messages")?;
        let mut selector =
            Selector::parse(word).ok_or_else(|| self.unexpected("all, 1->2, 1->*, *->2 or 1->2#3", word))?;
        if !self.is_empty() {
            let name = self.word("an RPC")?;
            selector.rpc = Selector::rpc_named(name);
            if selector.rpc.is_none() {
                return Err(self.unexpected("the name of an RPC, such as AppendEntries", name));
            }
        }
        Ok(selector)
    }

    /// `index@term` in a word.
    pub(crate) fn position_in(&self, word: &str) -> Result<Position, Problem> {
        let parsed = word.split_once('@').and_then(|(index, term)| {
            Some(Position {
                term: Term(term.parse().ok()?),
                index: Index(index.parse().ok()?),
            })
        });
        parsed.ok_or_else(|| self.unexpected("a position, such as 3@1", word))
    }

    pub(crate) fn unexpected(&self, expected: &'static str, found: &str) -> Problem {
        let found = if found.is_empty() {
            "the end of the line".to_owned()
        } else {
            format!("`{found}`")
        };
        Problem::Argument {
            expected,
            found,
            usage: self.usage,
        }
    }
}

/// `1` or `n1`.
pub(crate) fn node(word: &str) -> Option<NodeId> {
    let id: u64 = word.strip_prefix('n').unwrap_or(word).parse().ok()?;
    (id > 0).then_some(NodeId(id))
}

/// `1->2`.
pub(crate) fn link(word: &str) -> Option<Link> {
    let (from, to) = word.split_once("->")?;
    Some(Link {
        from: node(from)?,
        to: node(to)?,
    })
}
