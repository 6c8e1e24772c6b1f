//! Running out of descriptors. The limit is the whole process's, so the test runs itself in a process of its own, under a
//! shell that lowers the limit first.

use std::fs::File;
use std::process::Command;

use super::*;

/// Set in the process with few descriptors.
const MARK: &str = "NET_TEST_FEW_DESCRIPTORS";
const NAME: &str = "event_loop::tests::exhaustion::without_descriptors_accepting_rests_and_goes_on_later";

#[test]
fn without_descriptors_accepting_rests_and_goes_on_later() {
    if std::env::var_os(MARK).is_some() {
        return accept_without_descriptors();
    }
    let test = std::env::current_exe().expect("a path");
    let output = Command::new("sh")
        .args(["-c", r#"ulimit -n 64 && exec "$0" --exact "$1" --nocapture"#])
        .arg(test)
        .arg(NAME)
        .env(MARK, "1")
        .output()
        .expect("a shell");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{output:?}");
}

fn accept_without_descriptors() {
    let mut server = Server::new(10);
    let mut hoard: Vec<File> = std::iter::from_fn(|| File::open("/dev/null").ok()).collect();
    assert!(hoard.len() > 10, "the limit was not lowered as far as this");
    // One for the client's end; none is left for the server's.
    hoard.pop();
    let mut client = server.client();
    client.write_all(b"let me in").expect("written");
    let (events, turns) = server.settle();
    assert!(events.is_empty(), "{events:?}");
    assert!(turns < 10, "{turns} turns in a fifth of a second: it spins");

    // The listener comes back by itself: no connection of the loop closes here.
    hoard.clear();
    let connection = server.until("the connection", |event| match event {
        Event::Accepted { connection, .. } => Some(*connection),
        _ => None,
    });
    server.expect_input(connection, b"let me in");

    // And at once when a connection of the loop closes.
    hoard.extend(std::iter::from_fn(|| File::open("/dev/null").ok()));
    hoard.pop();
    let _second = server.client();
    assert!(server.settle().0.is_empty());
    server.event_loop.close(connection);
    server.until("the second", |event| {
        matches!(event, Event::Accepted { .. }).then_some(())
    });
}
