//! The command line in Go's style: `--name n1`, `--name=n1`, `-name n1`; switches take a value only with `=`.

use std::ffi::OsString;

use crate::config::Config;
use crate::env;
use crate::exit::{Origin, Stop};
use crate::flags::{self, Flag, Kind};
use crate::help;
use crate::settings::Settings;
use crate::tools::{self, Tool};

/// What the command line asks for.
#[derive(Debug)]
pub(crate) enum Start {
    /// Print this and end well.
    Print(String),
    /// Serve.
    Serve(Box<Config>),
    /// Do something with a data directory, and end.
    Use(Tool),
}

/// Reads the arguments, without the program's name, and the variables that begin with `ETCD_`.
pub(crate) fn parse(
    arguments: impl IntoIterator<Item = OsString>,
    variables: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<Start, Stop> {
    let mut settings = Settings::default();
    let mut rest = arguments.into_iter().peekable();
    if let Some(name) = rest.peek().and_then(|first| Tool::named(first)) {
        return tools::parse(name, rest.skip(1));
    }
    let mut arguments = Arguments { rest };
    match arguments.read(&mut settings)? {
        Asked::Help => return Ok(Start::Print(help::help())),
        Asked::Version => return Ok(Start::Print(help::version())),
        Asked::Serve => {}
    }
    env::read(variables, &mut settings)?;
    Ok(Start::Serve(Box::new(Config::of(&settings)?)))
}

/// What the arguments ask for.
enum Asked {
    Help,
    Version,
    Serve,
}

/// The arguments not read yet.
pub(crate) struct Arguments<I> {
    pub(crate) rest: I,
}

impl<I: Iterator<Item = OsString>> Arguments<I> {
    /// Reads all arguments; the first mistake counts, and help ends the reading.
    fn read(&mut self, settings: &mut Settings) -> Result<Asked, Stop> {
        let mut asked = Asked::Serve;
        while let Some(argument) = self.next()? {
            let Some((name, value)) = split(&argument)? else {
                // The first argument that is no flag ends the flags.
                return self.stray(argument);
            };
            match (flags::find(name), name) {
                (Some(flag), _) => {
                    let value = self.value(flag, value)?;
                    settings.give(flag, Origin::flag(flag), &value)?;
                }
                (None, "h" | "help") => return Ok(Asked::Help),
                (None, "version") => asked = version(value)?,
                (None, _) => return Err(Stop::UnknownFlag(name.to_owned())),
            }
        }
        Ok(asked)
    }

    /// The next argument.
    pub(crate) fn next(&mut self) -> Result<Option<String>, Stop> {
        let into_text = |argument: OsString| {
            argument
                .into_string()
                .map_err(|bytes| Stop::BadArgument(bytes.to_string_lossy().into_owned()))
        };
        self.rest.next().map(into_text).transpose()
    }

    /// The value behind `=`, or the next argument.
    pub(crate) fn value(&mut self, flag: &'static Flag, written: Option<&str>) -> Result<String, Stop> {
        match written {
            Some(value) => Ok(value.to_owned()),
            None if flag.kind.stands_alone() => Ok("true".to_owned()),
            None => self.next()?.ok_or(Stop::MissingValue(flag.name)),
        }
    }

    fn stray(&mut self, argument: String) -> Result<Asked, Stop> {
        let argument = match argument.as_str() {
            "--" => match self.next()? {
                Some(next) => next,
                None => return Ok(Asked::Serve),
            },
            _ => argument,
        };
        Err(match argument.as_str() {
            "gateway" | "grpc-proxy" => Stop::SubCommand(argument),
            _ => Stop::Stray(argument),
        })
    }
}

/// The name and the value behind `=`, if it is a flag.
pub(crate) fn split(argument: &str) -> Result<Option<(&str, Option<&str>)>, Stop> {
    let Some(name) = argument.strip_prefix('-') else {
        return Ok(None);
    };
    let name = name.strip_prefix('-').unwrap_or(name);
    if argument == "-" || argument == "--" {
        return Ok(None);
    }
    if name.is_empty() || name.starts_with(['-', '=']) {
        return Err(Stop::BadSyntax(argument.to_owned()));
    }
    Ok(Some(match name.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (name, None),
    }))
}

fn version(value: Option<&str>) -> Result<Asked, Stop> {
    let text = value.unwrap_or("true");
    match Kind::Switch.parse(text) {
        Ok(flags::Value::Switch(false)) => Ok(Asked::Serve),
        Ok(_) => Ok(Asked::Version),
        Err(why) => Err(Stop::BadValue {
            origin: Origin::Flag("version"),
            value: text.to_owned(),
            why,
        }),
    }
}

#[cfg(test)]
#[path = "cli/tests.rs"]
mod tests;
