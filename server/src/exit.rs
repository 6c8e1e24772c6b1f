//! Why the server does not start, in one line, with etcd's exit code.

use std::fmt;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use thiserror::Error;

use crate::flags::{BadValue, Flag};
use crate::host::{BootError, HostError};
use crate::logging;
use crate::urls::{Url, UrlError};

/// Where a value came from; names it in messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The command line.
    Flag(&'static str),
    /// The environment.
    Variable(String),
}

impl Origin {
    /// This flag, on the command line.
    pub(crate) fn flag(flag: &Flag) -> Origin {
        Origin::Flag(flag.name)
    }

    /// This flag's variable.
    pub(crate) fn variable(flag: &Flag) -> Origin {
        Origin::Variable(flag.variable())
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Flag(name) => write!(f, "--{name}"),
            Origin::Variable(name) => f.write_str(name),
        }
    }
}

/// Why the server does not start.
#[derive(Debug, PartialEq, Eq, Error)]
pub(crate) enum Stop {
    /// No flag has this name.
    #[error("flag provided but not defined: --{0} (see balsa --help)")]
    UnknownFlag(String),
    /// Dashes without a name.
    #[error("bad flag syntax: {0} (see balsa --help)")]
    BadSyntax(String),
    /// The last argument is a flag that needs a value.
    #[error("flag needs a value: --{0} (see balsa --help)")]
    MissingValue(&'static str),
    /// A value that cannot be read.
    #[error("invalid value {value:?} for {origin}: {why} (see balsa --help)")]
    BadValue {
        /// Where it was given.
        origin: Origin,
        /// As given.
        value: String,
        /// What is wanted instead.
        why: BadValue,
    },
    /// An argument that is not UTF-8.
    #[error("argument is not UTF-8: {0} (see balsa --help)")]
    BadArgument(String),
    /// A variable whose value is not UTF-8.
    #[error("the value of {0} is not UTF-8")]
    BadVariable(String),
    /// An argument that is no flag.
    #[error("'{0}' is not a valid flag: a value of true or false needs an equals sign, as in --name=value")]
    Stray(String),
    /// One of etcd's sub-commands.
    #[error("the sub-command '{0}' is not supported yet")]
    SubCommand(String),
    /// The same option twice.
    #[error("--{flag} and {variable} are both set: unset one of them")]
    Conflict {
        /// On the command line.
        flag: &'static str,
        /// In the environment.
        variable: String,
    },
    /// A value that asks for what Balsa does not do.
    #[error("{origin}={value} is refused: {why}")]
    Refused {
        /// Where it was given.
        origin: Origin,
        /// As given.
        value: String,
        /// Why it cannot be had.
        why: String,
    },
    /// Clients would be told of an address that was not thought of.
    #[error("--advertise-client-urls is required when --listen-client-urls is set explicitly")]
    AdvertiseMissing,
    /// A name where only an address can be bound.
    #[error("expected IP in URL for binding ({url}) given by --{flag}")]
    BindName {
        /// Which flag.
        flag: &'static str,
        /// The URL.
        url: Url,
    },
    /// An address that nobody can reach.
    #[error("--{flag} must name a host and a port that others can reach: {url}")]
    Unreachable {
        /// Which flag.
        flag: &'static str,
        /// The URL.
        url: Url,
    },
    /// A heartbeat of no length.
    #[error("--heartbeat-interval must be >0 (set to 0ms)")]
    NoHeartbeat,
    /// Too few heartbeats fit into an election timeout.
    #[error(
        "--election-timeout[{election}ms] should be at least as 5 times as --heartbeat-interval[{heartbeat}ms]"
    )]
    ElectionShort {
        /// In ms.
        election: i64,
        /// In ms.
        heartbeat: i64,
    },
    /// More than 50 s.
    #[error("--election-timeout[{0}ms] is too long, and should be set less than 50000ms")]
    ElectionLong(i64),
    /// A bad URL of a member.
    #[error("error setting up initial cluster (--initial-cluster): {0}")]
    BadCluster(UrlError),
    /// This member is not one of them.
    #[error("couldn't find local name {0:?} in the initial cluster configuration (--initial-cluster)")]
    NotAMember(String),
    /// Two members at one address.
    #[error("initial cluster {0} has duplicate url (--initial-cluster)")]
    DuplicateUrl(String),
    /// The two flags disagree.
    #[error(
        "--initial-cluster has {name}={cluster} but --initial-advertise-peer-urls has {advertised}: they must be equal"
    )]
    AdvertiseMismatch {
        /// This member.
        name: String,
        /// Its URLs by the one flag.
        cluster: String,
        /// Its URLs by the other.
        advertised: String,
    },
    /// It would have to be added to a running cluster first.
    #[error(
        "--initial-cluster-state=existing is refused while the data directory is empty: joining a running cluster is \
         not supported yet"
    )]
    Existing,
    /// Another program's data.
    #[error("--data-dir={} holds data of etcd ({}), which Balsa does not read: give it a directory of its own",
        dir.display(), found.display())]
    Etcd {
        /// The data directory.
        dir: PathBuf,
        /// What gave it away.
        found: PathBuf,
    },
    /// A log file that cannot be written to.
    #[error("--log-outputs: couldn't open {path:?}: {why}")]
    LogFile {
        /// Which file.
        path: String,
        /// What the system said.
        why: String,
    },
    /// Signals cannot be waited for.
    #[error("cannot wait for signals: {0}")]
    Signals(String),
    /// A tool that was not told what it needs, or too much.
    #[error("usage: {0}")]
    Usage(&'static str),
    /// A tool that cannot do what it was asked to.
    #[error("{0}")]
    Tool(String),
    /// The member cannot start, or cannot go on; the host's own words.
    #[error("{0}")]
    Host(String),
}

impl From<BootError> for Stop {
    fn from(error: BootError) -> Stop {
        Stop::Host(error.to_string())
    }
}

impl From<HostError> for Stop {
    fn from(error: HostError) -> Stop {
        Stop::Host(error.to_string())
    }
}

impl Stop {
    /// What the process ends with: 2 if the command line cannot be read, 1 for everything else.
    pub(crate) fn code(&self) -> u8 {
        match self {
            Stop::UnknownFlag(_)
            | Stop::BadSyntax(_)
            | Stop::BadArgument(_)
            | Stop::MissingValue(_)
            | Stop::Usage(_) => 2,
            Stop::BadValue { origin, .. } => match origin {
                Origin::Flag(_) => 2,
                Origin::Variable(_) => 1,
            },
            _ => 1,
        }
    }

    /// Tells the operator, in the log once there is one, and gives the exit code.
    pub(crate) fn report(&self) -> ExitCode {
        if !logging::fatal("balsa stops", &[("error", &self.to_string())]) {
            // Nothing is left to be done if standard error is closed.
            let _ = writeln!(io::stderr(), "balsa: {self}");
        }
        ExitCode::from(self.code())
    }
}
