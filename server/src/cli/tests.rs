//! What command lines and environments come to, down to each refusal's text and exit code.

use std::time::Duration;

use super::*;
use crate::logging::Severity;

fn start_with(arguments: &[&str], variables: &[(&str, &str)]) -> Result<Start, Stop> {
    parse(
        arguments.iter().map(OsString::from),
        variables.iter().map(|(name, value)| (name.into(), value.into())),
    )
}

fn config(arguments: &[&str]) -> Config {
    match start_with(arguments, &[]) {
        Ok(Start::Serve(config)) => *config,
        other => panic!("{arguments:?}: {other:?}"),
    }
}

fn printed(arguments: &[&str]) -> String {
    match start_with(arguments, &[]) {
        Ok(Start::Print(text)) => text,
        other => panic!("{arguments:?}: {other:?}"),
    }
}

/// Each command line, split at blanks, with the exit code and the one line it must come to.
fn refused(cases: &[(&str, u8, &str)]) {
    for (line, code, message) in cases {
        let arguments: Vec<&str> = line.split_whitespace().collect();
        match start_with(&arguments, &[]) {
            Err(stop) => assert_eq!(
                (stop.to_string().as_str(), stop.code()),
                (*message, *code),
                "{line}"
            ),
            Ok(start) => panic!("{line}: {start:?}"),
        }
    }
}

#[test]
fn the_defaults_serve_on_this_machine_alone() {
    let config = config(&[]);
    assert!(config.bare);
    assert_eq!(config.name, "default");
    assert_eq!(config.data_dir.to_str(), Some("default.balsa"));
    assert_eq!(config.listen_clients, ["127.0.0.1:2379".parse().unwrap()]);
    assert_eq!(config.listen_peers, ["127.0.0.1:2380".parse().unwrap()]);
    assert_eq!(config.advertise_clients[0].as_str(), "http://localhost:2379");
    assert_eq!(config.heartbeat_interval, Duration::from_millis(100));
    assert_eq!(config.election_timeout, Duration::from_secs(1));
    assert_eq!(config.log.severity, Severity::Info);
    assert_eq!(config.log.outputs, ["stderr"]);
    let founding = config.initial.found(&config.name).unwrap();
    assert_eq!(founding.cluster_id, 0xcdf8_1819_4e3a_8c32);
}

#[test]
fn values_are_given_in_three_ways() {
    for arguments in [
        &["--name", "n1"][..],
        &["--name=n1"],
        &["-name", "n1"],
        &["-name=n1"],
    ] {
        let config = config(arguments);
        assert_eq!(config.name, "n1", "{arguments:?}");
        assert_eq!(config.data_dir.to_str(), Some("n1.balsa"));
        assert!(!config.bare);
    }
    assert_eq!(config(&["--name", "--odd"]).name, "--odd");
    assert_eq!(config(&["--name=a=b"]).name, "a=b");
    assert_eq!(config(&["--name", "a", "--name", "b", "--"]).name, "b");
    assert_eq!(config(&["--data-dir="]).data_dir.to_str(), Some("default.balsa"));
}

#[test]
fn a_cluster_of_three_is_told_by_flags() {
    let config = config(&[
        "--name=n2",
        "--listen-client-urls=http://0.0.0.0:2379,http://[::1]:2379,http://localhost:1,http://127.0.0.1:1",
        "--advertise-client-urls=http://node2:2379",
        "--listen-peer-urls=http://10.0.0.2:2380",
        "--initial-advertise-peer-urls=http://node2:2380",
        "--initial-cluster=n1=http://node1:2380,n2=http://node2:2380,n3=http://node3:2380",
        "--heartbeat-interval=200",
        "--election-timeout=1000",
    ]);
    assert_eq!(config.listen_clients.len(), 3);
    assert_eq!(config.heartbeat_interval * 5, config.election_timeout);
    let founding = config.initial.found(&config.name).unwrap();
    assert_eq!(founding.members.len(), 3);
    assert_eq!(founding.members[&founding.member_id].name, "n2");
}

#[test]
fn logs_go_where_they_are_sent() {
    let outputs = |text: &str| config(&[&format!("--log-outputs={text}")]).log.outputs;
    assert_eq!(outputs("default"), ["stderr"]);
    assert_eq!(
        outputs("stdout,/tmp/b.log, stderr,stdout"),
        ["stdout", "/tmp/b.log", "stderr"]
    );
    assert_eq!(config(&["--log-level=fatal"]).log.severity, Severity::Fatal);
    assert_eq!(
        config(&["--debug", "--log-level=warn"]).log.severity,
        Severity::Debug
    );
    assert_eq!(
        config(&["--logger=zap", "--debug=false"]).log.severity,
        Severity::Info
    );
}

