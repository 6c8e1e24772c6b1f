//! A run that goes forwards and backwards. It is a list of lines: to go back is to carry out all but the last again, from
//! the last point that was kept.

use super::error::Problem;
use super::run::{Options, Session};
use super::trace::{Line, text};

/// A point is kept after so many lines.
const KEPT_EVERY: usize = 16;

/// A session with its past.
#[derive(Clone, Debug)]
pub struct Walk {
    options: Options,
    /// The lines carried out, each with its number.
    steps: Vec<(usize, String)>,
    /// The session after each [`KEPT_EVERY`]th of them.
    kept: Vec<Session>,
    session: Session,
}

impl Walk {
    /// Before the first line.
    #[must_use]
    pub fn new(options: Options) -> Walk {
        Walk {
            options,
            steps: Vec::new(),
            kept: Vec::new(),
            session: Session::new(options),
        }
    }

    /// Carries out one command, which stands at line `number`, and tells what it did. After an error all is as it was
    /// before.
    ///
    /// # Errors
    /// What is wrong with the line, or what broke; with what happened until then.
    pub fn forward(&mut self, number: usize, words: &str) -> Result<Vec<Line>, (Problem, Vec<Line>)> {
        let done = self.session.step(number, words);
        let lines = self.session.lines();
        if let Err(problem) = done {
            self.replay();
            return Err((problem, lines));
        }
        self.steps.push((number, words.to_owned()));
        if self.steps.len().is_multiple_of(KEPT_EVERY) {
            self.kept.push(self.session.clone());
        }
        Ok(lines)
    }

    /// Takes the last line back, and returns it.
    pub fn back(&mut self) -> Option<(usize, String)> {
        let last = self.steps.pop()?;
        self.kept.truncate(self.steps.len() / KEPT_EVERY);
        self.replay();
        Some(last)
    }

    /// What a command would tell here; nothing changes.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn look(&self, words: &str) -> Result<Vec<Line>, Problem> {
        let mut session = self.session.clone();
        session.step(self.next_number(), words)?;
        Ok(session.lines())
    }

    /// The lines carried out, in order.
    pub fn steps(&self) -> impl ExactSizeIterator<Item = &str> {
        self.steps.iter().map(|(_, words)| words.as_str())
    }

    /// The whole trace.
    #[must_use]
    pub fn trace(&self) -> String {
        let mut session = Session::new(self.options);
        self.steps
            .iter()
            .map(|step| {
                carry_out(&mut session, step);
                text(&session.lines())
            })
            .collect()
    }

    /// The session as it stands.
    #[must_use]
    pub fn session(&self) -> &Session {
        &self.session
    }

    fn next_number(&self) -> usize {
        self.steps.last().map_or(1, |(number, _)| number + 1)
    }

    /// Makes the session anew.
    fn replay(&mut self) {
        let first = self.kept.len() * KEPT_EVERY;
        self.session = self
            .kept
            .last()
            .cloned()
            .unwrap_or_else(|| Session::new(self.options));
        for step in &self.steps[first..] {
            carry_out(&mut self.session, step);
        }
        self.session.lines();
    }
}

fn carry_out(session: &mut Session, (number, words): &(usize, String)) {
    session
        .step(*number, words)
        .expect("it was carried out before, from the same state");
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINES: &str = "cluster 3 leader=1\nput 1 a\ndeliver 1->2\ndeliver 2->1\nput 1 b\nput 1 c\nstabilize\ncut 1->2\n\
                         put 1 d\nstabilize\nheal\nwait 300\nstabilize\ncrash 2\nput 1 e\nstabilize\nrestart 2\nwait 300\n\
                         stabilize\nstate";

    #[test]
    fn back_and_forth_is_the_same() {
        let mut walk = Walk::new(Options::default());
        let mut told = Vec::new();
        for (number, words) in (2..).zip(LINES.lines()) {
            told.push(walk.forward(number, words).expect("it runs"));
        }
        let whole = walk.trace();
        assert_eq!(whole, told.iter().map(|lines| text(lines)).collect::<String>());
        for back in 1..=LINES.lines().count() {
            let mut again = walk.clone();
            let taken: Vec<_> = (0..back)
                .map(|_| again.back().expect("there is a line"))
                .collect();
            assert!(whole.starts_with(&again.trace()));
            for (number, words) in taken.iter().rev() {
                let lines = again.forward(*number, words).expect("it runs again");
                assert_eq!(lines, told[*number - 2], "{back} back, line {number}");
            }
        }
        assert_eq!(Walk::new(Options::default()).back(), None);
    }

    #[test]
    fn a_line_that_fails_changes_nothing() {
        let mut walk = Walk::new(Options::default());
        walk.forward(2, "cluster 3 leader=1").expect("it runs");
        let (problem, lines) = walk
            .forward(3, "until term(1)>=3 max=9")
            .expect_err("it does not come");
        assert!(matches!(problem, Problem::Unmet { .. }) && !lines.is_empty());
        assert!(walk.forward(3, "elect 1").is_err());
        assert_eq!(walk.steps().collect::<Vec<_>>(), ["cluster 3 leader=1"]);
        let state = walk.look("state 1").expect("it is there");
        assert!(
            state[1].to_string().starts_with("n1 t1 leader [1] commit=1"),
            "{}",
            state[1]
        );
        assert!(walk.trace().is_empty() || walk.trace() == "> cluster 3 leader=1\n");
    }
}
