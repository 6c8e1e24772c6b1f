//! The configuration, resolved: all that the server is told from outside, checked as far as flags alone allow.

use std::net::SocketAddr;
use std::num::NonZeroU64;
use std::path::PathBuf;
use std::time::Duration;

use node::AutoCompaction;

use api::Access;

use crate::access;
use crate::exit::Stop;
use crate::flags::{Kind, Value};
use crate::founding::Initial;
use crate::help;
use crate::host;
use crate::logging::{LogConfig, Severity};
use crate::quota::Quota;
use crate::settings::{Note, Settings};
use crate::urls::{self, Scheme, Url};

/// A watcher that hears more often how far it is would be told of nothing else.
const WATCH_PROGRESS_INTERVAL_MIN: Duration = Duration::from_millis(100);

/// The longest election timeout, in ms.
const ELECTION_MS_MAX: i64 = 50_000;
/// How many heartbeats an election timeout must hold at least.
const HEARTBEATS_MIN: i64 = 5;

/// What the server is told.
#[derive(Debug)]
pub(crate) struct Config {
    /// This member's name; told to clients, and changed by nothing but a restart with another.
    pub(crate) name: String,
    /// Where its data is kept.
    pub(crate) data_dir: PathBuf,
    /// Where to listen for peers: at least one, none twice.
    pub(crate) listen_peers: Vec<SocketAddr>,
    /// Where to listen for clients: at least one, none twice.
    pub(crate) listen_clients: Vec<SocketAddr>,
    /// Where clients reach it; told to clients and members. At least one.
    pub(crate) advertise_clients: Vec<Url>,
    /// Between two heartbeats of a leader; more than zero.
    pub(crate) heartbeat_interval: Duration,
    /// The least time without a leader before an election; at least five heartbeats, at most 50 s.
    pub(crate) election_timeout: Duration,
    /// Whether elections ask first who would vote.
    pub(crate) pre_vote: bool,
    /// After how many entries a snapshot is made at the latest; None: whenever it pays.
    pub(crate) snapshot_count: Option<NonZeroU64>,
    /// How large the state may become before writes are refused.
    pub(crate) quota: Quota,
    /// What history is compacted without being asked.
    pub(crate) auto_compaction: AutoCompaction,
    /// How long a watcher that wants to hear of that is told nothing.
    pub(crate) watch_progress_interval: Duration,
    /// Threads that serve clients; 0: the node's does.
    pub(crate) client_threads: usize,
    /// Whether to go on without the other members, which are lost.
    pub(crate) force_new_cluster: bool,
    /// Pages of which origin may read answers, and by which names this server may be called.
    pub(crate) access: Access,
    /// What is logged, and where.
    pub(crate) log: LogConfig,
    /// How to found a cluster; matters only while the data directory is empty.
    pub(crate) initial: Initial,
    /// Whether nothing at all was given: then the log is followed by a word on how to try it.
    pub(crate) bare: bool,
    notes: Vec<Note>,
}

impl Config {
    /// Resolves what was given.
    pub(crate) fn of(settings: &Settings) -> Result<Config, Stop> {
        advertises_what_it_listens_to(settings)?;
        let name = settings.text("name");
        let (heartbeat_interval, election_timeout) = timings(settings)?;
        let data_dir = match settings.text("data-dir") {
            dir if dir.is_empty() => format!("{name}.balsa"),
            dir => dir,
        };
        Ok(Config {
            data_dir: PathBuf::from(data_dir),
            listen_peers: listen(settings, "listen-peer-urls")?,
            listen_clients: listen(settings, "listen-client-urls")?,
            advertise_clients: advertise(settings, "advertise-client-urls")?,
            heartbeat_interval,
            election_timeout,
            pre_vote: settings.switch("pre-vote"),
            snapshot_count: u64::try_from(settings.number("snapshot-count"))
                .ok()
                .and_then(NonZeroU64::new),
            quota: Quota::of_flag(settings.number("quota-backend-bytes")),
            auto_compaction: auto_compaction(settings)?,
            watch_progress_interval: watch_progress_interval(settings)?,
            client_threads: client_threads(settings)?,
            force_new_cluster: settings.switch("force-new-cluster"),
            access: access::of(settings)?,
            log: log(settings)?,
            initial: Initial {
                advertise_peers: advertise(settings, "initial-advertise-peer-urls")?,
                cluster: Some(settings.text("initial-cluster")).filter(|cluster| !cluster.is_empty()),
                existing: settings.text("initial-cluster-state") == "existing",
                token: settings.text("initial-cluster-token"),
            },
            bare: settings.is_empty(),
            notes: settings.notes().to_vec(),
            name,
        })
    }

