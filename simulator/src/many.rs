//! Many runs on several threads.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Instant;

/// Which runs to make.
#[derive(Clone, Copy, Debug)]
pub struct Runs {
    /// Those with the numbers 0 to this.
    pub count: u64,
    /// On so many threads.
    pub jobs: usize,
    /// None begins after this.
    pub until: Option<Instant>,
}

/// Makes runs, hands each result to `take` and stops soon after one
/// has a story to tell. Returns the first story, by number: that of a run before which none has one.
///
/// # Panics
/// If a run does.
pub fn many<R: Send>(
    Runs { count, jobs, until }: Runs,
    run: impl Fn(u64) -> (R, Option<String>) + Sync,
    mut take: impl FnMut(R),
) -> Option<(u64, String)> {
    let next = AtomicU64::new(0);
    // Runs after one that failed need not be made; those before it must be, so that the first is found.
    let stop = AtomicU64::new(count);
    let (send, receive) = mpsc::channel();
    let mut stories = BTreeMap::new();
    thread::scope(|scope| {
        for _ in 0..jobs {
            let (send, next, stop, run) = (send.clone(), &next, &stop, &run);
            scope.spawn(move || {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let is_late = until.is_some_and(|until| Instant::now() >= until);
                    if number >= stop.load(Ordering::Relaxed) || is_late {
                        return;
                    }
                    let (result, story) = run(number);
                    if story.is_some() {
                        stop.fetch_min(number, Ordering::Relaxed);
                    }
                    send.send((number, result, story))
                        .expect("the receiver outlives the scope");
                }
            });
        }
        drop(send);
        for (number, result, story) in receive {
            take(result);
            if let Some(story) = story {
                stories.insert(number, story);
            }
        }
    });
    stories.pop_first()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_run_begins_when_time_is_up() {
        let over = Runs {
            count: u64::MAX,
            jobs: 2,
            until: Some(Instant::now()),
        };
        assert_eq!(
            many(over, |number| (number, None), |_| panic!("none is made")),
            None
        );
    }

    #[test]
    fn the_first_story_by_number_is_told() {
        let run = |number| (number, (number % 10 == 7).then(|| format!("{number} failed")));
        let mut taken = Vec::new();
        let runs = |count, jobs| Runs {
            count,
            jobs,
            until: None,
        };
        let story = many(runs(100, 3), run, |number| taken.push(number));
        assert_eq!(story, Some((7, "7 failed".to_owned())));
        taken.sort_unstable();
        assert!(taken.starts_with(&[0, 1, 2, 3, 4, 5, 6, 7]), "{taken:?}");
        assert_eq!(many(runs(3, 2), |number| (number, None), |_| ()), None);
    }
}
