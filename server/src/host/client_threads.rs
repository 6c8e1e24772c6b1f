//! Threads of their own for clients: they read and write the sockets, parse requests and render answers, so that the
//! node's thread has the node to itself.
//!
//! Between the node's thread and one of these a whole turn's worth changes hands at once: one lock, at most one wake-up,
//! none while the other is awake. What waits there is bounded by the connections, each of which has one request with the
//! node at most; and what watchers are told, by a number of bytes, at which the node stops to tell.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use net::event_loop::{EventLoop, Moving};
use net::waker::Waker;
use node::{ClientId, Events, Input, RequestId, Response};

use super::clients::Clients;
use super::clock::Clock;
use super::desk::Desk;

/// With so many bytes on their way to the watchers of one thread, the node tells nobody anything.
const TELLING_HIGH_BYTES: usize = 64 << 20;
/// Until there are no more than these.
const TELLING_LOW_BYTES: usize = 16 << 20;
/// What telling a watcher takes besides the events, about.
const ANSWER_BYTES: usize = 256;

/// All of them. Dropping it ends them; what their clients have not taken yet is lost.
#[derive(Debug)]
pub(super) struct ClientThreads {
    threads: Vec<ClientThread>,
    /// Which gets the next connection.
    next: usize,
    /// The node was told to tell watchers nothing for now.
    later: bool,
}

/// The node's side of one thread.
#[derive(Debug)]
struct ClientThread {
    shared: Arc<Shared>,
    waker: Waker,
    /// For the thread, gathered in this turn.
    gathered: Vec<Order>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    orders: Mutex<Vec<Order>>,
    /// How many bytes watchers are to be told there, about, and were not yet.
    telling: AtomicUsize,
    told: Mutex<Told>,
}

/// What the node's thread has for one of these.
#[derive(Debug)]
enum Order {
    /// Serve this connection.
    Serve(Moving),
    /// The node answers.
    Reply {
        client: ClientId,
        id: RequestId,
        response: Box<Response>,
    },
    /// The node tells watchers something.
    Tell {
        to: Vec<(ClientId, RequestId)>,
        events: Arc<Events>,
    },
    /// Take no further requests.
    Close,
    /// End.
    End,
}

/// What one of these has for the node's thread.
#[derive(Debug, Default)]
struct Told {
    inputs: Vec<Input>,
    /// No request is taken any more, and all that were are answered.
    is_done: bool,
    /// It cannot go on.
    failure: Option<io::Error>,
}

impl ClientThreads {
    /// One thread for each desk, which tell the node's through its waker.
    ///
    /// # Errors
    /// If the system has no thread or poll left.
    pub(super) fn start(
        clients: impl IntoIterator<Item = Clients>,
        node: &Waker,
    ) -> io::Result<ClientThreads> {
        let start = |(number, clients)| ClientThread::start(number, clients, node.clone());
        let threads = clients.into_iter().enumerate().map(start);
        Ok(ClientThreads {
            threads: threads.collect::<io::Result<_>>()?,
            next: 0,
            later: false,
        })
    }

    /// A new connection goes to the next one in turn.
    pub(super) fn serve(&mut self, moving: Moving) {
        let next = (self.next + 1) % self.threads.len();
        let chosen = std::mem::replace(&mut self.next, next);
        self.threads[chosen].gathered.push(Order::Serve(moving));
    }

    pub(super) fn reply(&mut self, client: ClientId, id: RequestId, response: Box<Response>) {
        let desk = Desk::of(client).number();
        self.threads[desk]
            .gathered
            .push(Order::Reply { client, id, response });
    }

    /// Each thread tells its own watchers.
    pub(super) fn tell(&mut self, to: &[(ClientId, RequestId)], events: Box<Events>) {
        let bytes = events.bytes() + ANSWER_BYTES;
        let events: Arc<Events> = Arc::from(events);
        let mut by_desk = vec![Vec::new(); self.threads.len()];
        for &watcher in to {
            by_desk[Desk::of(watcher.0).number()].push(watcher);
        }
        for (thread, to) in self.threads.iter_mut().zip(by_desk) {
            if !to.is_empty() {
                let events = Arc::clone(&events);
                let telling = &thread.shared.telling;
                telling.fetch_add(bytes * to.len(), Ordering::Relaxed);
                thread.gathered.push(Order::Tell { to, events });
            }
        }
    }

    /// Appends what the clients ask.
    ///
    /// # Errors
    /// What one of the threads failed with.
    pub(super) fn take_inputs(&mut self, inputs: &mut Vec<Input>) -> io::Result<()> {
        for thread in &self.threads {
            let mut told = lock(&thread.shared.told);
            inputs.append(&mut told.inputs);
            if let Some(failure) = told.failure.take() {
                return Err(failure);
            }
        }
        let telling = |thread: &ClientThread| thread.shared.telling.load(Ordering::Relaxed);
        let most = self.threads.iter().map(telling).max().unwrap_or_default();
        let later = most
            > if self.later {
                TELLING_LOW_BYTES
            } else {
                TELLING_HIGH_BYTES
            };
        if std::mem::replace(&mut self.later, later) != later {
            inputs.push(Input::TellLater(later));
        }
        Ok(())
    }

