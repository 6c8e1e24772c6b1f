//! The world on madsim: one task per member on a madsim node of its own, which a crash kills and a restart starts again; one
//! task per client; one for the faults. Time, the order of tasks and their end are madsim's. The network, the disks and the
//! clocks are the world's: madsim's own have one loss and latency for all, and keep unsynced bytes across a crash.
//!
//! Every task is the same loop: wait until the next of its events is due, perform it, hand what became due to the tasks it is
//! for. Times are the runtime's, a little later than planned, so the two worlds see the same seed in different orders.

use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Poll, Waker};
use std::time::Duration;

use madsim::runtime::{Handle, Runtime};
use madsim::task::NodeId as MadsimNode;
use madsim::time::{Instant, sleep_until};
use world::agenda::{Actor, Agenda, Due, NodeId, Time};
use world::choices::Choices;
use world::report::Report;
use world::run::message;
use world::settings::SECOND;
use world::world::{Command, Options, World};

/// Runs one seed on madsim. Needs a thread of its own, since the runtime leaves traces in it.
#[must_use]
pub fn run(seed: u64, options: Options) -> Report {
    let shared = Shared::new(World::new(Choices::of_seed(seed), options));
    let ended = catch_unwind(AssertUnwindSafe(|| {
        let runtime = Runtime::with_seed_and_config(seed, madsim::Config::default());
        runtime.block_on(supervise(shared.clone()));
    }));
    let mut world = shared.take_world();
    if let Err(panic) = ended {
        world.broken("no panic", &message(panic.as_ref()));
    }
    world.finish()
}

/// What all tasks share. There is one thread, and no task waits while it holds a lock.
#[derive(Clone)]
struct Shared {
    world: Arc<Mutex<Option<World>>>,
    mail: Arc<Mutex<BTreeMap<Actor, Mailbox>>>,
    nodes: Arc<Mutex<BTreeMap<NodeId, MadsimNode>>>,
    origin: Arc<Mutex<Option<Instant>>>,
}

/// What is due for one task.
#[derive(Default)]
struct Mailbox {
    agenda: Agenda,
    waker: Option<Waker>,
}

/// Makes the nodes and tasks, and then is the task of the faults.
async fn supervise(shared: Shared) {
    *lock(&shared.origin) = Some(Instant::now());
    let handle = Handle::current();
    let (members, clients) = {
        let world = lock(&shared.world);
        let world = world.as_ref().expect("the run has begun");
        (world.members(), world.clients())
    };
    for id in members {
        let of_member = shared.clone();
        let node = handle
            .create_node()
            .name(format!("n{}", id.0))
            .init(move || member(of_member.clone(), id));
        lock(&shared.nodes).insert(id, node.build().id());
    }
    for number in 0..clients {
        madsim::task::spawn_local(act(shared.clone(), Actor::Client(number)));
    }
    shared.deliver();
    act(shared, Actor::Faults).await;
}

/// The life of a member's task: each time madsim starts its node, the member boots if it has power.
async fn member(shared: Shared, id: NodeId) {
    let now = shared.now();
    // What came while it was down reached nobody.
    while lock(&shared.mail)
        .entry(Actor::Member(id))
        .or_default()
        .agenda
        .next_at()
        .is_some_and(|at| at <= now)
    {
        let _ = lock(&shared.mail)
            .entry(Actor::Member(id))
            .or_default()
            .agenda
            .pop();
    }
    let boots = shared.with_world(|world| {
        let boots = world.is_starting(id);
        if boots {
            world.boot(now, id);
        }
        boots
    });
    if boots {
        act(shared, Actor::Member(id)).await;
    }
}

/// Performs what is due for `actor`, until the run is over.
async fn act(shared: Shared, actor: Actor) {
    while !shared.with_world(|world| world.is_over()) {
        let Some(due) = shared.next(actor).await else {
            continue;
        };
        let now = shared.now();
        shared.with_world(|world| {
            if !world.is_over() {
                world.perform(now, actor, due.event);
            }
        });
    }
}

impl Shared {
    fn new(world: World) -> Shared {
        Shared {
            world: Arc::new(Mutex::new(Some(world))),
            mail: Arc::default(),
            nodes: Arc::default(),
            origin: Arc::default(),
        }
    }

    /// The time since the run began.
    fn now(&self) -> Time {
        let origin = lock(&self.origin).expect("the run has begun");
        Time(u64::try_from(origin.elapsed().as_micros()).expect("a short run"))
    }

    /// Does something with the world, and then what comes of it.
    fn with_world<T>(&self, action: impl FnOnce(&mut World) -> T) -> T {
        let result = action(lock(&self.world).as_mut().expect("the run is going on"));
        self.deliver();
        result
    }

    /// Hands what became due to the tasks it is for, and kills and starts members' tasks.
    fn deliver(&self) {
        let (due, commands) = {
            let mut world = lock(&self.world);
            let world = world.as_mut().expect("the run is going on");
            (world.take_due(), world.take_commands())
        };
        for due in due {
            let mut mail = lock(&self.mail);
            let mailbox = mail.entry(due.actor).or_default();
            mailbox.agenda.add(due);
            if let Some(waker) = mailbox.waker.take() {
                waker.wake();
            }
        }
        for command in commands {
            let handle = Handle::current();
            let (id, starts) = match command {
                Command::Kill(id) => (id, false),
                Command::Start(id) => (id, true),
            };
            let node = lock(&self.nodes)[&id];
            if starts {
                handle.restart(node);
            } else {
                handle.kill(node);
            }
        }
    }

    /// The next event for `actor`, if it is due now; otherwise waits for a while.
    async fn next(&self, actor: Actor) -> Option<Due> {
        let next_at = lock(&self.mail).entry(actor).or_default().agenda.next_at();
        let now = self.now();
        match next_at {
            Some(at) if at <= now => lock(&self.mail).entry(actor).or_default().agenda.pop(),
            _ => {
                // Not for ever, so that the end of the run is noticed.
                let latest = Time(now.0 + SECOND);
                self.wait(actor, next_at.map_or(latest, |at| at.min(latest)))
                    .await;
                None
            }
        }
    }

    /// Until `until`, or until something new is due.
    async fn wait(&self, actor: Actor, until: Time) {
        let origin = lock(&self.origin).expect("the run has begun");
        let until = origin + Duration::from_micros(until.0);
        let mut sleep = pin!(sleep_until(until));
        let mut waiting = false;
        poll_fn(|context| {
            if Instant::now() >= until {
                return Poll::Ready(());
            }
            let mut mail = lock(&self.mail);
            let mailbox = mail.entry(actor).or_default();
            let begun = std::mem::replace(&mut waiting, true);
            // The waker is taken when something new comes.
            if begun && mailbox.waker.is_none() {
                return Poll::Ready(());
            }
            mailbox.waker = Some(context.waker().clone());
            // Every poll of madsim's sleep sets another timer, and timers outlive their sleeps: once is enough.
            if begun {
                Poll::Pending
            } else {
                sleep.as_mut().poll(context)
            }
        })
        .await;
    }

    fn take_world(&self) -> World {
        // A panic may have poisoned the lock; the world is judged all the same.
        let mut world = self.world.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        world.take().expect("the run is over once")
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().expect("nobody panics and goes on")
}
