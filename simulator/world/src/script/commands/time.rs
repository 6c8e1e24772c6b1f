//! Clocks, and what hosts notice: nothing times out unless a line says so.

use std::time::Duration;

use super::Command;
use crate::script::arguments::Arguments;
use crate::script::cluster::Cluster;
use crate::script::error::Problem;
use crate::script::settings::duration;

pub(super) const COMMANDS: &[Command] = &[
    Command::new("campaign", "campaign I: I's election deadline comes", campaign),
    Command::new(
        "tick",
        "tick I [K]: I's next deadline comes, whatever it is for; K times",
        tick,
    ),
    Command::new(
        "wait",
        "wait MS: time passes for all, and every deadline on the way is kept",
        wait,
    ),
    Command::new(
        "link-closed",
        "link-closed I J: I's host sees its link to J close, and tells I",
        link_closed,
    ),
    Command::new(
        "clock",
        "clock I +SPAN|-SPAN|rate=R: I's clock jumps, or from now on runs R times as fast as the others, such as 1.1",
        clock,
    ),
];

fn campaign(cluster: &mut Cluster, arguments: &mut Arguments<'_>) -> Result<(), Problem> {
    let id = arguments.node()?;
    arguments.finish()?;
    cluster.campaign(id)
}

fn tick(cluster: &mut Cluster, arguments: &mut Arguments<'_>) -> Result<(), Problem> {
    let id = arguments.node()?;
    let times = match arguments.optional_word() {
        Some(word) => arguments.number_in(word, "how often")?,
        None => 1,
    };
    arguments.finish()?;
    (0..times).try_for_each(|_| cluster.tick(id))
}

fn wait(cluster: &mut Cluster, arguments: &mut Arguments<'_>) -> Result<(), Problem> {
    let span = Duration::from_millis(arguments.number("milliseconds")?);
    arguments.finish()?;
    cluster.wait(span)
}

fn link_closed(cluster: &mut Cluster, arguments: &mut Arguments<'_>) -> Result<(), Problem> {
    let id = arguments.node()?;
    let peer = arguments.node()?;
    arguments.finish()?;
    cluster.say(id, format!("the link to n{peer} closed"))?;
    cluster.turn(id, |raft, now| raft.link_closed(now, peer))
}

fn clock(cluster: &mut Cluster, arguments: &mut Arguments<'_>) -> Result<(), Problem> {
    const EXPECTED: &str = "+SPAN, -SPAN or rate=R above 0 and at most 10, such as +200ms or rate=1.1";
    let id = arguments.node()?;
    let word = arguments.word(EXPECTED)?;
    arguments.finish()?;
    let now = cluster.now;
    let change = read_clock(word).ok_or_else(|| arguments.unexpected(EXPECTED, word))?;
    let clock = &mut cluster.member_mut(id)?.clock;
    match change {
        ClockChange::Jump(micros) => clock.jump(micros),
        ClockChange::Rate(ppm) => clock.run_at(now, ppm),
    }
    Ok(())
}

enum ClockChange {
    Jump(i64),
    /// In parts per million of the others'.
    Rate(u32),
}

fn read_clock(word: &str) -> Option<ClockChange> {
    if let Some(rate) = word.strip_prefix("rate=") {
        let ppm = rate.parse::<f64>().ok()? * 1e6;
        // What is refused here is every NaN, too.
        return (1.0..=1e7)
            .contains(&ppm)
            .then(|| ClockChange::Rate(ppm.round() as u32));
    }
    let ahead = |span: &str| i64::try_from(duration(span)?.as_micros()).ok();
    match (word.strip_prefix('+'), word.strip_prefix('-')) {
        (Some(span), _) => Some(ClockChange::Jump(ahead(span)?)),
        (_, Some(span)) => Some(ClockChange::Jump(-ahead(span)?)),
        _ => None,
    }
}
