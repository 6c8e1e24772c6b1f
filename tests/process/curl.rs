//! What the server tells a new user to type, typed.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::cluster::{Server, has, skipped, until};

/// Runs a line in a shell, and gives what it prints.
fn shell(line: &str, home: &Path) -> String {
    let ran = Command::new("sh")
        .args(["-c", line])
        .current_dir(home)
        .stdin(Stdio::null())
        .output();
    let ran = ran.expect("a shell can be run");
    assert!(ran.status.success(), "{line}: {ran:?}");
    String::from_utf8(ran.stdout).expect("text")
}

/// Starts a server without any argument. Its ports are the same for everybody on this machine: waits until they are free.
fn start_bare() -> Server {
    let mut server = Server::bare();
    until("ports 2379 and 2380 are free", || {
        server.spawn();
        let serves = server.log().wait_for_or_end("\"serving\"").is_some();
        if !serves {
            server.wait_end();
            let log = server.log().lines().join("\n");
            assert!(log.contains("cannot listen at"), "a bare start fails:\n{log}");
        }
        serves
    });
    server
}

#[test]
fn the_lines_shown_by_a_bare_start_work_as_printed() {
    if !has("curl", "--version") {
        return skipped("curl is missing");
    }
    let server = start_bare();
    server.log().wait_for("/v3/kv/put");
    let lines = server.log().lines_with("curl ");
    assert_eq!(lines.len(), 3, "{lines:?}");
    let shown: Vec<serde_json::Value> = lines
        .iter()
        .map(|line| {
            let printed = shell(line, server.home());
            serde_json::from_str(&printed).unwrap_or_else(|error| panic!("{error}: {line} printed {printed}"))
        })
        .collect();
    assert_eq!(
        (&shown[0]["action"], &shown[0]["node"]["value"]),
        (&"set".into(), &"world".into())
    );
    assert_eq!(
        (&shown[1]["action"], &shown[1]["node"]["value"]),
        (&"get".into(), &"world".into())
    );
    assert_eq!(shown[2]["header"]["revision"], "2");
    assert!(
        server.home().join("default.balsa").is_dir(),
        "the data directory has the name that the papers say"
    );
}

#[test]
fn curl_sends_a_large_body_after_asking() {
    if !has("curl", "--version") {
        return skipped("curl is missing");
    }
    let server = Server::start("alone");
    let value = "x".repeat(1_000_000);
    std::fs::write(server.home().join("form"), format!("value={value}")).expect("a file");
    let curl = format!(
        "curl -sS -v -H 'Expect: 100-continue' -X PUT {}/v2/keys/large --data-binary @form 2>trace",
        server.client_url()
    );
    let answer: serde_json::Value = serde_json::from_str(&shell(&curl, server.home())).expect("JSON");
    assert_eq!(answer["node"]["value"], value.as_str());
    let trace = std::fs::read_to_string(server.home().join("trace")).expect("what curl says");
    assert!(trace.contains("< HTTP/1.1 100 Continue"), "{trace}");
    assert!(trace.contains("< HTTP/1.1 201 Created"), "{trace}");
    assert!(
        !trace.contains("Done waiting for 100-continue"),
        "curl had to lose patience: {trace}"
    );
}
