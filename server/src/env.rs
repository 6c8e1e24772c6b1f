//! The environment: every flag has a variable, `--data-dir` has `ETCD_DATA_DIR`.

use std::ffi::OsString;

use crate::exit::{Origin, Stop};
use crate::flags::{self, Flag};
use crate::settings::{Note, Settings};

/// Reads the variables that begin with `ETCD_`. An empty one is as good as unset; a flag of the same name is a conflict.
pub(crate) fn read(
    variables: impl IntoIterator<Item = (OsString, OsString)>,
    settings: &mut Settings,
) -> Result<(), Stop> {
    let mut given = Vec::new();
    for (name, value) in variables {
        // A name that is not UTF-8 is none of ours.
        let Some(name) = name.into_string().ok().filter(|name| name.starts_with("ETCD_")) else {
            continue;
        };
        let value = value.into_string().map_err(|_| Stop::BadVariable(name.clone()))?;
        if !value.is_empty() {
            given.push((name, value));
        }
    }
    // The system gives them in no order; messages shall not depend on that.
    given.sort();
    for (name, value) in given {
        match find(&name) {
            Some(flag) if settings.origin(flag.name).is_some() => {
                return Err(Stop::Conflict {
                    flag: flag.name,
                    variable: name,
                });
            }
            Some(flag) => settings.give(flag, Origin::variable(flag), &value)?,
            None if name == "ETCD_VERSION" => settings.note(Note::VersionVariable),
            None => settings.note(Note::UnknownVariable(name)),
        }
    }
    Ok(())
}

fn find(variable: &str) -> Option<&'static Flag> {
    flags::all().find(|flag| flag.variable() == variable)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_all(variables: &[(&str, &str)]) -> Result<Settings, Stop> {
        let mut settings = Settings::default();
        let variables = variables.iter().map(|(name, value)| (name.into(), value.into()));
        read(variables, &mut settings)?;
        Ok(settings)
    }

    #[test]
    fn variables_set_flags() {
        let settings = read_all(&[
            ("ETCD_NAME", "n1"),
            ("ETCD_HEARTBEAT_INTERVAL", "50"),
            ("HOME", "/"),
        ])
        .unwrap();
        assert_eq!(settings.text("name"), "n1");
        assert_eq!(settings.number("heartbeat-interval"), 50);
        assert!(settings.notes().is_empty());
    }

    #[test]
    fn empty_is_unset() {
        let settings = read_all(&[("ETCD_NAME", ""), ("ETCD_CERT_FILE", ""), ("ETCD_BOGUS", "")]).unwrap();
        assert!(settings.is_empty());
        assert!(settings.notes().is_empty());
    }

    #[test]
    fn unknown_variables_are_only_noted() {
        let settings = read_all(&[("ETCD_VERSION", "3.5.1"), ("ETCD_FOO", "x")]).unwrap();
        assert_eq!(
            settings.notes(),
            [Note::UnknownVariable("ETCD_FOO".into()), Note::VersionVariable]
        );
        assert!(settings.is_empty());
    }

    #[test]
    fn bad_values_name_the_variable_and_end_with_1() {
        let cases = [
            (
                ("ETCD_HEARTBEAT_INTERVAL", "x"),
                "invalid value \"x\" for ETCD_HEARTBEAT_INTERVAL: want a whole number from 0 (see balsa --help)",
            ),
            (
                ("ETCD_CERT_FILE", "c.pem"),
                "ETCD_CERT_FILE=c.pem is refused: TLS is not supported yet",
            ),
            (
                ("ETCD_CONFIG_FILE", "c.yml"),
                "ETCD_CONFIG_FILE=c.yml is refused: configuration files are not supported yet: use flags or ETCD_ \
                 variables",
            ),
        ];
        for (variable, message) in cases {
            let stop = read_all(&[variable]).unwrap_err();
            assert_eq!((stop.to_string().as_str(), stop.code()), (message, 1));
        }
    }

    #[test]
    fn a_flag_and_its_variable_are_a_conflict() {
        let mut settings = Settings::default();
        let flag = flags::find("name").unwrap();
        settings.give(flag, Origin::flag(flag), "a").unwrap();
        let stop = read([("ETCD_NAME".into(), "a".into())], &mut settings).unwrap_err();
        assert_eq!(
            stop.to_string(),
            "--name and ETCD_NAME are both set: unset one of them"
        );
        assert_eq!(stop.code(), 1);
    }
}
