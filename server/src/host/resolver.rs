//! Peers' URLs to socket addresses. Looking a name up blocks, so it is done on a thread of its own; addresses that are
//! already numbers pass through at once.

use std::collections::VecDeque;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;

use net::waker::Waker;
use raft_core::NodeId;

use crate::urls::Url;

/// The host's hold on the resolver.
#[derive(Debug)]
pub(crate) struct Resolver {
    questions: Sender<(NodeId, Vec<String>)>,
    answers: Receiver<(NodeId, Vec<SocketAddr>)>,
    known: VecDeque<(NodeId, Vec<SocketAddr>)>,
}

impl Resolver {
    /// # Errors
    /// If the system has no thread left.
    pub(crate) fn start(waker: Waker) -> std::io::Result<Resolver> {
        let (questions, asked) = mpsc::channel();
        let (found, answers) = mpsc::channel();
        thread::Builder::new()
            .name("resolver".to_owned())
            .spawn(move || run(&asked, &found, &waker))?;
        Ok(Resolver {
            questions,
            answers,
            known: VecDeque::new(),
        })
    }

    /// Looks the URLs up, until one of them has an address.
    pub(crate) fn resolve(&mut self, id: NodeId, urls: Vec<String>) {
        match numbers(&urls) {
            Some(addresses) => self.known.push_back((id, addresses)),
            None => self.ask(id, urls),
        }
    }

    /// Looks names up once more; numbers do not change.
    pub(crate) fn resolve_again(&mut self, id: NodeId, urls: &[String]) {
        if numbers(urls).is_none() {
            self.ask(id, urls.to_vec());
        }
    }

    /// The next answer.
    pub(crate) fn take_resolved(&mut self) -> Option<(NodeId, Vec<SocketAddr>)> {
        self.known.pop_front().or_else(|| self.answers.try_recv().ok())
    }

    fn ask(&self, id: NodeId, urls: Vec<String>) {
        self.questions
            .send((id, urls))
            .expect("the resolver lives as long as the host");
    }
}

fn run(asked: &Receiver<(NodeId, Vec<String>)>, found: &Sender<(NodeId, Vec<SocketAddr>)>, waker: &Waker) {
    let mut open: Vec<(NodeId, Vec<String>)> = Vec::new();
    loop {
        let question = if open.is_empty() {
            asked.recv().map_err(|_| mpsc::RecvTimeoutError::Disconnected)
        } else {
            // A name that is not there yet may come: members of a cluster start in any order.
            asked.recv_timeout(std::time::Duration::from_secs(1))
        };
        match question {
            Ok(question) => {
                // Looking up may take seconds; what was asked meanwhile is looked up once.
                for (id, urls) in std::iter::once(question).chain(asked.try_iter()) {
                    open.retain(|(other, _)| *other != id);
                    open.push((id, urls));
                }
            }
            Err(mpsc::RecvTimeoutError::Timeout) => {}
            Err(mpsc::RecvTimeoutError::Disconnected) => return,
        }
        open.retain(|(id, urls)| {
            let addresses = lookup(urls);
            if addresses.is_empty() {
                return true;
            }
            let told = found.send((*id, addresses)).is_ok();
            waker.wake();
            !told
        });
    }
}

/// The addresses of URLs that name none but numbers.
fn numbers(urls: &[String]) -> Option<Vec<SocketAddr>> {
    let address = |url: &String| Url::parse(url).ok()?.socket_address();
    urls.iter()
        .map(address)
        .collect::<Option<Vec<_>>>()
        .filter(|addresses| !addresses.is_empty())
}

fn lookup(urls: &[String]) -> Vec<SocketAddr> {
    let of_url = |url: &String| {
        let url = Url::parse(url).ok()?;
        let found = (url.host(), url.port()).to_socket_addrs();
        if let Err(error) = &found {
            log::debug!("host" = url.host(), error:%; "cannot look up a peer's name");
        }
        found.ok()
    };
    let mut addresses: Vec<SocketAddr> = urls.iter().filter_map(of_url).flatten().collect();
    // A resolver may turn its answers around each time it is asked.
    addresses.sort_unstable();
    addresses.dedup();
    addresses
}
