//! `/v3/maintenance/alarm`.

use node::{Answer, Request, Response};
use raft_core::NodeId;
use serde::de::MapAccess;
use storage::store::alarm::{Alarm, AlarmKind};
use storage::store::command::{Command, Outcome};
use storage::store::query::{Found, Query};

use super::error::Refusal;
use super::json::{Message, Value};
use super::{ask_as, error, write};
use crate::answer::HttpAnswer;
use crate::render::Kind;
use crate::route::Call;
use crate::{Parsed, text};

const ACTIONS: &[&str] = &["GET", "ACTIVATE", "DEACTIVATE"];
const ALARMS: &[&str] = &["NONE", NO_SPACE, CORRUPT];
const NO_SPACE: &str = "NOSPACE";
const CORRUPT: &str = "CORRUPT";

/// What is to be told of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// All alarms of this name, or of any.
    Of(Option<&'static str>),
    /// This one, if it was changed or `always`.
    Change {
        /// Which.
        member: NodeId,
        /// Its name.
        name: &'static str,
        /// Even if it was so before.
        always: bool,
    },
    /// Nothing.
    Nothing,
}

/// `POST /v3/maintenance/alarm`.
pub(crate) fn alarm(call: &Call<'_>, answer: &mut HttpAnswer) -> Parsed {
    ask_as(call, answer, |request: AlarmRequest| {
        request
            .into_request()
            .map(|(request, asked)| (request, Kind::Alarm(asked)))
    })
}

#[derive(Default)]
struct AlarmRequest {
    action: i32,
    member: u64,
    alarm: i32,
}

impl Message for AlarmRequest {
    fn take<'de, A: MapAccess<'de>>(&mut self, name: &str, value: Value<'_, A>) -> Result<(), A::Error> {
        match name {
            "action" => self.action = value.enumeration(ACTIONS)?,
            "memberID" => self.member = value.uint64()?,
            "alarm" => self.alarm = value.enumeration(ALARMS)?,
            _ => value.pass_over()?,
        }
        Ok(())
    }
}

impl AlarmRequest {
    fn into_request(self) -> Result<(Request, Asked), Refusal> {
        // An operator's word ends what a member says of its space, too, and what it raises no member ends.
        let kind = match self.alarm {
            0 => None,
            1 => Some((AlarmKind::ReadOnly, NO_SPACE)),
            2 => Some((AlarmKind::Corrupt, CORRUPT)),
            _ => return Err(Refusal::invalid("unknown alarm")),
        };
        let look = Request::Read {
            query: Query::Alarms,
            linearizable: true,
        };
        let change = |raised| match kind {
            None => (look.clone(), Asked::Nothing),
            Some((kind, name)) => {
                let member = NodeId(self.member);
                let alarm = Alarm { member, kind };
                let asked = Asked::Change {
                    member,
                    name,
                    always: raised,
                };
                (Request::Write(Command::Alarm { alarm, raised }), asked)
            }
        };
        match self.action {
            0 => {
                let asked = Asked::Of(kind.map(|(_, name)| name));
                Ok((look, asked))
            }
            1 => Ok(change(true)),
            2 => Ok(change(false)),
            _ => Err(Refusal::invalid("unknown action")),
        }
    }
}

/// Alarms as clients see them: two of a member that have one name are one.
pub(super) fn shown(alarms: &[Alarm]) -> impl Iterator<Item = (NodeId, &'static str)> {
    let name = |alarm: &Alarm| (alarm.member, name_of(alarm.kind));
    let is_second = |alarm: &Alarm| {
        let first = Alarm {
            kind: AlarmKind::NoSpace,
            ..*alarm
        };
        alarm.kind == AlarmKind::ReadOnly && alarms.contains(&first)
    };
    alarms.iter().filter(move |alarm| !is_second(alarm)).map(name)
}

/// etcd's name of an alarm.
pub(crate) fn name_of(kind: AlarmKind) -> &'static str {
    match kind {
        AlarmKind::NoSpace | AlarmKind::ReadOnly => NO_SPACE,
        AlarmKind::Corrupt => CORRUPT,
    }
}

/// The alarms that the call was about.
pub(crate) fn render(response: &Response, asked: Asked, answer: &mut HttpAnswer) {
    let told: Vec<(NodeId, &str)> = match (&response.result, asked) {
        (Ok(Answer::Found(Found::Alarms(alarms))), Asked::Of(name)) => shown(alarms)
            .filter(|(_, found)| name.is_none_or(|name| name == *found))
            .collect(),
        (Ok(Answer::Found(Found::Alarms(_))), Asked::Nothing) => Vec::new(),
        (Ok(Answer::Done(Outcome::Alarm { changed })), Asked::Change { member, name, always }) => {
            let one = (*changed || always).then_some((member, name));
            one.into_iter().collect()
        }
        (Ok(other), _) => unreachable!("{other:?} to a call about alarms"),
        (Err(why), _) => return error::failed(answer, why),
    };
    write::begin(answer, &response.header, true);
    let out = &mut answer.body;
    if !told.is_empty() {
        text::member(out, "alarms");
        out.push(b'[');
        for (member, name) in told {
            text::separate(out);
            out.push(b'{');
            write::integer(out, "memberID", member.0);
            write::string(out, "alarm", name);
            out.push(b'}');
        }
        out.push(b']');
    }
    out.push(b'}');
}

#[cfg(test)]
mod tests;
