//! `balsa-study` as it is used: a script, a script step by step, commands from the terminal, and what it refuses.

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

const FIGURE_8: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../tests/golden/raft/figure_8_old_terms_commit_indirectly.txt"
);

fn study(words: &[&str], typed: &str) -> (Option<i32>, String, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_balsa-study"))
        .args(words)
        .env_remove("COLUMNS")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut stdin = child.stdin.take().expect("it is piped");
    // It may have ended before it was told everything.
    let _ = stdin.write_all(typed.as_bytes());
    drop(stdin);
    let Output {
        status,
        stdout,
        stderr,
    } = child.wait_with_output().expect("it ends");
    let text = |bytes| String::from_utf8(bytes).expect("it writes text");
    (status.code(), text(stdout), text(stderr))
}

/// A file of this test alone.
fn scratch(name: &str, text: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("study-{name}"));
    fs::write(&path, text).expect("the folder is there");
    path
}

#[test]
fn a_script_runs_in_columns_and_is_judged() {
    let (code, out, _) = study(&[FIGURE_8], "");
    assert_eq!(code, Some(0), "{out}");
    assert!(out.ends_with("the trace is the one expected\n"), "{out}");
    assert!(!out.contains('\x1b'), "no colours in a file");
    let (_, wide, _) = study(&["--width=200", FIGURE_8], "");
    assert!(
        wide.contains("\nn1                                    │ n2"),
        "{wide}"
    );
    let (_, red, _) = study(&["--color=always", FIGURE_8], "");
    assert!(red.contains("\x1b[1;32mthe trace is the one expected"), "{red}");
}

#[test]
fn another_trace_is_shown_as_a_difference() {
    let text = fs::read_to_string(FIGURE_8)
        .expect("it is there")
        .replace("n5 t5 leader", "n4 t5 leader");
    let path = scratch("another", &text);
    let (code, out, _) = study(&[path.to_str().expect("it is text")], "");
    assert_eq!(code, Some(1));
    assert!(
        out.contains("\n- n4 t5 leader\n") && out.contains("\n+ n5 t5 leader\n"),
        "{out}"
    );
}

#[test]
fn a_line_that_fails_ends_the_run() {
    let path = scratch(
        "failing",
        "# A rule.\ncluster 3 leader=1\nexpect leader=2\nput 1 a\n---\n",
    );
    let (code, out, _) = study(&[path.to_str().expect("it is text")], "");
    assert_eq!(code, Some(1));
    assert!(out.ends_with("line 3: expected leader=2, found 1\n"), "{out}");
}

#[test]
fn what_cannot_be_run_is_said_with_its_line() {
    let path = scratch("unread", "# A rule.\nclutser 3\n---\n");
    for (words, said) in [
        (
            &[path.to_str().expect("it is text")][..],
            ": line 2: no command is called `clutser`",
        ),
        (&["/nowhere/at/all"], "balsa-study: /nowhere/at/all: "),
        (&["--step"], "balsa-study: --step needs a script"),
    ] {
        let (code, out, error) = study(words, "");
        assert_eq!((code, out.as_str()), (Some(2), ""), "{words:?}");
        assert!(error.contains(said), "{error}");
    }
    let (code, out, _) = study(&["--help"], "");
    assert!(code == Some(0) && out.starts_with("balsa-study: watch Raft decide"));
}

#[test]
fn steps_go_back_and_ask_why() {
    let path = scratch(
        "steps",
        "# A rule.\ncluster 3 leader=1\ncut 1->2\nhold 1->3\nput 1 a\nstabilize\n---\n",
    );
    let (code, out, _) = study(
        &["--step", path.to_str().expect("it is text")],
        "\n\n\n\nw commit 2\nb\nb\ns\n\n\n\nx\nq\n",
    );
    assert_eq!(code, Some(0), "{out}");
    assert!(
        out.contains("AppendEntries 1->2#1 was lost <- the link 1->2 was cut <- line 3 (cut 1->2)"),
        "{out}"
    );
    assert!(out.contains("back before line 5: put 1 a\n"), "{out}");
    assert!(out.contains("back before line 4: hold 1->3\n"), "{out}");
    assert_eq!(
        out.matches("\n> hold 1->3\n").count() + out.matches(" > hold 1->3\n").count(),
        2,
        "{out}"
    );
    assert!(out.contains("the script expects no trace"), "{out}");
}

#[test]
fn what_was_typed_can_be_undone_saved_and_run() {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("study-saved");
    let _ = fs::remove_file(&path);
    let file = path.to_str().expect("it is text");
    let typed = format!(
        "# a remark\ncluster 3 leader=1\nput 1 a\nput 1 wrong\nundo\nstabilize\nexpect commit(3)=2\nsave {file} A rule (Raft 5.3).\n"
    );
    let (code, out, _) = study(&[], &typed);
    assert_eq!(code, Some(0), "{out}");
    assert!(out.contains("taken back: put 1 wrong\n"), "{out}");
    let text = fs::read_to_string(&path).expect("it was saved");
    assert!(
        text.starts_with("# A rule (Raft 5.3).\ncluster 3 leader=1\nput 1 a\nstabilize\n"),
        "{text}"
    );
    let (code, out, _) = study(&[file], "");
    assert!(
        code == Some(0) && out.ends_with("the trace is the one expected\n"),
        "{out}"
    );
    let (code, out, _) = study(&[], &typed);
    assert_eq!(code, Some(1), "a file that is there is not written over: {out}");
}

#[test]
fn a_wrong_command_is_told_and_changes_nothing() {
    let (code, out, _) = study(
        &[],
        "cluster 3 leader=1\nput 9 a\nelect 1\nhistory\nundo\nundo\nhelp put\nhelp elect\n",
    );
    assert_eq!(code, Some(1));
    for said in [
        "line 3: there is no n9\n",
        "line 3: no command is called `elect`; there are ",
        "2: cluster 3 leader=1\n",
        "taken back: cluster 3 leader=1\n",
        "there is nothing to take back\n",
        "put I TEXT: a client proposes TEXT to I\n",
        "no command is called `elect`; `help` lists them\n",
    ] {
        assert!(out.contains(said), "{said}: {out}");
    }
}

#[test]
fn nobody_who_stops_reading_is_told_of_a_panic() {
    for (program, words) in [
        (env!("CARGO_BIN_EXE_balsa-study"), &["--help"][..]),
        (env!("CARGO_BIN_EXE_balsa-study"), &[FIGURE_8]),
        (env!("CARGO_BIN_EXE_balsa-sim"), &["--help"]),
        (
            env!("CARGO_BIN_EXE_balsa-sim"),
            &["core", "--seed", "1", "--seeds", "1", "--trace"],
        ),
    ] {
        let mut child = Command::new(program)
            .args(words)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        // Nobody reads, from the first byte on.
        drop(child.stdout.take());
        let Output { stderr, .. } = child.wait_with_output().expect("it ends");
        assert_eq!(String::from_utf8_lossy(&stderr), "", "{program} {words:?}");
    }
}
