//! The bounds of an exhaustive search, as they stand on the command line.

use world::search::{Network, Scope};

use super::{Refusal, bad, mutant, number};

/// Reads the bounds; None if help is asked for.
///
/// # Errors
/// One line to print.
pub(super) fn bounds(arguments: impl Iterator<Item = String>) -> Result<Option<Scope>, Refusal> {
    let mut arguments = arguments.flat_map(|argument| {
        let words: Vec<String> = argument.splitn(2, '=').map(str::to_owned).collect();
        words
    });
    let mut scope = Scope::default();
    while let Some(option) = arguments.next() {
        let mut value = || arguments.next().ok_or_else(|| Refusal::NoValue(option.clone()));
        let mut count = |greatest| number(&option, &value()?, 0, greatest);
        match option.as_str() {
            "--nodes" => scope.nodes = number(&option, &value()?, 1, 5)?,
            "--terms" => scope.terms = count(100)?,
            "--campaigns" => scope.campaigns = Some(few(count(100)?)),
            "--entries" => scope.entries = few(count(26)?),
            "--changes" => scope.changes = few(count(100)?),
            "--crashes" => scope.crashes = few(count(100)?),
            "--beats" => scope.beats = few(count(100)?),
            "--duplicates" => scope.duplicates = duplicates(&option, &value()?)?,
            "--network" => scope.network = network(&option, &value()?)?,
            "--logs" => scope.logs = logs(&option, &value()?)?,
            "--states-max" => scope.states_max = usize::try_from(count(1 << 31)?).expect("it fits memory"),
            "--mutant" => scope.mutant = Some(mutant(&option, &value()?)?),
            "--slow-disks" => scope.slow_disks = true,
            "--single-entries" => scope.single_entries = true,
            "--pre-vote" => scope.pre_vote = true,
            "--check-quorum" => scope.check_quorum = true,
            "--help" | "-h" => return Ok(None),
            _ => return Err(Refusal::Unknown(option)),
        }
    }
    match scope.mutant {
        Some(_) if !cfg!(debug_assertions) => Err(Refusal::NoMutants),
        _ => Ok(Some(scope)),
    }
}

fn duplicates(option: &str, value: &str) -> Result<Option<u8>, Refusal> {
    match value {
        "any" => Ok(None),
        _ => number(option, value, 0, 100).map(|count| Some(few(count))),
    }
}

fn network(option: &str, value: &str) -> Result<Network, Refusal> {
    match value {
        "calls" => Ok(Network::Calls),
        "in-term" => Ok(Network::InTerm),
        "late" => Ok(Network::Late),
        _ => Err(bad(option, value, "give calls, in-term or late".to_owned())),
    }
}

fn logs(option: &str, value: &str) -> Result<Vec<Vec<u64>>, Refusal> {
    let log = |terms: &str| {
        let terms = terms.split(',').filter(|term| !term.is_empty());
        let terms: Option<Vec<u64>> = terms
            .map(|term| term.parse().ok().filter(|term| (1..=100).contains(term)))
            .collect();
        terms.filter(|terms| terms.is_sorted())
    };
    let logs: Option<Vec<Vec<u64>>> = value.split('/').map(log).collect();
    let expected = "give terms from 1 that never fall, such as 1,1/2";
    logs.ok_or_else(|| bad(option, value, expected.to_owned()))
}

fn few(count: u64) -> u8 {
    u8::try_from(count).expect("a bound below 256")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Option<Scope>, Refusal> {
        bounds(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn bounds_are_read_in_both_styles() {
        let scope = parsed("--terms 4 --network=calls --duplicates any --logs 1,1/2/ --slow-disks");
        let expected = Scope {
            terms: 4,
            network: Network::Calls,
            duplicates: None,
            logs: vec![vec![1, 1], vec![2], vec![]],
            slow_disks: true,
            ..Scope::default()
        };
        assert_eq!(scope, Ok(Some(expected)));
        assert_eq!(parsed("--terms 2 --help"), Ok(None));
    }

    #[test]
    fn what_is_not_understood_is_refused_by_name() {
        let refused = |line: &str| parsed(line).expect_err(line).to_string();
        assert_eq!(
            refused("--trems 4"),
            "unknown option --trems; see balsa-sim --help"
        );
        assert_eq!(refused("--terms"), "--terms needs a value; see balsa-sim --help");
        assert_eq!(refused("--nodes 6"), "--nodes 6: give a number from 1 to 5");
        assert_eq!(
            refused("--network fast"),
            "--network fast: give calls, in-term or late"
        );
        assert_eq!(
            refused("--logs 2,1"),
            "--logs 2,1: give terms from 1 that never fall, such as 1,1/2"
        );
    }
}
