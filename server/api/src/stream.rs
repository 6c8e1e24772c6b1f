//! Requests that are answered piece by piece, and may ask while they are answered.
//!
//! A [`Stream`] is a small machine without I/O, as all here. A host gives it the request's body as it comes, the node's
//! answers and events; it says what to ask the node ([`Wish`]) and writes pieces of the answer's body. Whoever drives it:
//! * keeps one [`Doing`] for each call, and carries out its wishes in order;
//! * begins the HTTP answer with [`Stream::begin`] when the first piece is there;
//! * ends it when [`Stream::is_over`], and says [`Input::ClientGone`](node::Input::ClientGone), which ends all that the
//!   node still has of it.

use std::cell::OnceCell;

use node::{Events, Request, RequestId, Response, Told};

use crate::access::Origin;
use crate::answer::HttpAnswer;
use crate::{v2, v3};

/// A request that is answered piece by piece.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stream {
    kind: Kind,
    origin: Origin,
}

/// Which call it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `/v3/watch`
    Watch(v3::watch::Watching),
    /// `/v3/lease/keepalive`
    KeepAlive(v3::keep_alive::KeepAlive),
    /// `/v2/keys` with `wait`
    Wait(v2::watch::Watching),
    /// `/v3/election/observe`
    Observe(v3::election::observe::Observing),
}

/// What comes of a step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Doing {
    /// The number of the client's next request; counted on.
    pub next_id: u64,
    /// What the node is to be asked, in order.
    pub wishes: Vec<Wish>,
    /// The next piece of the answer's body.
    pub body: Vec<u8>,
}

/// What a stream wants of the node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wish {
    /// An answer to a request, or many.
    Ask(RequestId, Box<Request>),
    /// No more of them.
    Unwatch(RequestId),
}

impl Doing {
    /// Asks the node.
    pub(crate) fn ask(&mut self, request: Request) -> RequestId {
        let id = RequestId(self.next_id);
        self.next_id += 1;
        self.wishes.push(Wish::Ask(id, Box::new(request)));
        id
    }
}

/// Events on their way to many streams: what is the same for all is rendered once.
#[derive(Debug)]
pub struct Telling<'a> {
    pub(crate) events: &'a Events,
    v3: OnceCell<v3::watch::Rendered>,
    v2: OnceCell<Vec<u8>>,
}

impl<'a> Telling<'a> {
    /// These events.
    #[must_use]
    pub fn of(events: &'a Events) -> Telling<'a> {
        Telling {
            events,
            v3: OnceCell::new(),
            v2: OnceCell::new(),
        }
    }

    pub(crate) fn v3(&self) -> &v3::watch::Rendered {
        let Told::Keys(events) = &self.events.told else {
            unreachable!("who watches keys is told of keys")
        };
        self.v3
            .get_or_init(|| v3::watch::Rendered::of(&self.events.header, events))
    }

    pub(crate) fn v2(&self) -> &[u8] {
        let Told::Tree(events) = &self.events.told else {
            unreachable!("who watches the tree is told of the tree")
        };
        self.v2.get_or_init(|| v2::event::lines(events))
    }
}

impl Stream {
    pub(crate) fn of(kind: Kind) -> Stream {
        Stream {
            kind,
            origin: Origin::default(),
        }
    }

    /// The same, to be read by pages of this origin.
    pub(crate) fn for_origin(self, origin: &Origin) -> Stream {
        let origin = origin.clone();
        Stream { origin, ..self }
    }

    /// Takes bytes of the request's body.
    pub fn receive(&mut self, bytes: &[u8], doing: &mut Doing) {
        match &mut self.kind {
            Kind::Watch(watching) => watching.receive(bytes, doing),
            Kind::KeepAlive(stream) => stream.receive(bytes, doing),
            Kind::Wait(_) | Kind::Observe(_) => {}
        }
    }

    /// The request's body has ended.
    pub fn body_ended(&mut self, doing: &mut Doing) {
        match &mut self.kind {
            Kind::Watch(watching) => watching.body_ended(doing),
            Kind::KeepAlive(stream) => stream.body_ended(doing),
            Kind::Wait(watching) => watching.body_ended(doing),
            Kind::Observe(observing) => observing.body_ended(doing),
        }
    }

    /// The node answers something that was asked.
    pub fn reply(&mut self, id: RequestId, response: &Response, doing: &mut Doing) {
        match &mut self.kind {
            Kind::Watch(watching) => watching.reply(id, response, doing),
            Kind::KeepAlive(stream) => stream.reply(id, response, doing),
            Kind::Wait(watching) => watching.reply(response, doing),
            Kind::Observe(observing) => observing.reply(id, response, doing),
        }
    }

    /// The node tells one of its watchers something.
    pub fn tell(&mut self, id: RequestId, telling: &Telling<'_>, doing: &mut Doing) {
        match &mut self.kind {
            Kind::Watch(watching) => watching.tell(id, telling, doing),
            Kind::KeepAlive(_) => unreachable!("it watches nothing"),
            Kind::Wait(watching) => watching.tell(telling, doing),
            Kind::Observe(observing) => observing.tell(id, telling, doing),
        }
    }

    /// The server stops: nothing more comes from the node.
    pub fn stop(&mut self, doing: &mut Doing) {
        match &mut self.kind {
            Kind::Watch(watching) => watching.stop(doing),
            Kind::KeepAlive(stream) => stream.stop(doing),
            Kind::Wait(watching) => watching.stop(doing),
            Kind::Observe(observing) => observing.stop(doing),
        }
    }

    /// Whether the head of the answer can be written, though there may be no piece yet.
    #[must_use]
    pub fn is_begun(&self) -> bool {
        match &self.kind {
            Kind::Watch(_) | Kind::KeepAlive(_) | Kind::Observe(_) => false,
            Kind::Wait(watching) => watching.is_begun(),
        }
    }

    /// Whether the answer is whole.
    #[must_use]
    pub fn is_over(&self) -> bool {
        match &self.kind {
            Kind::Watch(watching) => watching.is_over(),
            Kind::KeepAlive(stream) => stream.is_over(),
            Kind::Wait(watching) => watching.is_over(),
            Kind::Observe(observing) => observing.is_over(),
        }
    }

    /// Whether it goes on until the client goes, or the node ends it. If not, whoever sends no more still gets its answer.
    #[must_use]
    pub fn is_endless(&self) -> bool {
        !matches!(self.kind, Kind::KeepAlive(_))
    }

    /// Status and header lines of the answer, whose first piece was written. `answer`'s body is left empty.
    pub fn begin(&self, answer: &mut HttpAnswer) {
        answer.origin = self.origin.clone();
        match &self.kind {
            Kind::Watch(watching) => watching.begin(answer),
            Kind::KeepAlive(stream) => stream.begin(answer),
            Kind::Wait(watching) => watching.begin(answer),
            Kind::Observe(observing) => observing.begin(answer),
        }
    }
}