    /// Logs the whole configuration, and what was given that makes no difference.
    pub(crate) fn log_start(&self) {
        log::info!(
            "balsa-version" = help::BALSA_VERSION,
            "etcd-version" = help::ETCD_VERSION,
            "name" = self.name,
            "data-dir":% = self.data_dir.display(),
            "listen-client-urls" = sockets(&self.listen_clients),
            "advertise-client-urls" = urls::joined(&self.advertise_clients),
            "listen-peer-urls" = sockets(&self.listen_peers),
            "initial-advertise-peer-urls" = urls::joined(&self.initial.advertise_peers),
            "initial-cluster" = self.initial.cluster_text(&self.name),
            "initial-cluster-state" = if self.initial.existing { "existing" } else { "new" },
            "initial-cluster-token" = self.initial.token,
            "heartbeat-interval":? = self.heartbeat_interval,
            "election-timeout":? = self.election_timeout,
            "pre-vote" = self.pre_vote,
            "auto-compaction":? = self.auto_compaction,
            "client-threads" = self.client_threads,
            "force-new-cluster" = self.force_new_cluster,
            "log-level" = self.log.severity.as_str();
            "starting balsa"
        );
        for note in &self.notes {
            log_note(note);
        }
    }
}

fn log_note(note: &Note) {
    match note {
        Note::NoDifference { origin, value, why } => log::info!(
            "option":% = origin, "value" = value, "why" = why; "option makes no difference"
        ),
        Note::UnknownVariable(name) => log::warn!("variable" = name; "unknown environment variable"),
        Note::VersionVariable => log::warn!("variable" = "ETCD_VERSION"; "environment variable ignored"),
    }
}

/// Clients follow the advertised URLs: a default would lead them elsewhere.
fn advertises_what_it_listens_to(settings: &Settings) -> Result<(), Stop> {
    let given = |name| settings.origin(name).is_some();
    if given("listen-client-urls") && !given("advertise-client-urls") {
        return Err(Stop::AdvertiseMissing);
    }
    Ok(())
}

/// The heartbeat interval and the election timeout.
fn timings(settings: &Settings) -> Result<(Duration, Duration), Stop> {
    let heartbeat = settings.number("heartbeat-interval");
    let election = settings.number("election-timeout");
    if heartbeat == 0 {
        return Err(Stop::NoHeartbeat);
    }
    if election > ELECTION_MS_MAX {
        return Err(Stop::ElectionLong(election));
    }
    if election / HEARTBEATS_MIN < heartbeat {
        return Err(Stop::ElectionShort { election, heartbeat });
    }
    let of_ms = |ms: i64| Duration::from_millis(ms.unsigned_abs());
    Ok((of_ms(heartbeat), of_ms(election)))
}

/// How many threads serve clients.
fn client_threads(settings: &Settings) -> Result<usize, Stop> {
    let text = settings.text("client-threads");
    if text == "auto" {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        return Ok(host::threads_by_itself(processors));
    }
    let number = text
        .parse()
        .ok()
        .filter(|&number| number <= host::CLIENT_THREADS_MAX);
    number.ok_or_else(|| settings.refused("client-threads", &text, "want auto, or a number from 0 to 64"))
}

/// How long a watcher is told nothing before it hears how far it is. The flag has two names: etcd 3.5's and 3.6's.
fn watch_progress_interval(settings: &Settings) -> Result<Duration, Stop> {
    let (old, new) = (
        "experimental-watch-progress-notify-interval",
        "watch-progress-notify-interval",
    );
    let flag = if settings.origin(new).is_some() { new } else { old };
    let interval = settings.interval(flag);
    if interval < WATCH_PROGRESS_INTERVAL_MIN {
        let given = format!("{interval:?}");
        return Err(settings.refused(flag, &given, "want at least 100ms"));
    }
    Ok(interval)
}

