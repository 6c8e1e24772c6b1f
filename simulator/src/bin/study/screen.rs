//! How a trace looks: a column for each node, a colour for each kind of line.

use std::io::{self, Write};

use world::script::{Line, NodeId};

/// Columns of fewer characters are no help: then every line begins with its node's name instead.
const COLUMN_MIN: usize = 22;

/// What stands between two columns.
const BETWEEN: &str = " │ ";
const BETWEEN_WIDTH: usize = 3;

/// Where the trace is written.
pub(crate) struct Screen<W> {
    out: W,
    width: usize,
    color: bool,
    /// A column for each of these.
    nodes: Vec<NodeId>,
    /// Commands are on the screen already, because they were typed there.
    pub(crate) has_commands: bool,
}

/// Colours by meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ink {
    /// Nothing special.
    Plain,
    /// What the script says.
    Command,
    /// Elections: roles and votes.
    Election,
    /// What is sent.
    Sent,
    /// What arrives.
    Arrived,
    /// What becomes final.
    Final,
    /// What goes to disk.
    Disk,
    /// Why.
    Reason,
    /// What is lost, refused or broken.
    Bad,
    /// What went as expected.
    Good,
}

impl Ink {
    fn code(self) -> &'static str {
        match self {
            Ink::Plain => "",
            Ink::Command => "1",
            Ink::Election => "1;33",
            Ink::Sent => "36",
            Ink::Arrived => "34",
            Ink::Final => "32",
            Ink::Disk => "35",
            Ink::Reason => "2;3",
            Ink::Bad => "31",
            Ink::Good => "1;32",
        }
    }

    /// Of what a line says, without its node and term.
    fn of(text: &str) -> Ink {
        let (first, rest) = text.split_once(' ').unwrap_or((text, ""));
        match first {
            _ if text.contains("(lost") => Ink::Bad,
            ">" | "~" => Ink::Command,
            "->" => Ink::Sent,
            "<-" => Ink::Arrived,
            "why:" => Ink::Reason,
            "commit" | "apply" | "restore" | "read" if !rest.contains("given up") => Ink::Final,
            "save" | "saved" | "saving" => Ink::Disk,
            "leader" | "candidate" | "pre-candidate" | "follower" | "votes" | "peers" => Ink::Election,
            "ALARM:" | "lost" | "refused:" | "truncate" | "removed:" => Ink::Bad,
            _ if first.starts_with("down") => Ink::Bad,
            _ => Ink::Plain,
        }
    }
}

impl<W: Write> Screen<W> {
    /// A screen `width` characters wide.
    pub(crate) fn new(out: W, width: usize, color: bool) -> Screen<W> {
        Screen {
            out,
            width,
            color,
            nodes: Vec::new(),
            has_commands: false,
        }
    }

    /// Shows lines of a trace of these nodes.
    pub(crate) fn show(&mut self, lines: &[Line], nodes: &[NodeId]) -> io::Result<()> {
        let has_commands = self.has_commands;
        for line in lines.iter().filter(|line| !(has_commands && line.is_command())) {
            match line.node {
                Some(id) => {
                    self.columns(nodes)?;
                    self.node(id, &line.text)?;
                }
                None => self.say(Ink::of(&line.text), &line.text)?,
            }
        }
        self.out.flush()
    }

    /// A line across all columns.
    pub(crate) fn say(&mut self, ink: Ink, text: &str) -> io::Result<()> {
        writeln!(self.out, "{}", self.painted(ink, text))
    }

    /// Text at whose end the next input is typed.
    pub(crate) fn ask(&mut self, text: &str) -> io::Result<()> {
        write!(self.out, "{}", self.painted(Ink::Command, text))?;
        self.out.flush()
    }

    /// The names of the columns, when there are others than before.
    fn columns(&mut self, nodes: &[NodeId]) -> io::Result<()> {
        if self.nodes == nodes {
            return Ok(());
        }
        self.nodes = nodes.to_vec();
        let Some(width) = self.column_width() else {
            return Ok(());
        };
        let names: Vec<String> = nodes
            .iter()
            .map(|id| format!("{:width$}", format!("n{id}")))
            .collect();
        let names = names.join(BETWEEN);
        self.say(Ink::Command, names.trim_end())
    }

    /// Of one column; None if there is no room for columns.
    fn column_width(&self) -> Option<usize> {
        let room = self
            .width
            .checked_div(self.nodes.len())?
            .checked_sub(BETWEEN_WIDTH)?;
        (room >= COLUMN_MIN).then_some(room)
    }

