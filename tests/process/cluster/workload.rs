//! Clients that write all the time and remember what they were promised.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::{Http, Server, get_v2, put_v2, put_v3, range_v3, until};

/// How long to wait before a server that failed is asked again.
const AFTER_FAILURE: Duration = Duration::from_millis(10);

/// What was acknowledged: key and value.
pub(crate) type Promises = BTreeMap<String, String>;

/// Threads that do something until they are told to stop, and count what succeeded.
pub(crate) struct Crew<T> {
    threads: Vec<JoinHandle<T>>,
    whistles: Vec<Sender<()>>,
    done: Arc<AtomicU64>,
}

/// A thread's side of its crew.
pub(crate) struct Shift {
    whistle: Receiver<()>,
    done: Arc<AtomicU64>,
}

impl<T: Send + 'static> Crew<T> {
    pub(crate) fn new() -> Crew<T> {
        Crew {
            threads: Vec::new(),
            whistles: Vec::new(),
            done: Arc::default(),
        }
    }

    /// Adds a thread.
    pub(crate) fn add(&mut self, work: impl FnOnce(&Shift) -> T + Send + 'static) {
        let (whistle, heard) = mpsc::channel();
        let shift = Shift {
            whistle: heard,
            done: Arc::clone(&self.done),
        };
        self.whistles.push(whistle);
        self.threads.push(thread::spawn(move || work(&shift)));
    }

    /// Waits until so many more things have succeeded.
    ///
    /// # Panics
    /// If a thread has ended, which only a failed assertion makes it do.
    pub(crate) fn wait_done(&self, more: u64) {
        let goal = self.done.load(Ordering::SeqCst) + more;
        until("clients get on", || {
            assert!(
                !self.threads.iter().any(JoinHandle::is_finished),
                "a client has failed"
            );
            self.done.load(Ordering::SeqCst) >= goal
        });
    }

    /// Lets every thread finish what it is doing, and gives their results.
    pub(crate) fn stop(self) -> Vec<T> {
        drop(self.whistles);
        self.threads
            .into_iter()
            .map(|thread| thread.join().expect("a client has failed"))
            .collect()
    }
}

impl Shift {
    /// Whether to go on.
    pub(crate) fn goes_on(&self) -> bool {
        !matches!(self.whistle.try_recv(), Err(mpsc::TryRecvError::Disconnected))
    }

    /// Something succeeded.
    pub(crate) fn note_done(&self) {
        self.done.fetch_add(1, Ordering::SeqCst);
    }

    /// Something failed: wait a moment, or until the end.
    pub(crate) fn note_failure(&self) {
        let heard = self.whistle.recv_timeout(AFTER_FAILURE);
        assert!(heard.is_err(), "the whistle is only ever dropped");
    }
}

/// Writes keys of its own, each once, in turn to v3 and v2 and to the members; never asks again for what failed, since
/// it may have happened. Revisions and indexes must not go back.
pub(crate) fn write_keys(shift: &Shift, writer: usize, members: &[SocketAddr]) -> (Promises, Promises) {
    let mut https: Vec<Http> = members.iter().map(|&member| Http::new(member)).collect();
    let (mut v2, mut v3) = (Promises::new(), Promises::new());
    let (mut index, mut revision) = (0, 0);
    for number in 0.. {
        if !shift.goes_on() {
            break;
        }
        let http = &mut https[number / 2 % members.len()];
        let (key, value) = (format!("w{writer}/k{number:06}"), format!("{writer}-{number}"));
        let written = match number % 2 {
            0 => put_v2(http, &key, &value).map(|new| (&mut v2, &mut index, new)),
            _ => put_v3(http, &key, &value).map(|new| (&mut v3, &mut revision, new)),
        };
        match written {
            Ok((promises, last, new)) => {
                assert!(new > *last, "{key} got {new} after {last}");
                *last = new;
                promises.insert(key, value);
                shift.note_done();
            }
            Err(_) => shift.note_failure(),
        }
    }
    (v2, v3)
}

/// Looks for every promise at a member.
///
/// # Panics
/// If one is broken.
pub(crate) fn check_promises(server: &Server, promises: &[(Promises, Promises)]) {
    let mut http = server.http();
    for (writer, (v2, v3)) in promises.iter().enumerate() {
        let there: Promises = range_v3(&mut http, &format!("w{writer}/"))
            .expect("a range")
            .into_iter()
            .collect();
        for (key, value) in v3 {
            assert_eq!(there.get(key), Some(value), "v3 {key} at {}", server.name);
        }
        let there = list_v2(&mut http, &format!("w{writer}")).expect("a directory");
        for (key, value) in v2 {
            assert_eq!(there.get(key), Some(value), "v2 {key} at {}", server.name);
        }
        assert!(
            !v2.is_empty() && !v3.is_empty(),
            "writer {writer} was promised nothing"
        );
    }
    let (last, _) = get_v2(&mut http, "nothing", true).expect("a quorum read");
    assert_eq!(last, None, "what nobody wrote is not there");
}

/// The files in a directory of v2, as a quorum has them.
fn list_v2(http: &mut Http, directory: &str) -> io::Result<Promises> {
    let json = http
        .get(&format!("/v2/keys/{directory}?recursive=true&quorum=true"))?
        .json();
    let nodes = json["node"]["nodes"].as_array().cloned().unwrap_or_default();
    let text = |json: &serde_json::Value| json.as_str().unwrap_or_default().to_owned();
    let file = |node: &serde_json::Value| {
        (
            text(&node["key"]).trim_start_matches('/').to_owned(),
            text(&node["value"]),
        )
    };
    Ok(nodes.iter().map(file).collect())
}
