//! Watches, begun at both servers; what happens then ends them.

use super::draw::{Dice, Request};
use super::{Pair, Seen, WATCHES};
use crate::cluster::Http;

/// Nothing hidden, and no name that begins another: there etcd replays what no live watch is told.
const NAMES: &[&str] = &["k", "l", "m"];

fn path(dice: &mut Dice, depth: usize) -> String {
    let names: Vec<&str> = (0..depth).map(|_| dice.pick(NAMES)).collect();
    format!("/watched/{}", names.join("/"))
}

/// Begins one watch after another, and does what ends it.
pub(super) fn run(pair: &mut Pair, seed: u64, dice: &mut Dice, balsa: &mut Http) {
    for number in 0..WATCHES {
        let depth = 1 + dice.below(3);
        let target = path(dice, depth);
        let index = change(pair, dice, balsa, depth);
        let mut query = vec!["wait=true".to_owned()];
        if dice.one_in(2) {
            query.push("recursive=true".to_owned());
        }
        match dice.below(4) {
            0 => query.push(format!("waitIndex={}", index + dice.below(3) as u64)),
            1 => query.push(format!(
                "waitIndex={}",
                index.saturating_sub(dice.below(12) as u64)
            )),
            // Outdated, once there were so many.
            2 if dice.one_in(3) => query.push("waitIndex=1".to_owned()),
            _ => {}
        }
        let watch = Request {
            method: "GET".to_owned(),
            target: format!("/v2/keys{target}?{}", query.join("&")),
            head: String::new(),
            body: Vec::new(),
        };
        let addresses = [pair.etcd.http.address(), pair.balsa.client];
        let waiting = addresses.map(|address| Http::new(address).begin(&watch.method, &watch.target));
        let mut log = Vec::new();
        for _ in 0..5 {
            log.push(change(pair, dice, balsa, depth));
        }
        end(pair, balsa, &target);
        let [theirs, ours] =
            waiting.map(|waiting| Seen::of(&waiting.expect("it begins").answer().expect("it ends")));
        assert_eq!(
            ours, theirs,
            "seed {seed} watch {number}: {watch:?} with changes up to {log:?}"
        );
    }
}

/// Changes something near: files lie at depth 3, directories above them. Nothing above the depth given goes: there etcd tells only
/// those who watch what is there. Returns the index.
fn change(pair: &mut Pair, dice: &mut Dice, balsa: &mut Http, goes_from: usize) -> u64 {
    let depth = 1 + dice.below(3);
    let target = format!("/v2/keys{}", path(dice, depth));
    let (method, query) = match (dice.below(5), depth) {
        (0, _) if depth >= goes_from => ("DELETE", "?recursive=true"),
        (1, 3) => ("PUT", "?refresh=true&ttl=1000"),
        (_, 3) => ("PUT", "?value=v"),
        _ => ("PUT", "?dir=true"),
    };
    same(pair, balsa, method, format!("{target}{query}"))
}

/// Makes something of the watched path, again and again, whatever stands there.
fn end(pair: &mut Pair, balsa: &mut Http, target: &str) {
    for _ in 0..3 {
        same(pair, balsa, "DELETE", format!("/v2/keys{target}?recursive=true"));
        same(pair, balsa, "PUT", format!("/v2/keys{target}?dir=true"));
    }
    same(pair, balsa, "DELETE", format!("/v2/keys{target}?recursive=true"));
}

fn same(pair: &mut Pair, balsa: &mut Http, method: &str, target: String) -> u64 {
    let request = Request {
        method: method.to_owned(),
        target,
        head: String::new(),
        body: Vec::new(),
    };
    let (theirs, ours) = pair.ask(balsa, &request);
    assert_eq!(ours, theirs, "{request:?}");
    let index = ours.headers.iter().find(|(name, _)| *name == "x-etcd-index");
    index
        .and_then(|(_, value)| value.as_ref()?.parse().ok())
        .expect("an index")
}