#[test]
fn help_and_version_are_printed() {
    assert_eq!(printed(&["--help"]), help::help());
    assert_eq!(printed(&["-h", "--bogus"]), help::help());
    assert_eq!(printed(&["--name", "a", "--version"]), help::version());
    assert_eq!(config(&["--version=false"]).name, "default");
}

#[test]
fn a_line_that_cannot_be_read_ends_with_2() {
    refused(&[
        (
            "--bogus",
            2,
            "flag provided but not defined: --bogus (see balsa --help)",
        ),
        (
            "-bogus=1",
            2,
            "flag provided but not defined: --bogus (see balsa --help)",
        ),
        ("---name", 2, "bad flag syntax: ---name (see balsa --help)"),
        ("-=x", 2, "bad flag syntax: -=x (see balsa --help)"),
        ("--name", 2, "flag needs a value: --name (see balsa --help)"),
        (
            "--version=maybe",
            2,
            "invalid value \"maybe\" for --version: want true or false (see balsa --help)",
        ),
        (
            "--initial-cluster-state=bogus",
            2,
            "invalid value \"bogus\" for --initial-cluster-state: want one of new, existing (see balsa --help)",
        ),
        (
            "--heartbeat-interval x",
            2,
            "invalid value \"x\" for --heartbeat-interval: want a whole number from 0 (see balsa --help)",
        ),
        (
            "--enable-pprof=maybe",
            2,
            "invalid value \"maybe\" for --enable-pprof: want true or false (see balsa --help)",
        ),
        (
            "--log-level=loud",
            2,
            "invalid value \"loud\" for --log-level: want one of debug, info, warn, error, dpanic, panic, fatal (see \
             balsa --help)",
        ),
        (
            "--listen-client-urls=foo://a:1",
            2,
            "invalid value \"foo://a:1\" for --listen-client-urls: URL scheme must be http, https, unix, or unixs: \
             foo://a:1 (see balsa --help)",
        ),
        (
            "--listen-peer-urls=",
            2,
            "invalid value \"\" for --listen-peer-urls: want at least one URL (see balsa --help)",
        ),
    ]);
}

#[test]
fn what_is_no_flag_ends_with_1() {
    let message =
        "'true' is not a valid flag: a value of true or false needs an equals sign, as in --name=value";
    refused(&[
        ("--enable-v2 true", 1, message),
        ("-- true", 1, message),
        (
            "gateway start",
            1,
            "the sub-command 'gateway' is not supported yet",
        ),
    ]);
}

#[test]
fn values_that_do_not_go_together_end_with_1() {
    refused(&[
        (
            "--heartbeat-interval=0",
            1,
            "--heartbeat-interval must be >0 (set to 0ms)",
        ),
        (
            "--heartbeat-interval=201",
            1,
            "--election-timeout[1000ms] should be at least as 5 times as --heartbeat-interval[201ms]",
        ),
        (
            "--election-timeout=50001",
            1,
            "--election-timeout[50001ms] is too long, and should be set less than 50000ms",
        ),
        (
            "--listen-client-urls=http://127.0.0.1:1",
            1,
            "--advertise-client-urls is required when --listen-client-urls is set explicitly",
        ),
        (
            "--listen-peer-urls=http://node1:2380",
            1,
            "expected IP in URL for binding (http://node1:2380) given by --listen-peer-urls",
        ),
        (
            "--initial-advertise-peer-urls=http://:2380",
            1,
            "--initial-advertise-peer-urls must name a host and a port that others can reach: http://:2380",
        ),
        (
            "--advertise-client-urls=http://node1:0",
            1,
            "--advertise-client-urls must name a host and a port that others can reach: http://node1:0",
        ),
        (
            "--auto-compaction-mode=yearly --auto-compaction-retention=1",
            1,
            "--auto-compaction-mode=yearly is refused: want periodic or revision",
        ),
        (
            "--auto-compaction-retention=-5m",
            1,
            "--auto-compaction-retention=-5m is refused: want a number of hours or a length of time such as 30m",
        ),
        (
            "--experimental-watch-progress-notify-interval=99ms",
            1,
            "--experimental-watch-progress-notify-interval=99ms is refused: want at least 100ms",
        ),
        (
            "--watch-progress-notify-interval=-5m",
            1,
            "--watch-progress-notify-interval=0ns is refused: want at least 100ms",
        ),
        (
            "--auto-compaction-mode=revision --auto-compaction-retention=1h",
            1,
            "--auto-compaction-retention=1h is refused: want a number of revisions to keep",
        ),
    ]);
}

