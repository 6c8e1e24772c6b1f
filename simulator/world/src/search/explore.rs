//! Breadth first through all states of a scope, and back along the way to one of them.

use super::past::Broken;
use super::registry::Registry;
use super::scope::Scope;
use super::state::{Next, State, Step};
use super::tell::tell;
use super::visited::Visited;

/// What a search found out.
#[derive(Clone, Debug)]
pub struct Report {
    /// Different states, but for the members' names.
    pub states: usize,
    /// Steps taken, those included that led to known states.
    pub steps: u64,
    /// The greatest number of steps that a state is away from the beginning.
    pub depth: usize,
    /// Different states of single members.
    pub members: usize,
    /// Different messages.
    pub messages: usize,
    /// Inputs that were really given to a core; all other steps repeat one of these.
    pub turns: usize,
    /// How it ended.
    pub outcome: Outcome,
}

/// How a search ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Every state of the scope was visited, and all is well in each.
    Exhausted,
    /// `states_max` were visited, and all was well so far.
    Full,
    /// Something does not hold.
    Violated(Found),
}

/// A violation, as far from the beginning as it must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// What does not hold.
    pub story: String,
    /// The steps that lead there, as a script: `world::script` runs it and fails at its last line.
    pub script: String,
}

/// Where a state was come from: the number of another one, and which of its steps led here.
#[derive(Clone, Copy, Debug)]
struct Origin {
    state: u32,
    choice: u16,
}

/// Visits every state of the scope. `progress` hears of each depth that is done: its number, the states so far, and
/// how many of them were new there.
pub fn explore(scope: Scope, mut progress: impl FnMut(usize, usize, usize)) -> Report {
    let states_max = scope.states_max;
    let mut registry = Registry::new(scope);
    let beginning = State::new(&mut registry);
    let mut visited = Visited::default();
    let (rest, wire) = beginning.canonical(&registry);
    visited.insert(rest, wire);
    let mut origins = vec![Origin { state: 0, choice: 0 }];
    let mut level = vec![(0u32, beginning)];
    let (mut steps, mut depth) = (0, 0);
    let outcome = 'search: loop {
        let mut further = Vec::new();
        for (number, state) in level {
            for (choice, step) in (0..).zip(state.steps(&registry)) {
                steps += 1;
                let next = match state.take(step, &mut registry) {
                    Next::State(next) => next,
                    Next::Nothing => continue,
                    Next::Broken(broken) => {
                        depth += 1;
                        break 'search violated(&broken, &origins, (number, choice), &mut registry);
                    }
                };
                let (rest, wire) = next.canonical(&registry);
                if !visited.insert(rest, wire) {
                    continue;
                }
                let next_number = u32::try_from(origins.len()).expect("memory ends before numbers do");
                origins.push(Origin {
                    state: number,
                    choice,
                });
                further.push((next_number, next));
                if origins.len() >= states_max {
                    break 'search Outcome::Full;
                }
            }
        }
        if further.is_empty() {
            break Outcome::Exhausted;
        }
        depth += 1;
        progress(depth, origins.len(), further.len());
        level = further;
    };
    let (members, messages, turns) = registry.sizes();
    Report {
        states: origins.len(),
        steps,
        depth,
        members,
        messages,
        turns,
        outcome,
    }
}

fn violated(broken: &Broken, origins: &[Origin], last: (u32, u16), registry: &mut Registry) -> Outcome {
    let (mut at, choice) = last;
    let mut choices = vec![choice];
    while at != 0 {
        let origin = origins[at as usize];
        choices.push(origin.choice);
        at = origin.state;
    }
    choices.reverse();
    let script = tell(broken, &choices, registry);
    let story = broken.to_string();
    Outcome::Violated(Found { story, script })
}

/// The steps that were chosen, with the states they were taken in, from the beginning. Choices are those of this very
/// registry: it names messages in the order in which they were met.
pub(super) fn follow(choices: &[u16], registry: &mut Registry) -> Vec<(State, Step)> {
    let mut state = State::new(registry);
    let mut way = Vec::new();
    for &choice in choices {
        let step = state.steps(registry)[usize::from(choice)];
        let next = state.take(step, registry);
        way.push((state.clone(), step));
        if let Next::State(next) = next {
            state = next;
        }
    }
    way
}
