//! The same requests, drawn by seeds, to Debian's `etcd --enable-v2` and to Balsa: status, the header lines that matter and
//! bodies are the same, but for what `server/api/src/v2/DIFFERENCES.md` says.
//!
//! `DIFFERENTIAL_SEEDS=A..B` runs other seeds than the few that every run of the tests has.

use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::cluster::{Answer, Http, Server, free_address, has, skipped, until};

mod draw;
mod watching;

use draw::{Dice, Request};

/// How many requests a seed sends.
const STEPS: usize = 400;
/// How many watches a seed begins.
const WATCHES: usize = 25;

/// etcd as a process. Dropping it kills it.
struct Etcd {
    child: Child,
    http: Http,
    _home: TempDir,
}

impl Etcd {
    fn start() -> Etcd {
        let home = tempfile::tempdir().expect("a temporary directory");
        let (client, peer) = (
            format!("http://{}", free_address()),
            format!("http://{}", free_address()),
        );
        let child = Command::new("etcd")
            .args(["--enable-v2", "--name=a"])
            .arg(format!("--data-dir={}", home.path().join("data").display()))
            .args([
                "--listen-client-urls",
                &client,
                "--advertise-client-urls",
                &client,
            ])
            .args([
                "--listen-peer-urls",
                &peer,
                "--initial-advertise-peer-urls",
                &peer,
            ])
            .arg(format!("--initial-cluster=a={peer}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("etcd can be run");
        let address = client.trim_start_matches("http://").parse().expect("an address");
        let mut http = Http::new(address);
        until("etcd is healthy", || {
            http.get("/health").is_ok_and(|answer| answer.status == 200)
        });
        Etcd {
            child,
            http: Http::new(address),
            _home: home,
        }
    }
}

impl Drop for Etcd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a client sees of an answer: times and ids of clusters apart.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    status: u16,
    headers: Vec<(&'static str, Option<String>)>,
    body: String,
}

const HEADERS: &[&str] = &[
    "content-type",
    "x-etcd-index",
    "allow",
    "location",
    "x-content-type-options",
    "access-control-allow-origin",
];

impl Seen {
    fn of(answer: &Answer) -> Seen {
        let header = |name: &&'static str| (*name, answer.header(name).map(str::to_owned));
        Seen {
            status: answer.status,
            headers: HEADERS.iter().map(header).collect(),
            body: timeless(&answer.text()),
        }
    }
}

/// The text with every time blotted out.
fn timeless(text: &str) -> String {
    let blotted = blot(text, "\"expiration\":\"", '"');
    blot(&blotted, "\"ttl\":", ',')
}

fn blot(text: &str, before: &str, end: char) -> String {
    let mut parts = text.split(before);
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        out.push_str(before);
        out.push_str(&part[part.find(end).unwrap_or(part.len())..]);
    }
    out
}

/// Both servers, side by side.
struct Pair {
    etcd: Etcd,
    balsa: Server,
}

impl Pair {
    fn start() -> Option<Pair> {
        if !has("etcd", "--version") {
            skipped("etcd is missing (Debian: etcd-server)");
            return None;
        }
        Some(Pair {
            etcd: Etcd::start(),
            balsa: Server::start("a"),
        })
    }

    /// Both answers, or why there is one only.
    fn ask(&mut self, balsa: &mut Http, request: &Request) -> (Seen, Seen) {
        let ask = |http: &mut Http| {
            let answer = http.ask(&request.method, &request.target, &request.head, &request.body);
            Seen::of(&answer.unwrap_or_else(|why| panic!("{request:?}: {why}")))
        };
        (ask(&mut self.etcd.http), ask(balsa))
    }
}

fn seeds() -> std::ops::Range<u64> {
    let Ok(text) = std::env::var("DIFFERENTIAL_SEEDS") else {
        return 1..4;
    };
    let parsed = text
        .split_once("..")
        .and_then(|(first, end)| Some(first.parse().ok()?..end.parse().ok()?));
    parsed.unwrap_or_else(|| panic!("DIFFERENTIAL_SEEDS={text}: want A..B"))
}

#[test]
fn requests_of_all_kinds_are_answered_as_by_etcd() {
    let Some(mut pair) = Pair::start() else { return };
    let mut balsa = pair.balsa.http();
    for seed in seeds() {
        let dice = &mut Dice::of(seed);
        let mut index = 0;
        for step in 0..STEPS {
            let request = Request::draw(dice, index);
            let (theirs, ours) = pair.ask(&mut balsa, &request);
            assert_eq!(ours, theirs, "seed {seed} step {step}: {request:?}");
            let seen = ours.headers.iter().find(|(name, _)| *name == "x-etcd-index");
            if let Some(newer) = seen.and_then(|(_, value)| value.as_ref()?.parse().ok()) {
                index = index.max(newer);
            }
        }
        watching::run(&mut pair, seed, dice, &mut balsa);
    }
}