#[test]
fn what_balsa_does_not_do_is_refused_with_a_sentence() {
    refused(&[
        (
            "--listen-peer-urls=https://127.0.0.1:2380",
            1,
            "--listen-peer-urls=https://127.0.0.1:2380 is refused: TLS is not supported yet: use http",
        ),
        (
            "--advertise-client-urls=unix://a:1",
            1,
            "--advertise-client-urls=unix://a:1 is refused: sockets in the file system are not supported: use http",
        ),
        (
            "--client-cert-auth",
            1,
            "--client-cert-auth=true is refused: TLS is not supported yet",
        ),
        (
            "--enable-v2=false",
            1,
            "--enable-v2=false is refused: the v2 API is always served",
        ),
        (
            "--addr=a:1",
            1,
            "--addr=a:1 is refused: it belongs to etcd 0.4: use --advertise-client-urls",
        ),
        (
            "--logger=capnslog",
            1,
            "--logger=capnslog is refused: etcd 3.5 has removed it: use zap",
        ),
        ("--logger=x", 1, "--logger=x is refused: unknown logger: use zap"),
        (
            "--log-outputs=stderr,systemd/journal",
            1,
            "--log-outputs=systemd/journal is refused: the journal is not supported: with stderr, systemd puts the \
             log there itself",
        ),
        (
            "--log-outputs=default,stdout",
            1,
            "--log-outputs=default,stdout is refused: default cannot stand beside other outputs",
        ),
        (
            "--log-outputs=a,,b",
            1,
            "--log-outputs=a,,b is refused: an output has no name",
        ),
    ]);
}

#[test]
fn every_flag_is_refused_with_its_name_or_taken() {
    for flag in flags::all() {
        let argument = format!("--{}=nonsense://", flag.name);
        if let Err(stop) = start_with(&[&argument], &[]) {
            assert!(stop.to_string().contains(&format!("--{}", flag.name)), "{stop}");
            assert!(!stop.to_string().contains('\n'), "{stop}");
        }
    }
}

#[test]
fn flags_that_make_no_difference_are_taken() {
    config(&[
        "--snapshot-catchup-entries=5000",
        "--enable-v2",
        "--enable-v2=T",
        "--max-wals=0",
        "--backend-batch-interval=100ms",
        "--experimental-corrupt-check-time=0",
        "--auth-token=simple",
        "--cert-file=",
        "--proxy",
        "off",
        "-f",
        "-v",
        "--snapshot=anything",
    ]);
}

#[test]
fn variables_and_flags_make_one_configuration() {
    let variables = [
        ("ETCD_DATA_DIR", "/data"),
        ("ETCD_FOO", "x"),
        ("ETCD_LOG_LEVEL", ""),
    ];
    let Ok(Start::Serve(config)) = start_with(&["--name", "n1", "--log-level=warn"], &variables) else {
        panic!("refused");
    };
    assert_eq!(config.name, "n1");
    assert_eq!(config.data_dir.to_str(), Some("/data"));
    let stop = start_with(&["--data-dir=d"], &variables).unwrap_err();
    assert_eq!(
        stop.to_string(),
        "--data-dir and ETCD_DATA_DIR are both set: unset one of them"
    );
    let stop = start_with(&[], &[("ETCD_LISTEN_PEER_URLS", "https://127.0.0.1:1")]).unwrap_err();
    assert_eq!(
        stop.to_string(),
        "ETCD_LISTEN_PEER_URLS=https://127.0.0.1:1 is refused: TLS is not supported yet: use http"
    );
}

#[cfg(unix)]
#[test]
fn arguments_must_be_text() {
    use std::os::unix::ffi::OsStringExt;
    let odd = OsString::from_vec(b"--name=\xff".to_vec());
    let stop = parse([odd], []).unwrap_err();
    assert_eq!(
        stop.to_string(),
        "argument is not UTF-8: --name=\u{fffd} (see balsa --help)"
    );
    assert_eq!(stop.code(), 2);
    let odd = OsString::from_vec(b"\xff".to_vec());
    let stop = parse([], [("ETCD_NAME".into(), odd.clone()), ("HOME".into(), odd)]).unwrap_err();
    assert_eq!(stop.to_string(), "the value of ETCD_NAME is not UTF-8");
    assert_eq!(stop.code(), 1);
}