    /// Takes what was gathered in this turn to the threads.
    pub(super) fn hand_over(&mut self) {
        for thread in &mut self.threads {
            if !thread.gathered.is_empty() {
                lock(&thread.shared.orders).append(&mut thread.gathered);
                thread.waker.wake();
            }
        }
    }

    /// From now on each answer is the last on its connection, and idle connections are closed.
    pub(super) fn close(&mut self) {
        self.order_all(|| Order::Close);
    }

    /// Whether they were closed, and nobody waits for an answer or has to take one.
    pub(super) fn are_done(&self) -> bool {
        self.threads
            .iter()
            .all(|thread| lock(&thread.shared.told).is_done)
    }

    fn order_all(&mut self, order: impl Fn() -> Order) {
        for thread in &mut self.threads {
            thread.gathered.push(order());
        }
        self.hand_over();
    }
}

impl Drop for ClientThreads {
    fn drop(&mut self) {
        self.order_all(|| Order::End);
        for thread in &mut self.threads {
            if let Some(thread) = thread.thread.take() {
                // A panic there was reported by the panic hook, which ends the process.
                let _ = thread.join();
            }
        }
    }
}

impl ClientThread {
    fn start(number: usize, clients: Clients, node: Waker) -> io::Result<ClientThread> {
        let event_loop = EventLoop::new()?;
        let waker = event_loop.waker();
        let shared = Arc::new(Shared::default());
        let worker = Worker {
            clients,
            event_loop,
            clock: Clock::new(),
            shared: Arc::clone(&shared),
            node,
            orders: Vec::new(),
            closing: false,
        };
        let thread = thread::Builder::new()
            .name(format!("clients-{number}"))
            .spawn(move || worker.run())?;
        Ok(ClientThread {
            shared,
            waker,
            gathered: Vec::new(),
            thread: Some(thread),
        })
    }
}

/// What the thread has.
#[derive(Debug)]
struct Worker {
    clients: Clients,
    event_loop: EventLoop,
    clock: Clock,
    shared: Arc<Shared>,
    /// Of the node's loop.
    node: Waker,
    /// Kept for its memory.
    orders: Vec<Order>,
    closing: bool,
}

impl Worker {
    fn run(mut self) {
        if let Err(failure) = self.serve() {
            lock(&self.shared.told).failure = Some(failure);
            self.node.wake();
        }
    }

    fn serve(&mut self) -> io::Result<()> {
        let mut events = Vec::new();
        loop {
            let timeout = self.clients.deadline().saturating_sub(self.clock.elapsed());
            self.event_loop.wait(Some(timeout), &mut events)?;
            for event in events.drain(..) {
                self.clients
                    .take_event(&mut self.event_loop, event, self.clock.elapsed());
            }
            if !self.take_orders() {
                self.event_loop.flush();
                return Ok(());
            }
            self.clients.sweep(&mut self.event_loop, self.clock.elapsed());
            // What is asked first: the node goes on while the answers are sent.
            self.tell_inputs();
            self.event_loop.flush();
            self.tell_if_done();
        }
    }

    /// Whether to go on.
    fn take_orders(&mut self) -> bool {
        let mut orders = std::mem::take(&mut self.orders);
        std::mem::swap(&mut orders, &mut lock(&self.shared.orders));
        let now = self.clock.elapsed();
        for order in orders.drain(..) {
            match order {
                Order::Serve(moving) => match self.event_loop.adopt(moving) {
                    Ok(connection) => self.clients.accepted(connection, now),
                    Err(error) => log::debug!(error:% = error; "an accepted connection is of no use"),
                },
                Order::Reply { client, id, response } => {
                    self.clients
                        .reply(&mut self.event_loop, client, id, &response, now);
                }
                Order::Tell { to, events } => {
                    self.clients.tell(&mut self.event_loop, &to, &events, now);
                    let bytes = (events.bytes() + ANSWER_BYTES) * to.len();
                    let before = self.shared.telling.fetch_sub(bytes, Ordering::Relaxed);
                    if before > TELLING_LOW_BYTES && before - bytes <= TELLING_LOW_BYTES {
                        self.node.wake();
                    }
                }
                Order::Close => {
                    self.closing = true;
                    self.clients.close(&mut self.event_loop, now);
                }
                Order::End => return false,
            }
        }
        self.orders = orders;
        true
    }

    fn tell_inputs(&mut self) {
        if !self.clients.inputs.is_empty() {
            lock(&self.shared.told)
                .inputs
                .extend(self.clients.inputs.drain(..));
            self.node.wake();
        }
    }

    fn tell_if_done(&self) {
        if self.closing && self.clients.are_answered() && !self.event_loop.has_output() {
            let was_done = std::mem::replace(&mut lock(&self.shared.told).is_done, true);
            if !was_done {
                self.node.wake();
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
