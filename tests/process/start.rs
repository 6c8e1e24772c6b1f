//! From the command line to a running server, and to its end: flags, variables, directories, logs, signals, exit codes.

use std::time::{Duration, Instant};

use crate::cluster::{Server, free_address, put_v2, run, run_in};

/// Arguments, variables, the exit code, and what the last line must name.
type Refused<'a> = (&'a [&'a str], &'a [(&'a str, &'a str)], i32, &'a str);

#[test]
fn what_cannot_be_understood_is_refused_by_name() {
    let refused: &[Refused<'_>] = &[
        (&["--nope"], &[], 2, "--nope"),
        (&["-nope=1"], &[], 2, "--nope"),
        (&["--name"], &[], 2, "--name"),
        (
            &["--initial-cluster-state=bogus"],
            &[],
            2,
            "--initial-cluster-state",
        ),
        (&["--heartbeat-interval", "soon"], &[], 2, "--heartbeat-interval"),
        (
            &["--listen-client-urls", "localhost:2379"],
            &[],
            2,
            "--listen-client-urls",
        ),
        (
            &[],
            &[("ETCD_HEARTBEAT_INTERVAL", "soon")],
            1,
            "ETCD_HEARTBEAT_INTERVAL",
        ),
        (&["serve"], &[], 1, "serve"),
        (&["--enable-v2", "true"], &[], 1, "true"),
        (&["--name=n1"], &[("ETCD_NAME", "n2")], 1, "ETCD_NAME"),
        (&["--heartbeat-interval=500"], &[], 1, "--election-timeout"),
        (
            &["--listen-client-urls=http://127.0.0.1:1"],
            &[],
            1,
            "--advertise-client-urls",
        ),
        (
            &["--name=x", "--initial-cluster=y=http://127.0.0.1:1"],
            &[],
            1,
            "--initial-cluster",
        ),
        (&["--cert-file=server.crt"], &[], 1, "--cert-file"),
        (&["--log-outputs=/no/such/directory/log"], &[], 1, "--log-outputs"),
    ];
    for (args, variables, code, named) in refused {
        let home = tempfile::tempdir().expect("a temporary directory");
        let ended = run_in(home.path(), args, variables);
        let last = ended.stderr.lines().last().unwrap_or_default();
        assert!(
            ended.code == Some(*code) && last.contains(named),
            "{args:?} {variables:?}: {ended:?}"
        );
        assert_eq!(ended.stdout, "", "{args:?}");
        let left: Vec<_> = std::fs::read_dir(home.path()).expect("a directory").collect();
        assert!(left.is_empty(), "{args:?} leaves {left:?}");
    }
}

#[test]
fn help_and_version_are_answers() {
    for (flag, says) in [
        ("--help", "--initial-cluster"),
        ("-h", "--data-dir"),
        ("--version", "etcd Version: 3."),
    ] {
        let ended = run(&[flag], &[]);
        assert!(
            ended.code == Some(0) && ended.stderr.is_empty(),
            "{flag}: {ended:?}"
        );
        assert!(ended.stdout.contains(says), "{flag}: {ended:?}");
    }
}

/// The arguments for a further process with ports of its own.
fn elsewhere() -> Vec<String> {
    let (client, peer) = (free_address(), free_address());
    vec![
        format!("--listen-client-urls=http://{client}"),
        format!("--advertise-client-urls=http://{client}"),
        format!("--listen-peer-urls=http://{peer}"),
        format!("--initial-advertise-peer-urls=http://{peer}"),
    ]
}

fn refused(args: &[String], home: &std::path::Path) -> String {
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let ended = run_in(home, &args, &[]);
    assert_eq!(ended.code, Some(1), "{args:?}: {ended:?}");
    ended.stderr.lines().last().unwrap_or_default().to_owned()
}

#[test]
fn a_directory_has_one_master() {
    let server = Server::start("alone");
    let mut args = elsewhere();
    args.extend([
        "--name=alone".to_owned(),
        format!("--data-dir={}", server.data_dir().display()),
    ]);
    let line = refused(&args, server.home());
    assert!(
        line.contains("alone.balsa is in use: another process holds its lock"),
        "{line}"
    );
    put_v2(&mut server.http(), "still", "here").expect("the first is not disturbed");
}

#[test]
fn data_of_etcd_is_left_alone() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let wal = home.path().join("old.etcd/member/wal");
    std::fs::create_dir_all(&wal).expect("a directory");
    std::fs::write(wal.join("0000000000000000-0000000000000000.wal"), "precious").expect("a file");
    let mut args = elsewhere();
    args.push("--data-dir=old.etcd".to_owned());
    let line = refused(&args, home.path());
    assert!(line.contains("--data-dir=old.etcd holds data of etcd"), "{line}");
    let names: Vec<_> = std::fs::read_dir(home.path().join("old.etcd"))
        .expect("a directory")
        .collect();
    assert_eq!(names.len(), 1, "{names:?}");
}

