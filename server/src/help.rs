//! What `--help` and `--version` print. The help is made of the table that the parser reads, so it cannot lie.

use std::env::consts;
use std::fmt::Write as _;

use crate::flags::{self, Flag, Group, Rule};

/// This server's version.
pub(crate) const BALSA_VERSION: &str = env!("CARGO_PKG_VERSION");
/// The version of etcd whose APIs are served; clients ask for it.
pub(crate) const ETCD_VERSION: &str = "3.5.21";

const WIDTH_MAX: usize = 100;

/// The versions, in etcd's form.
pub(crate) fn version() -> String {
    format!(
        "balsa Version: {BALSA_VERSION}\netcd Version: {ETCD_VERSION}\nRust Version: {} or later\nOS/Arch: {}/{}\n",
        env!("CARGO_PKG_RUST_VERSION"),
        consts::OS,
        consts::ARCH
    )
}

/// The whole help text.
pub(crate) fn help() -> String {
    let mut text = String::from(
        "Usage: balsa [flags]\n\
         \x20      balsa check DATA_DIR\n\
         \x20      balsa dump DATA_DIR\n\
         \x20      balsa restore --snapshot FILE [flags]\n\n\
         A replicated key-value store that speaks etcd's HTTP+JSON APIs. With no flags it serves clients on\n\
         http://127.0.0.1:2379 and keeps its data in default.balsa.\n\n\
         A flag is written --name value, --name=value or -name value; true and false need the equals sign.\n\
         Each flag has a variable: --data-dir has ETCD_DATA_DIR. Setting both is an error.\n",
    );
    for (group, title) in [
        (Group::Member, "Member"),
        (Group::Cluster, "Founding a cluster (ignored once there is data)"),
        (Group::Logging, "Logging"),
    ] {
        write_group(&mut text, group, title);
    }
    text.push_str("\nOther:\n  --help, -h\n        print this and end\n  --version\n        print the versions and end\n");
    let ignored = |flag: &&Flag| matches!(flag.rule, Rule::Ignored { .. });
    write_list(
        &mut text,
        "Accepted, for they make no difference (the log says why)",
        flags::all().filter(ignored).map(dashed),
    );
    write_list(
        &mut text,
        "Accepted with these values only, as yet",
        flags::all().filter_map(fixed),
    );
    let refused = |flag: &&Flag| matches!(flag.rule, Rule::Only { values: [""], .. });
    write_list(
        &mut text,
        "Refused, as yet",
        flags::all().filter(refused).map(dashed),
    );
    text
}

/// The help text of `balsa restore`.
pub(crate) fn restore() -> String {
    let mut text = String::from(
        "Usage: balsa restore --snapshot FILE [flags]\n\n\
         Makes a data directory for a member of a new cluster that begins with the state in FILE: a snapshot- file\n\
         of a data directory, or a backup. Do so for each member, with the same FILE and its own --name; then start\n\
         them. The data directory must not be there yet.\n\n",
    );
    flags::restore::all().for_each(|flag| write_flag(&mut text, flag));
    text
}

fn write_group(text: &mut String, group: Group, title: &str) {
    let _ = write!(text, "\n{title}:\n");
    for flag in flags::all() {
        if matches!(flag.rule, Rule::Works { group: of, .. } if of == group) {
            write_flag(text, flag);
        }
    }
}

fn write_flag(text: &mut String, flag: &Flag) {
    if let Rule::Works { default, help, .. } = flag.rule {
        let default = match default {
            "" => String::new(),
            default => format!(" '{default}'"),
        };
        let _ = write!(text, "  --{}{default}\n        {help}\n", flag.name);
    }
}

fn write_list(text: &mut String, title: &str, words: impl Iterator<Item = String>) {
    let _ = write!(text, "\n{title}:\n");
    let mut line = String::new();
    for word in words {
        if line.len() + 1 + word.len() > WIDTH_MAX {
            let _ = writeln!(text, " {line}");
            line.clear();
        }
        line.push(' ');
        line.push_str(&word);
    }
    let _ = writeln!(text, " {line}");
}

fn dashed(flag: &Flag) -> String {
    format!("--{}", flag.name)
}

/// The flag with the values it takes, if there are any but the empty one.
fn fixed(flag: &Flag) -> Option<String> {
    match flag.rule {
        Rule::Only { values: [""], .. } => None,
        Rule::Only { values, .. } => {
            let shown: Vec<&str> = values.iter().copied().filter(|value| !value.is_empty()).collect();
            Some(format!("--{}={}", flag.name, shown.join("|")))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn help_names_every_flag_in_lines_that_fit() {
        let help = help();
        for flag in flags::all() {
            let name = format!("--{}", flag.name);
            let named = help.split([' ', '=', '\n']).any(|word| word == name);
            assert!(named, "{name}");
        }
        for line in help.lines() {
            assert!(line.len() <= WIDTH_MAX + 2, "{line}");
        }
    }

    #[test]
    fn version_has_etcds_form() {
        let version = version();
        assert!(version.starts_with("balsa Version: 0."));
        assert!(version.contains("\netcd Version: 3.5.21\n"));
        assert_eq!(version.lines().count(), 4);
    }
}
