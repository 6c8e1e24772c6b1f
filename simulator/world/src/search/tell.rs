//! A way through the search as a script of `world::script`.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use raft_core::{NodeId, Term};

use super::explore::follow;
use super::past::Broken;
use super::registry::Registry;
use super::scope::Scope;
use super::seat::{Input, command};
use super::state::{Event, Next, State};

/// The script's own names for messages: they count up per link.
#[derive(Default)]
struct Numbers {
    sent: BTreeMap<(NodeId, NodeId), u64>,
    /// By the registry's number, the oldest last.
    under_way: BTreeMap<u32, Vec<u64>>,
}

/// The script that takes these steps.
pub(super) fn tell(broken: &Broken, choices: &[u16], registry: &mut Registry) -> String {
    let mut script = head(&broken.to_string(), &registry.scope);
    let mut numbers = Numbers::default();
    let mut actor = NodeId(0);
    'way: for (mut state, step) in follow(choices, registry) {
        for event in state.events(step, registry) {
            write_event(&mut script, event, &mut numbers, registry);
            let (id, input) = State::input(event, registry);
            actor = id;
            let turn = state.member(id).map(|member| registry.turn(member, input));
            let sent = turn.iter().flat_map(|turn| turn.sent.iter());
            sent.for_each(|&message| numbers.send(message, registry));
            match state.happen(event, registry) {
                Next::State(next) => state = next,
                Next::Nothing => {}
                Next::Broken(_) => break 'way,
            }
        }
    }
    if let Some(line) = broken.expectation(actor) {
        script.push_str(&line);
        script.push('\n');
    }
    script.push_str("---\n");
    script
}

fn head(story: &str, scope: &Scope) -> String {
    let switch = |on: bool| if on { "on" } else { "off" };
    let disk = if scope.slow_disks {
        format!("manual disk_stall={}s", Scope::DISK_STALL_MAX.as_secs())
    } else {
        "auto".to_owned()
    };
    let append_bytes = if scope.single_entries {
        " append_bytes=0"
    } else {
        ""
    };
    let places = scope
        .logs
        .iter()
        .zip(1u64..)
        .filter(|(terms, _)| !terms.is_empty());
    let logs = places.map(|(terms, id)| {
        let terms: Vec<String> = terms.iter().map(u64::to_string).collect();
        format!("log {id} {}\n", terms.join(","))
    });
    let first_term = scope.first_term();
    let in_term = scope.ids().filter(|_| first_term > Term(0));
    let setup: String = logs
        .chain(in_term.map(|id| format!("term {id} {first_term}\n")))
        .collect();
    let mutant = scope
        .mutant
        .map_or(String::new(), |mutant| format!("mutant {}\n", mutant.name()));
    let story = story.split_whitespace().collect::<Vec<_>>().join(" ");
    format!(
        "# {story} (found by exhaustive search, in the fewest steps)\n\
         cluster {} disk={disk} pre_vote={} check_quorum={}{append_bytes}\n{setup}{mutant}",
        scope.nodes,
        switch(scope.pre_vote),
        switch(scope.check_quorum),
    )
}

fn write_event(script: &mut String, event: Event, numbers: &mut Numbers, registry: &Registry) {
    let line = match event {
        Event::Arrive(message) if registry.scope.duplicates.is_none() => {
            // The first time it may be the one that was sent, but who knows whether it is the last time.
            let name = numbers.name(message, registry);
            numbers.send(message, registry);
            format!("dup {name}\ndeliver {}", numbers.take(message, registry))
        }
        Event::Arrive(message) => format!("deliver {}", numbers.take(message, registry)),
        Event::Repeat(message) => {
            let name = numbers.name(message, registry);
            numbers.send(message, registry);
            format!("dup {name}\ndeliver {}", numbers.take(message, registry))
        }
        Event::Turn(id, Input::Saved) => format!("saved {id}"),
        Event::Turn(id, Input::Timeout) => {
            let span = registry.scope.config(id).election_timeout * 2;
            format!("clock {id} +{}ms\ntick {id}", span.as_millis())
        }
        Event::Turn(id, Input::Beat) => format!("tick {id}"),
        Event::Turn(id, Input::Propose(number)) => format!("put {id} {}", command(number)),
        Event::Turn(id, Input::Remove(other)) => format!("change {id} remove={other}"),
        Event::Turn(id, Input::Restart { save_is_kept }) => {
            let lose = if save_is_kept { "none" } else { "all" };
            format!("crash {id} lose={lose}\nrestart {id}")
        }
        Event::Turn(_, Input::Receive(_)) => unreachable!("a message arrives by an event of its own"),
    };
    let _ = writeln!(script, "{line}");
}

impl Numbers {
    fn send(&mut self, message: u32, registry: &Registry) {
        let envelope = registry.message(message);
        let number = self.sent.entry((envelope.from, envelope.to)).or_default();
        *number += 1;
        self.under_way.entry(message).or_default().insert(0, *number);
    }

    fn name(&self, message: u32, registry: &Registry) -> String {
        let envelope = registry.message(message);
        let number = self.under_way.get(&message).and_then(|numbers| numbers.last());
        format!(
            "{}->{}#{}",
            envelope.from,
            envelope.to,
            number.expect("it is under way")
        )
    }

    fn take(&mut self, message: u32, registry: &Registry) -> String {
        let name = self.name(message, registry);
        self.under_way.get_mut(&message).and_then(Vec::pop);
        name
    }
}
