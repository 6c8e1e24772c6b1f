//! Who leads, and who takes part: what operators ask of a leader.

use raft_core::{Change, Lease, recover_alone};

use super::Command;
use super::clients::answer;
use crate::script::arguments::{Arguments, node};
use crate::script::cluster::Cluster;
use crate::script::error::Problem;
use crate::script::settings::duration;

pub(super) const COMMANDS: &[Command] = &[
    Command::new(
        "transfer",
        "transfer I J: I is asked to hand the lead over to J",
        transfer,
    ),
    Command::new(
        "hand-over",
        "hand-over I: I is about to be shut down, and is asked to hand the lead over to its best successor",
        hand_over,
    ),
    Command::new(
        "change",
        "change I [voter=J,...] [learner=J,...] [demote=J,...] [remove=J,...] [address=J:URL] [priority=J:P] \
         [lease=SPAN/Dppm|lease=off] ...: I is asked to change the membership, all at once",
        change,
    ),
    Command::new(
        "recover-alone",
        "recover-alone I: the disk of I, which is down, becomes that of a cluster of I alone; its quorum is lost for good",
        recover,
    ),
];

fn transfer(cluster: &mut Cluster, arguments: &mut Arguments<'_>) -> Result<(), Problem> {
    let id = arguments.node()?;
    let to = arguments.node()?;
    arguments.finish()?;
    let result = cluster.turn(id, |raft, _| raft.transfer(to))?;
    answer(cluster, id, result)
}

fn hand_over(cluster: &mut Cluster, arguments: &mut Arguments<'_>) -> Result<(), Problem> {
    let id = arguments.node()?;
    arguments.finish()?;
    let result = cluster.turn(id, |raft, _| raft.hand_over())?;
    answer(cluster, id, result.map(|_| ()))
}

fn change(cluster: &mut Cluster, arguments: &mut Arguments<'_>) -> Result<(), Problem> {
    let id = arguments.node()?;
    let mut changes = Vec::new();
    while changes.is_empty() || !arguments.is_empty() {
        let word = arguments.word("a change, such as voter=4")?;
        let read =
            read_changes(word).ok_or_else(|| arguments.unexpected("a change, such as voter=4", word))?;
        changes.extend(read);
    }
    let result = cluster.turn(id, |raft, _| raft.change(&changes))?;
    answer(cluster, id, result.map(|_| ()))
}

/// `voter=4,5`: one change each.
fn read_changes(word: &str) -> Option<Vec<Change>> {
    let (name, values) = word.split_once('=')?;
    values.split(',').map(|value| read_change(name, value)).collect()
}

fn read_change(name: &str, value: &str) -> Option<Change> {
    Some(match name {
        "voter" => Change::Voter(node(value)?),
        "learner" => {
            let id = node(value)?;
            let addresses = vec![format!("n{id}")];
            Change::Learner { id, addresses }
        }
        "demote" => Change::Demote(node(value)?),
        "remove" => Change::Remove(node(value)?),
        "address" => {
            let (id, address) = value.split_once(':')?;
            Change::Addresses {
                id: node(id)?,
                addresses: vec![address.to_owned()],
            }
        }
        "priority" => {
            let (id, priority) = value.split_once(':')?;
            Change::Priority {
                id: node(id)?,
                priority: priority.parse().ok()?,
            }
        }
        "lease" if value == "off" => Change::Lease(None),
        "lease" => {
            let (timeout, drift) = value.split_once('/')?;
            Change::Lease(Some(Lease {
                timeout: duration(timeout)?,
                drift_ppm: drift.strip_suffix("ppm")?.parse().ok()?,
            }))
        }
        _ => return None,
    })
}

fn recover(cluster: &mut Cluster, arguments: &mut Arguments<'_>) -> Result<(), Problem> {
    let id = arguments.node()?;
    arguments.finish()?;
    let member = cluster.member_mut(id)?;
    if member.raft.is_some() {
        return Err(Problem::Up(id));
    }
    let (image, _) = member.disk.recover();
    match recover_alone(image, id) {
        Ok(image) => member.disk.image = image,
        Err(refusal) => cluster.trace.down(id, format!(": refused: {refusal}")),
    }
    Ok(())
}
