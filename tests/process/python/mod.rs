//! Clients of etcd in Python, from PyPI, as their users use them.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::cluster::{CALM, Cluster, Server, get_v2, get_v3, has, skipped};

/// The packages, pinned: a new release must not break an old commit.
const PACKAGES: &[&str] = &["python-etcd==0.4.5", "etcd3gw==2.7.0"];

/// The interpreter of a virtual environment that has the packages, below `target/`: made once, and kept until the list
/// changes. None if there is no python3 that can make it.
fn interpreter() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_TARGET_TMPDIR"));
    fs::create_dir_all(root).expect("a directory below target/");
    // One at a time, be it threads or processes; the lock goes with the file.
    let guard = File::create(root.join("python.lock")).expect("a lock file");
    guard.lock().expect("a lock");
    let home = root.join("python");
    let (python, made) = (home.join("bin/python"), home.join("made-with"));
    if fs::read_to_string(&made).ok() == Some(PACKAGES.join(" ")) && has(python.to_str()?, "--version") {
        return Some(python);
    }
    if !has_venv() {
        return None;
    }
    let _ = fs::remove_dir_all(&home);
    run(Command::new("python3").args(["-m", "venv"]).arg(&home));
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
    run(Command::new(&python).args(pip).args(PACKAGES));
    fs::write(made, PACKAGES.join(" ")).expect("a file below target/");
    Some(python)
}

/// Whether there is a python3 that can make virtual environments; Debian's can only with the package python3-venv.
fn has_venv() -> bool {
    let asked = Command::new("python3")
        .args(["-c", "import ensurepip"])
        .stderr(Stdio::null())
        .status();
    asked.is_ok_and(|status| status.success())
}

/// Runs a program that must succeed.
fn run(command: &mut Command) {
    let ran = command
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let (out, err) = (
        String::from_utf8_lossy(&ran.stdout),
        String::from_utf8_lossy(&ran.stderr),
    );
    assert!(ran.status.success(), "{command:?}: {}\n{out}{err}", ran.status);
}

/// Runs a script of this folder against a server.
fn run_script(script: &str, server: &Server) {
    let Some(python) = interpreter() else {
        return skipped("python3 with venv is missing, so its clients are not tested");
    };
    let script = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../tests/process/python")
        .join(script);
    let (host, port) = (server.client.ip().to_string(), server.client.port().to_string());
    run(Command::new(python).arg(script).args([host, port]));
}

#[test]
fn python_etcd_on_one_node() {
    let server = Server::start("alone");
    run_script("python_etcd.py", &server);
}

#[test]
fn etcd3gw_on_one_node() {
    let server = Server::start("alone");
    run_script("etcd3gw_calls.py", &server);
}

#[test]
fn python_clients_of_a_follower() {
    let cluster = Cluster::start(3, CALM);
    run_script("python_etcd.py", cluster.a_follower());
    run_script("etcd3gw_calls.py", cluster.a_follower());
    if interpreter().is_some() {
        // What they wrote is there on every member.
        for member in &cluster.members {
            let read = get_v2(&mut member.http(), "roaming", true).expect("a read");
            assert_eq!(read.0.as_deref(), Some("1"), "{}", member.name);
            let read = get_v3(&mut member.http(), "lisu").expect("a read");
            assert_eq!(read.0.as_deref(), Some("beyond"), "{}", member.name);
        }
    }
}
