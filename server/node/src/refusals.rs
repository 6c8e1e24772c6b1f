//! What is refused because nobody is to be answered from this member's state.

use crate::leases::Asker;
use crate::node::Node;
use crate::reads::Question;
use crate::request::Failure;
use crate::waiting::Ticket;

impl Node {
    /// What waits to be read is not read from this state.
    pub(crate) fn refuse_reads(&mut self) {
        for (ticket, question) in self.reads.take_questions() {
            self.refuse_question(ticket, &question);
        }
    }

    /// What is asked is not told from this state.
    pub(crate) fn refuse_question(&mut self, ticket: Ticket, question: &Question) {
        match question {
            Question::Lease(_, asker) => self.refuse(ticket, *asker),
            Question::Checks => self.answer(ticket, Ok(self.checks(Some(Failure::Corrupt)))),
            _ => self.answer(ticket, Err(Failure::Corrupt)),
        }
    }

    /// The same of a lease.
    pub(crate) fn refuse(&mut self, ticket: Ticket, asker: Asker) {
        match asker {
            Asker::Client => {
                self.leases.remove(ticket);
                self.answer(ticket, Err(Failure::Corrupt));
            }
            // It asks another leader.
            Asker::Member(..) => drop(self.waiting.release(ticket)),
        }
    }
}
