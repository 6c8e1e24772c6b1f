//! Every flag of etcd's and what Balsa makes of it: one table, read by the parser, the environment and the help text.
//!
//! A flag either works, or makes no difference whatever its value (and the log says why), or is taken only with the
//! values that ask for what Balsa does anyway. Nothing that a flag asks for is passed over in silence.

mod experimental;
mod legacy;
pub(crate) mod restore;
mod security;
mod tuning;
mod value;
mod working;

pub(crate) use value::{BadValue, Kind, Value};

/// One flag. Its variable is `ETCD_` and the name in capitals, `-` written `_`.
#[derive(Debug)]
pub(crate) struct Flag {
    /// Without dashes.
    pub(crate) name: &'static str,
    /// How its value is written.
    pub(crate) kind: Kind,
    /// What Balsa makes of it.
    pub(crate) rule: Rule,
}

/// What Balsa makes of a flag.
#[derive(Debug)]
pub(crate) enum Rule {
    /// It does what its help says.
    Works {
        /// Where the help text lists it.
        group: Group,
        /// Its value when not given, as it would be written; `""` if it follows from other flags.
        default: &'static str,
        /// What it is for.
        help: &'static str,
    },
    /// Any value of its kind is taken and makes no difference.
    Ignored {
        /// Why not: a sentence without a full stop.
        why: &'static str,
    },
    /// Only these values are taken, and make no difference; every other one is refused.
    Only {
        /// As they would be written.
        values: &'static [&'static str],
        /// Why these and no others: a sentence without a full stop.
        why: &'static str,
    },
}

/// The parts of the help text, in its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Group {
    /// This member alone.
    Member,
    /// How a cluster is founded.
    Cluster,
    /// What is logged, and where.
    Logging,
}

/// All flags, by part.
const TABLES: &[&[Flag]] = &[
    working::TABLE,
    tuning::TABLE,
    security::TABLE,
    experimental::TABLE,
    legacy::TABLE,
];

/// All flags there are.
pub(crate) fn all() -> impl Iterator<Item = &'static Flag> {
    TABLES.iter().copied().flatten()
}

/// The flag of this name.
pub(crate) fn find(name: &str) -> Option<&'static Flag> {
    all().find(|flag| flag.name == name)
}

impl Flag {
    /// The environment variable that sets it.
    pub(crate) fn variable(&self) -> String {
        format!("ETCD_{}", self.name.to_uppercase().replace('-', "_"))
    }

    /// Whether a value is among those taken.
    pub(crate) fn takes(&self, value: &Value) -> bool {
        match self.rule {
            Rule::Works { .. } | Rule::Ignored { .. } => true,
            Rule::Only { values, .. } => values
                .iter()
                .any(|text| self.kind.parse(text).as_ref() == Ok(value)),
        }
    }

    /// The value of a working flag that was not given.
    pub(crate) fn default(&self) -> Value {
        let Rule::Works { default, .. } = self.rule else {
            panic!("--{} has no default: it does not work", self.name);
        };
        self.kind
            .parse(default)
            .unwrap_or_else(|why| panic!("the default of --{} is bad: {why}", self.name))
    }
}

const fn works(
    name: &'static str,
    kind: Kind,
    group: Group,
    default: &'static str,
    help: &'static str,
) -> Flag {
    let rule = Rule::Works { group, default, help };
    Flag { name, kind, rule }
}

const fn ignored(name: &'static str, kind: Kind, why: &'static str) -> Flag {
    let rule = Rule::Ignored { why };
    Flag { name, kind, rule }
}

const fn only(name: &'static str, kind: Kind, values: &'static [&'static str], why: &'static str) -> Flag {
    let rule = Rule::Only { values, why };
    Flag { name, kind, rule }
}

/// A switch that can only be off.
const fn off(name: &'static str, why: &'static str) -> Flag {
    only(name, Kind::Switch, &["false"], why)
}

/// A text that can only be empty.
const fn empty(name: &'static str, why: &'static str) -> Flag {
    only(name, Kind::Text, &[""], why)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_are_unique_and_well_formed() {
        let mut names = BTreeSet::new();
        for flag in all() {
            assert!(names.insert(flag.name), "--{} stands twice", flag.name);
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            assert!(flag.name.chars().all(plain), "--{}", flag.name);
        }
    }

    #[test]
    fn every_default_and_every_value_taken_is_of_its_flags_kind() {
        for flag in all() {
            match flag.rule {
                Rule::Works { default: "", .. } => assert!(flag.kind.parse("").is_ok(), "--{}", flag.name),
                Rule::Works { .. } => drop(flag.default()),
                Rule::Ignored { .. } => {}
                Rule::Only { values, .. } => {
                    for text in values {
                        let value = flag.kind.parse(text).unwrap();
                        assert!(flag.takes(&value), "--{}={text}", flag.name);
                    }
                }
            }
        }
    }

    #[test]
    fn sentences_end_without_a_full_stop() {
        for flag in all() {
            let (Rule::Works { help: text, .. } | Rule::Ignored { why: text } | Rule::Only { why: text, .. }) =
                flag.rule;
            assert!(
                !text.is_empty() && !text.ends_with('.'),
                "--{}: {text}",
                flag.name
            );
        }
    }

    #[test]
    fn variables_are_named_as_in_etcd() {
        assert_eq!(
            find("initial-cluster-state").unwrap().variable(),
            "ETCD_INITIAL_CLUSTER_STATE"
        );
    }
}
