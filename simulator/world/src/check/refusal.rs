//! A member that refuses what is on its disk says which file is wrong: one that is damaged; and where, in a journal or a
//! snapshot. A member whose disk is whole refuses nothing.

use raft_core::NodeId;
use thiserror::Error;

use crate::disk::{Rot, Wound};

/// A refusal that is none of the damage.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Wrong {
    /// Nothing is damaged.
    #[error("n{} cannot start, and its disk is whole: {story}", .id.0)]
    Whole {
        /// Who.
        id: NodeId,
        /// What it says.
        story: String,
    },
    /// It names none of the damaged files.
    #[error("n{} names none of {files:?}: {story}", .id.0)]
    OtherFile {
        /// Who.
        id: NodeId,
        /// What is damaged.
        files: Vec<String>,
        /// What it says.
        story: String,
    },
    /// It does not say where.
    #[error("n{} does not say where: {story}", .id.0)]
    NoPlace {
        /// Who.
        id: NodeId,
        /// What it says.
        story: String,
    },
}

/// Judges a refusal.
///
/// # Errors
/// What is wrong with it.
pub fn check(id: NodeId, wounds: &[Wound], story: &str) -> Result<(), Wrong> {
    let story = || story.to_owned();
    if wounds.is_empty() {
        return Err(Wrong::Whole { id, story: story() });
    }
    // A file that is gone is named, or what cannot be without it.
    let lost = |wound: &Wound| wound.rot == Rot::Lost;
    let told = ["missing", "no sound snapshot", "it is new"];
    if wounds.iter().any(lost) && told.iter().any(|told| story().contains(told)) {
        return Ok(());
    }
    let is_named = |wound: &&Wound| story().contains(&wound.file);
    let mut named = wounds.iter().filter(is_named).peekable();
    if named.peek().is_none() {
        let files = wounds.iter().map(|wound| wound.file.clone()).collect();
        return Err(Wrong::OtherFile {
            id,
            files,
            story: story(),
        });
    }
    // An identity is one sector, and so is the note of a repair; what cannot be read at all has no other place than its
    // file.
    let is_small = |wound: &Wound| wound.file.starts_with("identity") || wound.file.starts_with("repair");
    let has_places = !named.any(is_small) && !story().starts_with("cannot read");
    if has_places && !story().contains("offset") {
        return Err(Wrong::NoPlace { id, story: story() });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_a_damaged_file_and_the_place() {
        let wounds = [Wound {
            rot: Rot::Bit,
            file: "journal-0000000000000001".to_owned(),
            sector: 3,
        }];
        let judge = |wounds: &[Wound], story: &str| check(NodeId(1), wounds, story);
        let story = "journal file journal-0000000000000001 is damaged at offset 9: gone";
        assert_eq!(judge(&wounds, story), Ok(()));
        assert!(matches!(judge(&[], story), Err(Wrong::Whole { .. })));
        assert!(matches!(
            judge(&wounds, "file identity is damaged"),
            Err(Wrong::OtherFile { .. })
        ));
        // Of several, the ones that it names count.
        let of = |file: &str| Wound {
            file: file.to_owned(),
            ..wounds[0].clone()
        };
        let several = [of("journal"), of("repair"), of("identity")];
        for small in ["file identity is damaged", "file repair is damaged"] {
            assert_eq!(judge(&several, small), Ok(()));
        }
        let vague = "journal file journal-0000000000000001 is damaged";
        assert!(matches!(judge(&wounds, vague), Err(Wrong::NoPlace { .. })));
    }
}
