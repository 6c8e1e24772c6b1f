//! Every random choice of a run, in one list. A seed makes the list; the list alone makes the run: what is recorded from
//! one run can be replayed, cut down and edited, and still is a run.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// Makes choices and remembers them.
#[derive(Clone, Debug)]
pub struct Choices {
    source: Source,
    made: Vec<u64>,
}

#[derive(Clone, Debug)]
enum Source {
    Seed(Box<ChaCha8Rng>),
    List { list: Vec<u64>, next: usize },
}

/// Parts in a million: how likely something is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct PerMillion(pub u32);

impl Choices {
    /// The choices that belong to a seed.
    #[must_use]
    pub fn of_seed(seed: u64) -> Choices {
        Choices {
            source: Source::Seed(Box::new(ChaCha8Rng::seed_from_u64(seed))),
            made: Vec::new(),
        }
    }

    /// Makes the choices of a list again. One that is out of bounds where it is asked for is brought within them; after
    /// the end every choice is the least one, which is always the tamest.
    #[must_use]
    pub fn of_list(list: Vec<u64>) -> Choices {
        Choices {
            source: Source::List { list, next: 0 },
            made: Vec::new(),
        }
    }

    /// All choices made so far.
    #[must_use]
    pub fn made(&self) -> &[u64] {
        &self.made
    }

    /// Gives all choices made away.
    #[must_use]
    pub fn into_made(self) -> Vec<u64> {
        self.made
    }

    /// A number below `bound`.
    ///
    /// # Panics
    /// If there is none.
    pub fn below(&mut self, bound: u64) -> u64 {
        assert!(bound > 0, "there is no number below 0");
        let choice = match &mut self.source {
            // The high half of the product is even enough for a simulation, and needs no second draw.
            Source::Seed(random) => ((u128::from(random.next_u64()) * u128::from(bound)) >> 64) as u64,
            Source::List { list, next } => {
                let choice = list.get(*next).copied().unwrap_or_default();
                *next += 1;
                choice.min(bound - 1)
            }
        };
        self.made.push(choice);
        choice
    }

    /// A number from `least` to `greatest`, both included.
    pub fn between(&mut self, least: u64, greatest: u64) -> u64 {
        least + self.below(greatest - least + 1)
    }

    /// Whether something happens that is so likely. Costs no choice when it is certain or impossible.
    pub fn happens(&mut self, likelihood: PerMillion) -> bool {
        match likelihood.0 {
            0 => false,
            1_000_000.. => true,
            // Counted from above, so that the least choice is the tamest.
            parts => self.below(1_000_000) >= u64::from(1_000_000 - parts),
        }
    }

    /// One of `options`.
    ///
    /// # Panics
    /// If there are none.
    pub fn pick<T: Copy>(&mut self, options: &[T]) -> T {
        options[usize::try_from(self.below(options.len() as u64)).expect("an index")]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draw(choices: &mut Choices) -> Vec<u64> {
        (1..200)
            .map(|bound| choices.below(bound * bound) + u64::from(choices.happens(PerMillion(500_000))))
            .collect()
    }

    #[test]
    fn a_seed_and_its_list_make_the_same_choices() {
        let mut seeded = Choices::of_seed(7);
        let drawn = draw(&mut seeded);
        assert_eq!(drawn, draw(&mut Choices::of_seed(7)));
        assert_ne!(drawn, draw(&mut Choices::of_seed(8)));
        let mut replayed = Choices::of_list(seeded.made().to_vec());
        assert_eq!(drawn, draw(&mut replayed));
        assert_eq!(seeded.made(), replayed.made());
    }

    #[test]
    fn an_edited_list_stays_within_bounds_and_ends_tamely() {
        let mut choices = Choices::of_list(vec![1_000]);
        assert_eq!(choices.below(10), 9);
        assert_eq!(choices.below(10), 0);
        assert!(!choices.happens(PerMillion(999_999)));
        assert!(
            choices.happens(PerMillion(1_000_000)),
            "what is certain is no choice"
        );
    }

    #[test]
    fn likelihoods_are_kept() {
        let mut choices = Choices::of_seed(1);
        let happened = (0..100_000)
            .filter(|_| choices.happens(PerMillion(30_000)))
            .count();
        assert!((2_500..3_500).contains(&happened), "{happened} of 100000 at 3 %");
    }
}
