//! Crates, bytes, memory, time to the first answer.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::io;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use crate::Place;
use crate::cluster::{Cluster, Program};
use crate::samples::median;

/// All of it, as a table in Markdown.
pub(crate) fn describe(place: &Place, starts: usize) -> io::Result<String> {
    let (all, ours) = crates()?;
    let mut text = format!(
        "crates in the server: {all}, of which {ours} are of this workspace\n\n\
         | one member | binary MiB | resident MiB idle | of that not from files | start to first put answered, ms | least to most |\n\
         |---|---|---|---|---|---|\n"
    );
    for (name, program, path) in [
        ("balsa", Program::Balsa(&place.balsa), &place.balsa),
        ("etcd", Program::Etcd(&place.etcd), &place.etcd),
    ] {
        let mut times = Vec::new();
        let mut memories = Vec::new();
        for _ in 0..starts {
            let begun = Instant::now();
            let cluster = Cluster::start(program, 1, &place.data)?;
            times.push(begun.elapsed().as_secs_f64() * 1e3);
            memories.push(cluster.memory_kib()?);
        }
        writeln!(
            text,
            "| {name} | {:.1} | {:.1} | {:.1} | {:.0} | {:.0} to {:.0} |",
            mebibytes(path)?,
            median(memories.iter().map(|(resident, _)| *resident as f64 / 1024.0)),
            median(memories.iter().map(|(_, anonymous)| *anonymous as f64 / 1024.0)),
            median(times.iter().copied()),
            times.iter().copied().fold(f64::INFINITY, f64::min),
            times.iter().copied().fold(0.0, f64::max),
        )
        .expect("memory takes any text");
    }
    Ok(text)
}

fn mebibytes(path: &Path) -> io::Result<f64> {
    Ok(std::fs::metadata(path)?.len() as f64 / f64::from(1 << 20))
}

/// How many crates the server is made of, and how many of them are ours.
fn crates() -> io::Result<(usize, usize)> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let output = Command::new(cargo)
        .args([
            "tree",
            "--package",
            "server",
            "--edges",
            "normal",
            "--prefix",
            "none",
        ])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let lines: BTreeSet<&str> = text.lines().map(|line| line.trim_end_matches(" (*)")).collect();
    Ok((
        lines.len(),
        lines.iter().filter(|line| line.contains("(/")).count(),
    ))
}