    fn node(&mut self, id: NodeId, text: &str) -> io::Result<()> {
        let said = text.split_once(' ').map_or(text, |(_, said)| said);
        let ink = match Ink::of(text) {
            Ink::Plain => Ink::of(said),
            ink => ink,
        };
        let at = self.nodes.iter().position(|node| *node == id);
        let (Some(width), Some(at)) = (self.column_width(), at) else {
            return self.say(ink, &format!("n{id} {text}"));
        };
        for part in wrapped(text, width) {
            let padding = width.saturating_sub(part.chars().count());
            let mut row = String::new();
            for column in 0..self.nodes.len() {
                if column > 0 {
                    row.push_str(BETWEEN);
                }
                if column == at {
                    row.push_str(&self.painted(ink, &part));
                }
                row.extend(std::iter::repeat_n(
                    ' ',
                    if column == at { padding } else { width },
                ));
            }
            writeln!(self.out, "{}", row.trim_end())?;
        }
        Ok(())
    }

    fn painted(&self, ink: Ink, text: &str) -> String {
        match ink.code() {
            code if self.color && !code.is_empty() => format!("\x1b[{code}m{text}\x1b[0m"),
            _ => text.to_owned(),
        }
    }
}

/// Lines of at most `width` characters, broken between words where that is possible; all but the first are indented.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    const INDENT: &str = "   ";
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let mut word: Vec<char> = word.chars().collect();
        let line = lines.last_mut().expect("there is always a line");
        let used = line.chars().count();
        if used > 0 && line != INDENT {
            if used + 1 + word.len() <= width {
                line.push(' ');
                line.extend(word);
                continue;
            }
            lines.push(INDENT.to_owned());
        }
        loop {
            let line = lines.last_mut().expect("there is always a line");
            let room = (width - line.chars().count()).min(word.len());
            line.extend(word.drain(..room));
            if word.is_empty() {
                break;
            }
            lines.push(INDENT.to_owned());
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(width: usize, color: bool, lines: &[(Option<u64>, &str)], nodes: u64) -> String {
        let nodes: Vec<NodeId> = (1..=nodes).map(NodeId).collect();
        let lines: Vec<Line> = lines
            .iter()
            .map(|(node, text)| Line {
                node: node.map(NodeId),
                text: (*text).to_owned(),
            })
            .collect();
        let mut out = Vec::new();
        Screen::new(&mut out, width, color)
            .show(&lines, &nodes)
            .expect("memory takes all");
        String::from_utf8(out).expect("it is text")
    }

    #[test]
    fn each_node_has_its_column() {
        let lines = [
            (None, "> put 1 a"),
            (Some(1), "t1 append [2]"),
            (Some(2), "t1 why: nothing new up to 2: it was seen before"),
            (Some(2), "down"),
        ];
        assert_eq!(
            shown(50, false, &lines, 2),
            "> put 1 a\n\
             n1                     │ n2\n\
             t1 append [2]          │\n\
             \x20                      │ t1 why: nothing new up\n\
             \x20                      │    to 2: it was seen\n\
             \x20                      │    before\n\
             \x20                      │ down\n"
        );
        assert_eq!(shown(40, false, &lines[1..2], 2), "n1 t1 append [2]\n");
    }

    #[test]
    fn colours_tell_kinds_apart() {
        let inks = [
            ("> put 1 a", Ink::Command),
            ("-> n2#1 Heartbeat", Ink::Sent),
            ("-> n2#1 Heartbeat (lost: the link is cut)", Ink::Bad),
            ("why: so", Ink::Reason),
            ("votes for n2", Ink::Election),
            ("read 7 may be answered at 2", Ink::Final),
            ("read 7 is given up", Ink::Plain),
            ("down: its disk failed, so it stops", Ink::Bad),
        ];
        for (text, ink) in inks {
            assert_eq!(Ink::of(text), ink, "{text}");
        }
        let text = shown(100, true, &[(Some(1), "t1 commit 2")], 1);
        assert!(text.ends_with("\x1b[32mt1 commit 2\x1b[0m\n"), "{text:?}");
    }

    #[test]
    fn long_words_are_broken_and_nothing_is_lost() {
        for width in 4..30 {
            let text = "t1 -> n2#1 InstallSnapshotReply mark=3@1 offset=123456789";
            let lines = wrapped(text, width);
            assert!(
                lines.iter().all(|line| line.chars().count() <= width),
                "{lines:?}"
            );
            let letters = |text: &str| text.chars().filter(|c| *c != ' ').collect::<String>();
            assert_eq!(letters(&lines.concat()), letters(text));
        }
    }
}