/// What history to compact: in the mode `periodic` the retention is a length of time, or a number of hours; in the mode
/// `revision` a number of revisions. None of it is off.
fn auto_compaction(settings: &Settings) -> Result<AutoCompaction, Stop> {
    let (mode_flag, retention_flag) = ("auto-compaction-mode", "auto-compaction-retention");
    let retention = settings.text(retention_flag);
    let number = retention.parse::<u32>().ok();
    match settings.text(mode_flag).as_str() {
        _ if retention.is_empty() || number == Some(0) => Ok(AutoCompaction::Off),
        "revision" => number
            .map(|kept| AutoCompaction::Revisions(kept.into()))
            .ok_or_else(|| {
                settings.refused(retention_flag, &retention, "want a number of revisions to keep")
            }),
        "periodic" => {
            let hours = number.map(|hours| Duration::from_secs(3600) * hours);
            let age = hours.or_else(|| match Kind::Interval.parse(&retention) {
                Ok(Value::Interval(nanoseconds)) => u64::try_from(nanoseconds).ok().map(Duration::from_nanos),
                _ => None,
            });
            match age {
                Some(Duration::ZERO) => Ok(AutoCompaction::Off),
                Some(age) => Ok(AutoCompaction::Periodic(age)),
                None => Err(settings.refused(
                    retention_flag,
                    &retention,
                    "want a number of hours or a length of time such as 30m",
                )),
            }
        }
        mode => Err(settings.refused(mode_flag, mode, "want periodic or revision")),
    }
}

/// Where to listen: addresses, since a name may mean another machine.
fn listen(settings: &Settings, flag: &'static str) -> Result<Vec<SocketAddr>, Stop> {
    let mut addresses = Vec::new();
    for url in settings.urls(flag) {
        in_clear(settings, flag, &url)?;
        let address = url.socket_address().ok_or(Stop::BindName { flag, url })?;
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    Ok(addresses)
}

/// Where others reach this member: names are welcome, and must name something.
fn advertise(settings: &Settings, flag: &'static str) -> Result<Vec<Url>, Stop> {
    let urls = settings.urls(flag);
    for url in &urls {
        in_clear(settings, flag, url)?;
        if url.host().is_empty() || url.port() == 0 {
            return Err(Stop::Unreachable {
                flag,
                url: url.clone(),
            });
        }
    }
    Ok(urls)
}

fn in_clear(settings: &Settings, flag: &'static str, url: &Url) -> Result<(), Stop> {
    let why = match url.scheme() {
        Scheme::Http => return Ok(()),
        Scheme::Https | Scheme::Unixs => "TLS is not supported yet: use http",
        Scheme::Unix => "sockets in the file system are not supported: use http",
    };
    Err(settings.refused(flag, &url.to_string(), why))
}

fn log(settings: &Settings) -> Result<LogConfig, Stop> {
    match settings.text("logger").as_str() {
        "zap" => {}
        "capnslog" => {
            return Err(settings.refused("logger", "capnslog", "etcd 3.5 has removed it: use zap"));
        }
        other => return Err(settings.refused("logger", other, "unknown logger: use zap")),
    }
    let severity = match settings.switch("debug") {
        true => Severity::Debug,
        false => Severity::named(&settings.text("log-level")),
    };
    let text = settings.text("log-outputs");
    let mut outputs = Vec::new();
    for output in text.split(',').map(str::trim) {
        match output {
            "" => return Err(settings.refused("log-outputs", &text, "an output has no name")),
            "systemd/journal" => {
                let why = "the journal is not supported: with stderr, systemd puts the log there itself";
                return Err(settings.refused("log-outputs", output, why));
            }
            "default" if text != "default" => {
                return Err(settings.refused(
                    "log-outputs",
                    &text,
                    "default cannot stand beside other outputs",
                ));
            }
            "default" => outputs.push("stderr".to_owned()),
            _ if outputs.iter().any(|given| given == output) => {}
            _ => outputs.push(output.to_owned()),
        }
    }
    Ok(LogConfig { severity, outputs })
}

fn sockets(addresses: &[SocketAddr]) -> String {
    let urls: Vec<String> = addresses
        .iter()
        .map(|address| format!("http://{address}"))
        .collect();
    urls.join(",")
}