#[test]
fn a_port_in_use_is_named_and_nothing_is_founded() {
    let server = Server::start("alone");
    for (flag, taken) in [("client", server.client), ("peer", server.peer)] {
        let mut args = elsewhere();
        // Of a flag given twice the last counts.
        args.push(format!("--listen-{flag}-urls=http://{taken}"));
        let home = tempfile::tempdir().expect("a temporary directory");
        let line = refused(&args, home.path());
        assert!(line.contains(&format!("cannot listen at {taken}")), "{line}");
        assert!(
            !home.path().join("default.balsa").exists(),
            "a data directory was made"
        );
    }
}

#[test]
fn signals_end_it_well_and_soon() {
    for signal in ["TERM", "INT"] {
        let mut server = Server::start("alone");
        let mut idle = server.http();
        put_v2(&mut idle, "before", signal).expect("a write");
        let asked = Instant::now();
        server.signal(signal);
        assert_eq!(server.wait_end().code(), Some(0), "SIG{signal}");
        // A client that keeps its connection open is not waited for: that would take 5 s.
        assert!(
            asked.elapsed() < Duration::from_secs(4),
            "SIG{signal} took {:?}",
            asked.elapsed()
        );
        assert_eq!(
            server
                .log()
                .lines_with(&format!("\"signal\":\"SIG{signal}\""))
                .len(),
            1
        );
        server.restart();
        assert!(
            server
                .http()
                .get("/v2/keys/before")
                .expect("an answer")
                .text()
                .contains(signal)
        );
    }
}

#[test]
fn the_log_goes_where_it_is_sent() {
    let mut server = Server::new("alone");
    server
        .args(&["--log-outputs=stderr,balsa.log", "--log-level=debug"])
        .restart();
    let file = || std::fs::read_to_string(server.home().join("balsa.log")).expect("a log");
    assert!(
        file().contains("\"serving\"") && file().contains("\"level\":\"debug\""),
        "{}",
        file()
    );
    for line in file().lines() {
        let json: serde_json::Value =
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert!(
            json["level"].is_string() && json["ts"].is_string() && json["msg"].is_string(),
            "{line}"
        );
    }
    assert!(
        file().starts_with(&server.log().lines()[0]),
        "both outputs get the same"
    );
    let before = file().len();
    server.stop();
    server.restart();
    let after = std::fs::read_to_string(server.home().join("balsa.log")).expect("a log");
    assert!(
        after.len() > before && after.contains("stopped"),
        "a restart goes on with the file"
    );
}

#[test]
fn names_come_from_flags_and_variables() {
    let mut by_variable = Server::nameless("envy");
    by_variable
        .shell(Some("export ETCD_NAME=envy ETCD_UNHEARD_OF=1"))
        .restart();
    let mut by_one_dash = Server::nameless("n1");
    by_one_dash.args(&["-name", "n1"]).restart();
    for server in [&by_variable, &by_one_dash] {
        assert!(server.data_dir().is_dir(), "{} names its directory", server.name);
        let members = server.http().get("/v2/members").expect("an answer").json();
        assert_eq!(members["members"][0]["name"], server.name.as_str(), "{members}");
    }
    by_variable.log().wait_for("ETCD_UNHEARD_OF");
}

#[test]
fn a_new_name_is_published_at_the_next_start() {
    let mut server = Server::nameless("old");
    server
        .args(&["--data-dir=here"])
        .shell(Some("export ETCD_NAME=old"))
        .restart();
    server.stop();
    server
        .shell(Some(
            "export ETCD_NAME=new ETCD_INITIAL_CLUSTER_TOKEN=ignored-by-now",
        ))
        .restart();
    let mut http = server.http();
    crate::cluster::until("the new name is there", || {
        http.get("/v2/members").expect("an answer").json()["members"][0]["name"] == "new"
    });
}
