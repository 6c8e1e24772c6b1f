//! Many runs on several threads.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread;

/// Makes the runs with the numbers 0 to `count`, on `jobs` threads, hands each result to `take` and stops soon after one
/// has a story to tell. Returns the first story, by number: that of a run before which none has one.
///
/// # Panics
/// If a run does.
pub fn many<R: Send>(
    count: u64,
    jobs: usize,
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
                    if number >= stop.load(Ordering::Relaxed) {
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
    fn the_first_story_by_number_is_told() {
        let run = |number| (number, (number % 10 == 7).then(|| format!("{number} failed")));
        let mut taken = Vec::new();
        let story = many(100, 3, run, |number| taken.push(number));
        assert_eq!(story, Some((7, "7 failed".to_owned())));
        taken.sort_unstable();
        assert!(taken.starts_with(&[0, 1, 2, 3, 4, 5, 6, 7]), "{taken:?}");
        assert_eq!(many(3, 2, |number| (number, None), |_| ()), None);
    }
}
