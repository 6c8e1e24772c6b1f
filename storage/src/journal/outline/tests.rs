use proptest::prelude::*;
use raft_core::{LogChange, Position};

use super::Outline;
use crate::journal::history::{History, shapes};
use crate::journal::replay::Replay;

#[test]
#[should_panic(expected = "do not follow")]
fn a_gap_is_a_bug_of_the_caller() {
    let entry = crate::journal::history::entry(1, 2, 0);
    Outline::default().apply(&LogChange::Append(vec![entry]));
}

proptest! {
    #[test]
    fn the_last_position_is_the_images(shapes in shapes(0..40)) {
        let mut history = History::born();
        let mut outline = Outline::default();
        outline.apply(&history.saves()[0].log);
        prop_assert_eq!(outline.last(), Position::default());
        for shape in &shapes {
            let save = history.next(shape);
            outline.apply(&save.log);
            let image = history.image();
            let last = image.entries.last().map_or(image.snapshot.position, |entry| entry.position);
            prop_assert_eq!(outline.last(), last);
            prop_assert_eq!(&outline, &Outline::of(image));
        }
    }

    #[test]
    fn replay_says_the_same(shapes in shapes(0..40)) {
        let mut history = History::born();
        for shape in &shapes {
            history.next(shape);
        }
        let mut replay = Replay::default();
        for save in history.saves() {
            replay.apply(save.clone()).unwrap();
        }
        prop_assert_eq!(&replay.finish(), history.image());
    }
}
