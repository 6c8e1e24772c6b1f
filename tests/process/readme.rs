//! The commands in README.md, typed as they are printed, but for the address: each run of the tests has its own.

use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};

use crate::cluster::{BALSA, Http, Log, Server, has, loopback, skipped, until};

/// The commands of the section with this heading.
fn commands(heading: &str) -> String {
    let readme = include_str!("../../README.md");
    let section = readme
        .split(&format!("\n### {heading}\n"))
        .nth(1)
        .expect("README.md has the section");
    let block = section.split("```sh\n").nth(1).expect("the section has commands");
    block.split("```").next().expect("the block ends").to_owned()
}

/// Runs a line, in which curl is to take errors for errors, and gives what it prints.
fn shell(line: &str) -> String {
    let line = line.replacen("curl ", "curl -sSf --retry 5 ", 1);
    let ran = Command::new("sh")
        .args(["-c", &line])
        .stdin(Stdio::null())
        .output()
        .expect("a shell can be run");
    assert!(
        ran.status.success(),
        "{line}: {}",
        String::from_utf8_lossy(&ran.stderr)
    );
    String::from_utf8(ran.stdout).expect("text")
}

#[test]
fn the_tour_works_as_printed() {
    if !has("curl", "--version") {
        return skipped("curl is missing");
    }
    for (heading, last) in [
        ("v2, with curl", "\"action\":\"delete\""),
        ("v3, with curl (keys and values in base64)", "true"),
    ] {
        let server = Server::start("alone");
        let commands = commands(heading).replace("127.0.0.1:2379", &server.client.to_string());
        let printed: Vec<String> = commands.lines().map(shell).collect();
        assert!(printed.len() >= 5, "{commands}");
        assert!(
            printed.last().expect("there are some").contains(last),
            "{printed:?}"
        );
    }
}

/// A shell whose children end with it.
struct Group(Child);

impl Drop for Group {
    fn drop(&mut self) {
        let group = format!("-{}", self.0.id());
        let _ = Command::new("kill").args(["-s", "KILL", "--", &group]).status();
        let _ = self.0.wait();
    }
}

#[test]
fn three_nodes_start_as_printed() {
    if !has("curl", "--version") {
        return skipped("curl is missing");
    }
    let home = tempfile::tempdir().expect("a temporary directory");
    let block = commands("Three nodes on one machine");
    let block = block
        .replace("127.0.0.1", &loopback().to_string())
        .replace("target/release/balsa", BALSA);
    let first_curl = block.find("\ncurl ").expect("some are asked");
    let (start, ask) = block.split_at(first_curl);
    let shell_of_all = Command::new("sh")
        .args(["-c", &format!("{start}\nwait")])
        .current_dir(home.path())
        .process_group(0)
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .spawn();
    let mut group = Group(shell_of_all.expect("a shell can be run"));
    let _log = Log::of(group.0.stderr.take().expect("standard error is a pipe"));
    for port in [12379, 22379, 32379] {
        let mut http = Http::new((loopback(), port).into());
        until("each answers", || {
            http.get("/health").is_ok_and(|answer| answer.status == 200)
        });
    }
    let printed: Vec<String> = ask.trim().lines().map(shell).collect();
    assert!(printed[0].contains("\"action\":\"set\""), "{printed:?}");
    assert!(printed[1].contains("\"value\":\"1\""), "{printed:?}");
    assert_eq!(printed[2].matches("\"name\"").count(), 3, "{printed:?}");
    for name in ["n1.balsa", "n2.balsa", "n3.balsa"] {
        assert!(home.path().join(name).is_dir(), "{name}");
    }
}
