//! `wait=true`: a watch of `/v2/keys`. One event ends it, unless `stream=true`.

use node::{Answer, Failure, Header, Request, Response, Watch};

use super::{cluster_id, error};
use crate::answer::HttpAnswer;
use crate::stream::{Doing, Telling};

/// A watch, as far as it is known what was asked and answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Watching {
    /// What to ask; None once it was asked.
    watch: Option<Watch>,
    once: bool,
    standing: Standing,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Standing {
    /// Nothing was answered yet.
    Asked,
    /// The head of the answer can be written.
    Begun(Header),
    /// The watch never began.
    Failed(u64, Failure),
    /// The answer is whole.
    Over(Header),
}

impl Watching {
    /// A watch that is to be asked for.
    pub(crate) fn of(watch: Watch, once: bool) -> Watching {
        Watching {
            watch: Some(watch),
            once,
            standing: Standing::Asked,
        }
    }

    /// The request's body, which means nothing, has ended.
    pub(crate) fn body_ended(&mut self, doing: &mut Doing) {
        if let Some(watch) = self.watch.take() {
            doing.ask(Request::Watch(watch));
        }
    }

    pub(crate) fn reply(&mut self, response: &Response, doing: &mut Doing) {
        match (&self.standing, &response.result) {
            (Standing::Asked, Ok(Answer::Watching)) => self.standing = Standing::Begun(response.header),
            (Standing::Asked, Err(why)) => {
                let cluster = response.header.cluster_id;
                let mut answer = HttpAnswer::default();
                error::failed(&mut answer, cluster, why);
                doing.body.append(&mut answer.body);
                self.standing = Standing::Failed(cluster, why.clone());
            }
            _ => self.end(),
        }
    }

    pub(crate) fn tell(&mut self, telling: &Telling<'_>, doing: &mut Doing) {
        if matches!(self.standing, Standing::Begun(_)) {
            doing.body.extend_from_slice(telling.v2());
            if self.once {
                self.end();
            }
        }
    }

    /// Nothing more comes. What has begun ends without a word: clients ask again.
    pub(crate) fn stop(&mut self, doing: &mut Doing) {
        match self.standing {
            Standing::Asked => {
                let mut answer = HttpAnswer::default();
                error::failed(&mut answer, 0, &Failure::Stopped);
                doing.body.append(&mut answer.body);
                self.standing = Standing::Failed(0, Failure::Stopped);
            }
            _ => self.end(),
        }
    }

    fn end(&mut self) {
        if let Standing::Begun(header) = self.standing {
            self.standing = Standing::Over(header);
        }
    }

    /// Whether the head of the answer can be written, whatever is told later.
    pub(crate) fn is_begun(&self) -> bool {
        !matches!(self.standing, Standing::Asked)
    }

    pub(crate) fn is_over(&self) -> bool {
        matches!(self.standing, Standing::Over(_) | Standing::Failed(..))
    }

    pub(crate) fn begin(&self, answer: &mut HttpAnswer) {
        match &self.standing {
            Standing::Failed(cluster, why) => {
                error::failed(answer, *cluster, why);
                answer.body.clear();
            }
            Standing::Begun(header) | Standing::Over(header) => {
                answer.begin_json(200);
                cluster_id(answer, header.cluster_id);
                answer.header("X-Etcd-Index", header.tree_index);
                answer.header("X-Raft-Index", header.applied);
                answer.header("X-Raft-Term", header.term);
            }
            Standing::Asked => unreachable!("nothing was answered yet"),
        }
    }
}

#[cfg(test)]
mod tests;
