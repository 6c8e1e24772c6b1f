//! Two traces side by side: what is missing, what is new, and a few lines around it.

/// Lines of context kept around a difference.
const CONTEXT_LINES: usize = 3;

/// The lines of `found` against those of `expected`: `-` is missing, `+` is new. Empty if they are the same.
#[must_use]
pub fn diff(expected: &str, found: &str) -> String {
    let (old, new): (Vec<&str>, Vec<&str>) = (expected.lines().collect(), found.lines().collect());
    let lines = compare(&old, &new);
    let near = |at: usize| {
        let around = at.saturating_sub(CONTEXT_LINES)..(at + CONTEXT_LINES + 1).min(lines.len());
        lines[around].iter().any(|(sign, _)| *sign != ' ')
    };
    let mut text = String::new();
    let mut skipped = false;
    for (at, (sign, line)) in lines.iter().enumerate() {
        if !near(at) {
            skipped = true;
            continue;
        }
        if std::mem::take(&mut skipped) {
            text.push_str("...\n");
        }
        text.push_str(format!("{sign} {line}").trim_end());
        text.push('\n');
    }
    text
}

/// A longest common subsequence, with what is only in one of the two between.
fn compare<'a>(old: &[&'a str], new: &[&'a str]) -> Vec<(char, &'a str)> {
    // common[i][j]: how many lines old[i..] and new[j..] share at most.
    let mut common = vec![vec![0usize; new.len() + 1]; old.len() + 1];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            common[i][j] = if old[i] == new[j] {
                common[i + 1][j + 1] + 1
            } else {
                common[i + 1][j].max(common[i][j + 1])
            };
        }
    }
    let (mut i, mut j) = (0, 0);
    let mut lines = Vec::new();
    while i < old.len() || j < new.len() {
        if i < old.len() && j < new.len() && old[i] == new[j] {
            lines.push((' ', old[i]));
            (i, j) = (i + 1, j + 1);
        } else if j == new.len() || (i < old.len() && common[i + 1][j] >= common[i][j + 1]) {
            lines.push(('-', old[i]));
            i += 1;
        } else {
            lines.push(('+', new[j]));
            j += 1;
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn shows_what_differs_and_a_little_around_it() {
        assert_eq!(diff("a\nb\n", "a\nb\n"), "");
        assert_eq!(
            diff("1\n2\n3\n4\n5\n6\n", "1\n2\n3\n4\n5 \nfive\n6\n"),
            "...\n  2\n  3\n  4\n- 5\n+ 5\n+ five\n  6\n"
        );
    }

    proptest! {
        #[test]
        fn both_sides_can_be_read_off(old in prop::collection::vec("[ab]", 0..9), new in prop::collection::vec("[ab]", 0..9)) {
            let (old, new): (Vec<&str>, Vec<&str>) = (old.iter().map(String::as_str).collect(), new.iter().map(String::as_str).collect());
            let lines = compare(&old, &new);
            let side = |absent: char| lines.iter().filter(|(sign, _)| *sign != absent).map(|(_, line)| *line).collect::<Vec<_>>();
            prop_assert_eq!(side('+'), old);
            prop_assert_eq!(side('-'), new);
        }
    }
}
