//! Messages that no node sent: lies, and echoes of what never was.

use raft_core::{
    AppendOutcome, Body, Boot, Entry, Envelope, Index, InstallOutcome, Message, Position, ReadId, Round,
    SnapshotMark, Term, Version, VoteAnswer,
};

use super::Command;
use crate::script::arguments::{Arguments, link};
use crate::script::cluster::Cluster;
use crate::script::error::Problem;
use crate::script::links::Link;

pub(super) const COMMANDS: &[Command] = &[Command::new(
    "forge",
    "forge LINK RPC term=T ...: a message that no node sent; what is left out is 0 or nothing: last=P (votes), \
     transfer=yes, answer=granted|refused|P, after=P, prev=P entries=t,t commit=K, match=K, prev=P hint=P, round=R, \
     understands=V, mark=P offset=O data=TEXT checksum=C last=yes, mark=P offset=O, mark=P installed=yes, boot=B read=ID \
     index=K; P is index@term",
    forge,
)];

fn forge(cluster: &mut Cluster, arguments: &mut Arguments<'_>) -> Result<(), Problem> {
    let word = arguments.word("a link")?;
    let link = link(word).ok_or_else(|| arguments.unexpected("a link, such as 1->2", word))?;
    let term = Term(number(arguments, "term")?);
    let name = arguments.word("the name of an RPC")?;
    let message = match read(name, arguments)? {
        Some(message) => message,
        None => return Err(arguments.unexpected("the name of an RPC, such as AppendEntries", name)),
    };
    arguments.finish()?;
    let Link { from, to } = link;
    cluster.member(to)?;
    let envelope = Envelope {
        from,
        to,
        term,
        message,
    };
    let (number, _) = cluster.links.send(envelope);
    cluster.trace.raw(format!("forged {link}#{number}"));
    Ok(())
}

fn read(name: &str, words: &mut Arguments<'_>) -> Result<Option<Message>, Problem> {
    Ok(Some(match name {
        "RequestPreVote" => Message::RequestPreVote {
            last: position(words, "last")?,
        },
        "RequestVote" => Message::RequestVote {
            last: position(words, "last")?,
            transfer: yes(words, "transfer")?,
        },
        "RequestPreVoteReply" => Message::RequestPreVoteReply(vote_answer(words)?),
        "RequestVoteReply" => Message::RequestVoteReply(vote_answer(words)?),
        "RequestEntries" => Message::RequestEntries {
            after: position(words, "after")?,
        },
        "Entries" => {
            let prev = position(words, "prev")?;
            Message::Entries {
                after: position(words, "after")?,
                prev,
                entries: entries(words, prev)?,
            }
        }
        "AppendEntries" => {
            let prev = position(words, "prev")?;
            Message::AppendEntries {
                prev,
                entries: entries(words, prev)?,
                commit: Index(number(words, "commit")?),
            }
        }
        "AppendEntriesReply" => Message::AppendEntriesReply(append_outcome(words)?),
        "Heartbeat" => Message::Heartbeat {
            round: Round(number(words, "round")?),
            commit: Index(number(words, "commit")?),
        },
        "HeartbeatReply" => Message::HeartbeatReply {
            round: Round(number(words, "round")?),
            understands: Version(number(words, "understands")?),
            wants_from: None,
            stands_back: false,
        },
        _ => return rarer(name, words),
    }))
}

fn rarer(name: &str, words: &mut Arguments<'_>) -> Result<Option<Message>, Problem> {
    Ok(Some(match name {
        "InstallSnapshot" => install_snapshot(words)?,
        "InstallSnapshotReply" => Message::InstallSnapshotReply {
            mark: position(words, "mark")?,
            outcome: if yes(words, "installed")? {
                InstallOutcome::Installed
            } else {
                InstallOutcome::Receiving {
                    offset: number(words, "offset")?,
                    checksum: checksum(words)?.unwrap_or_default(),
                }
            },
        },
        "TimeoutNow" => Message::TimeoutNow,
        "ReadIndex" => Message::ReadIndex {
            boot: Boot(number(words, "boot")?),
            id: ReadId(number(words, "read")?),
        },
        "ReadIndexReply" => Message::ReadIndexReply {
            boot: Boot(number(words, "boot")?),
            id: ReadId(number(words, "read")?),
            index: Index(number(words, "index")?),
        },
        "Removed" => Message::Removed,
        _ => return Ok(None),
    }))
}

/// The checksum is right for a first piece, if none is given.
fn install_snapshot(words: &mut Arguments<'_>) -> Result<Message, Problem> {
    let mark = SnapshotMark {
        position: position(words, "mark")?,
        ..SnapshotMark::default()
    };
    let data = words.option("data").unwrap_or_default().to_owned();
    let checksum = checksum(words)?.unwrap_or_else(|| crc32c::crc32c(data.as_bytes()));
    Ok(Message::InstallSnapshot {
        mark: Box::new(mark),
        offset: number(words, "offset")?,
        data: data.into(),
        checksum,
        last: yes(words, "last")?,
    })
}

fn vote_answer(words: &mut Arguments<'_>) -> Result<VoteAnswer, Problem> {
    match words.option("answer") {
        Some("granted") => Ok(VoteAnswer::Granted),
        None | Some("refused") => Ok(VoteAnswer::Refused),
        Some(word) => Ok(VoteAnswer::Behind {
            last: words.position_in(word)?,
        }),
    }
}

fn append_outcome(words: &mut Arguments<'_>) -> Result<AppendOutcome, Problem> {
    let hint = words.option("hint");
    let prev = position(words, "prev")?;
    match hint {
        Some(hint) => Ok(AppendOutcome::Rejected {
            prev,
            hint: words.position_in(hint)?,
        }),
        None => Ok(AppendOutcome::Matched(Index(number(words, "match")?))),
    }
}

fn entries(words: &mut Arguments<'_>, prev: Position) -> Result<Vec<Entry>, Problem> {
    let terms = words.option("entries").unwrap_or_default();
    let terms = terms.split(',').filter(|term| !term.is_empty());
    let mut entries = Vec::new();
    for (term, index) in terms.zip(prev.index.0.saturating_add(1)..) {
        let term = Term(words.number_in(term, "terms, such as 1,1,2")?);
        let position = Position {
            term,
            index: Index(index),
        };
        entries.push(Entry {
            position,
            body: Body::Command("forged".into()),
        });
    }
    Ok(entries)
}

/// The value of `name=index@term`; before the first entry if it is left out.
fn position(words: &mut Arguments<'_>, name: &str) -> Result<Position, Problem> {
    match words.option(name) {
        Some(word) => words.position_in(word),
        None => Ok(Position::default()),
    }
}

/// The value of `name=number`; 0 if it is left out.
fn number(words: &mut Arguments<'_>, name: &str) -> Result<u64, Problem> {
    match words.option(name) {
        Some(word) => words.number_in(word, "a number"),
        None => Ok(0),
    }
}

fn checksum(words: &mut Arguments<'_>) -> Result<Option<u32>, Problem> {
    let Some(word) = words.option("checksum") else {
        return Ok(None);
    };
    let checksum = word
        .parse()
        .map_err(|_| words.unexpected("a number of 32 bits", word))?;
    Ok(Some(checksum))
}

/// Whether `name=yes` stands there.
fn yes(words: &mut Arguments<'_>, name: &str) -> Result<bool, Problem> {
    match words.option(name) {
        None | Some("no") => Ok(false),
        Some("yes") => Ok(true),
        Some(word) => Err(words.unexpected("yes or no", word)),
    }
}
