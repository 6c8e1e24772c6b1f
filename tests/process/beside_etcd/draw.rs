//! Requests, drawn by a seed.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};

/// Where chance comes from.
pub(super) struct Dice(ChaCha8Rng);

impl Dice {
    pub(super) fn of(seed: u64) -> Dice {
        Dice(ChaCha8Rng::seed_from_u64(seed))
    }

    pub(super) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.0.next_u64() % end as u64).expect("it is below a usize")
    }

    pub(super) fn one_in(&mut self, many: usize) -> bool {
        self.below(many) == 0
    }

    pub(super) fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }
}

/// A request, as it is sent.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) method: String,
    pub(super) target: String,
    pub(super) head: String,
    pub(super) body: Vec<u8>,
}

/// Names of files and directories, as they stand in a URL.
const NAMES: &[&str] = &[
    "a", "b", "c", "_h", "%C3%BC", "a%2Fb", "d%20e", "x+y", "%3Cq%3E", "0",
];
/// What is not clean, now and then.
const UNCLEAN: &[&str] = &["", ".", "..", "%2E%2E"];
const FLAGS: &[&str] = &[
    "dir",
    "recursive",
    "quorum",
    "refresh",
    "noValueOnSuccess",
    "stream",
    "prevExist",
];
const TRUTHS: &[&str] = &["true", "true", "true", "false", "1", "T", "f", "0"];
const NOT_TRUTHS: &[&str] = &["", "yes", "TRue", "2"];
const VALUES: &[&str] = &["", "v", "w", "a+b", "%C3%A9", "%3Ca%26b%3E", "%22%5C"];
const TTLS: &[&str] = &["", "1000", "100000", "5000", "x", "-1", "1.5"];
const NOT_NUMBERS: &[&str] = &["", "x", "-1", "%2B1", "18446744073709551616"];
const FORM: &str = "Content-Type: application/x-www-form-urlencoded\r\n";
const OTHER_TYPES: &[&str] = &[
    "",
    "Content-Type: application/json\r\n",
    "Content-Type: text/plain\r\n",
    "Content-Type: foo bar\r\n",
    "Content-Type: application/x-www-form-urlencoded; charset=utf-8\r\n",
];
/// Paths beside the keys, with what is asked of them.
const BESIDE: &[&str] = &[
    "/v2",
    "/v2/keysfoo",
    "/v2/stats/",
    "/v2/auth",
    "/version/",
    "/",
    "/v2/members/x",
    "/nothing",
];

impl Request {
    /// Draws one, for a tree that is at this index.
    pub(super) fn draw(dice: &mut Dice, index: u64) -> Request {
        if dice.one_in(20) {
            return Request {
                method: dice.pick(&["GET", "OPTIONS"]).to_owned(),
                target: dice.pick(BESIDE).to_owned(),
                head: String::new(),
                body: Vec::new(),
            };
        }
        let method = dice.pick(&[
            "PUT", "PUT", "PUT", "PUT", "PUT", "PUT", "GET", "GET", "GET", "POST", "POST", "DELETE",
            "DELETE", "HEAD", "PATCH", "OPTIONS",
        ]);
        let mut query = Vec::new();
        let mut form = Vec::new();
        for _ in 0..dice.below(4) {
            let pair = pair(dice, index);
            if dice.one_in(2) { &mut query } else { &mut form }.push(pair);
        }
        // The order of children is nobody's promise without it.
        query.push("sorted=true".to_owned());
        let head = match dice.below(5) {
            0 => dice.pick(OTHER_TYPES),
            _ => FORM,
        };
        let takes_body = matches!(method, "PUT" | "POST");
        Request {
            method: method.to_owned(),
            target: format!("/v2/keys{}?{}", path(dice), query.join("&")),
            head: if takes_body {
                head.to_owned()
            } else {
                String::new()
            },
            body: if takes_body {
                form.join("&").into_bytes()
            } else {
                Vec::new()
            },
        }
    }
}

fn path(dice: &mut Dice) -> String {
    let mut path = String::new();
    for _ in 0..dice.below(4) {
        path.push('/');
        path.push_str(match dice.below(40) {
            0 => dice.pick(UNCLEAN),
            _ => dice.pick(NAMES),
        });
    }
    if dice.one_in(10) {
        path.push('/');
    }
    path
}

fn pair(dice: &mut Dice, index: u64) -> String {
    match dice.below(16) {
        0..3 => format!("value={}", dice.pick(VALUES)),
        3 => format!("prevValue={}", dice.pick(VALUES)),
        4 => {
            let near = index.saturating_sub(dice.below(6) as u64);
            format!("prevIndex={near}")
        }
        5 => format!("ttl={}", dice.pick(TTLS)),
        6 if dice.one_in(4) => {
            let name = dice.pick(&["prevIndex", "waitIndex"]);
            format!("{name}={}", dice.pick(NOT_NUMBERS))
        }
        7 if dice.one_in(4) => format!("{}={}", dice.pick(FLAGS), dice.pick(NOT_TRUTHS)),
        8 if dice.one_in(6) => dice
            .pick(&["a=%zz", "a=1;b=2", "value=%4", "%=1", "recursive", "unknown=x"])
            .to_owned(),
        _ => format!("{}={}", dice.pick(FLAGS), dice.pick(TRUTHS)),
    }
}
