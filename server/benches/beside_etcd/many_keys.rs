//! What very many keys take in memory, what is left of that once they are deleted, and how long a restart with them takes.

use std::fmt::Write;
use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use net::http::client::{Ask, Client};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::cluster::{Cluster, Program};
use crate::options::Options;
use crate::samples::median;
use crate::{Place, Target};

/// Connections that put the keys, each with a thread.
const CONNECTIONS: u64 = 64;
const VALUE_BYTES: usize = 256;
/// How long a member may go on by itself before its memory is looked at: snapshots, compaction, collection of garbage.
const REST: Duration = Duration::from_secs(20);

#[derive(Default)]
struct Measured {
    fill_s: Vec<f64>,
    filled: Vec<(u64, u64)>,
    restart_ms: Vec<f64>,
    restarted: Vec<(u64, u64)>,
    emptied: Vec<(u64, u64)>,
}

/// All of it, as a table in Markdown.
pub(crate) fn describe(place: &Place, keys: u64, options: &Options) -> io::Result<String> {
    let mut programs = vec![
        (Target::Balsa(1), "balsa", Program::Balsa(&place.balsa)),
        (Target::Etcd(1), "etcd", Program::Etcd(&place.etcd)),
    ];
    programs.retain(|(target, ..)| options.includes(*target));
    let mut all = [Measured::default(), Measured::default()];
    let rounds = options.runs;
    for round in 0..rounds {
        for (measured, (_, name, program)) in all.iter_mut().zip(&programs) {
            eprintln!("round {} of {rounds}: {keys} keys in {name}", round + 1);
            measure(*program, place, keys, measured)?;
        }
    }
    let mut text = format!(
        "{keys} keys of 64 bytes with values of {VALUE_BYTES}; MiB resident, of that not from files in brackets\n\n\
         | one member | put in s | with the keys | restart after kill -9 to the first linearizable read, ms | after it | \
         keys deleted and compacted |\n|---|---|---|---|---|---|\n"
    );
    for (measured, (_, name, _)) in all.iter().zip(&programs) {
        writeln!(
            text,
            "| {name} | {:.0} | {} | {:.0} | {} | {} |",
            median(measured.fill_s.iter().copied()),
            memory(&measured.filled),
            median(measured.restart_ms.iter().copied()),
            memory(&measured.restarted),
            memory(&measured.emptied),
        )
        .expect("memory takes any text");
    }
    Ok(text)
}

fn memory(taken: &[(u64, u64)]) -> String {
    let resident = median(taken.iter().map(|(resident, _)| *resident as f64 / 1024.0));
    let anonymous = median(taken.iter().map(|(_, anonymous)| *anonymous as f64 / 1024.0));
    format!("{resident:.0} ({anonymous:.0})")
}

fn measure(program: Program<'_>, place: &Place, keys: u64, measured: &mut Measured) -> io::Result<()> {
    let mut cluster = Cluster::start(program, 1, &place.data)?;
    let address = cluster.addresses()[0];
    let begun = Instant::now();
    fill(address, keys)?;
    measured.fill_s.push(begun.elapsed().as_secs_f64());
    thread::park_timeout(REST);
    measured.filled.push(cluster.memory_kib()?);
    eprintln!("filled: {}", memory(&measured.filled));
    measured.restart_ms.push(cluster.restart()?.as_secs_f64() * 1e3);
    thread::park_timeout(REST);
    measured.restarted.push(cluster.memory_kib()?);
    let mut asker = Asker::new(address)?;
    // etcd may give up on the answer before it is done.
    while asker
        .ask("/v3/kv/deleterange", r#"{"key":"AA==","range_end":"AA=="}"#)
        .is_err()
    {
        thread::park_timeout(REST);
    }
    let revision = asker.revision()?;
    asker.ask("/v3/kv/compaction", &format!(r#"{{"revision":"{revision}"}}"#))?;
    thread::park_timeout(REST);
    measured.emptied.push(cluster.memory_kib()?);
    eprintln!(
        "filled in {:.0?} s, {}; restarted in {:.0?} ms, {}; emptied, {}",
        measured.fill_s,
        memory(&measured.filled),
        measured.restart_ms,
        memory(&measured.restarted),
        memory(&measured.emptied),
    );
    Ok(())
}

fn fill(address: SocketAddr, keys: u64) -> io::Result<()> {
    thread::scope(|scope| {
        let threads: Vec<_> = (0..CONNECTIONS)
            .map(|number| scope.spawn(move || put_share(address, number, keys)))
            .collect();
        threads
            .into_iter()
            .try_for_each(|thread| thread.join().expect("a driver does not panic"))
    })
}

/// Every so-manieth key.
fn put_share(address: SocketAddr, first: u64, keys: u64) -> io::Result<()> {
    let mut asker = Asker::new(address)?;
    let mut chance = ChaCha8Rng::seed_from_u64(first);
    let mut value = [0; VALUE_BYTES];
    for number in (first..keys).step_by(CONNECTIONS as usize) {
        // Neighbours in time are no neighbours in order.
        let spread = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let key = format!("/registry/some/prefix/of/a/real/key/{spread:016x}/{number:011}");
        chance.fill_bytes(&mut value);
        let (key, value) = (STANDARD.encode(key), STANDARD.encode(value));
        asker.ask("/v3/kv/put", &format!(r#"{{"key":"{key}","value":"{value}"}}"#))?;
    }
    Ok(())
}

/// One connection that asks and waits.
struct Asker {
    socket: TcpStream,
    client: Client,
    request: Vec<u8>,
}

impl Asker {
    fn new(address: SocketAddr) -> io::Result<Asker> {
        let socket = TcpStream::connect(address)?;
        socket.set_nodelay(true)?;
        Ok(Asker {
            socket,
            client: Client::new(&address.to_string()),
            request: Vec::new(),
        })
    }

    /// The store's revision.
    fn revision(&mut self) -> io::Result<u64> {
        let answer = self.ask("/v3/kv/range", r#"{"key":"AA=="}"#)?;
        let rest = answer.split("\"revision\":\"").nth(1).unwrap_or_default();
        let digits = rest.split('"').next().unwrap_or_default();
        digits.parse().map_err(io::Error::other)
    }

    fn ask(&mut self, target: &str, body: &str) -> io::Result<String> {
        self.request.clear();
        self.client.request(
            &mut self.request,
            Ask {
                method: "POST",
                target,
                head_lines: b"Content-Type: application/json\r\n",
                body: body.as_bytes(),
            },
        );
        self.socket.write_all(&self.request)?;
        let mut bytes = [0; 4096];
        loop {
            let count = self.socket.read(&mut bytes)?;
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.client.receive(&bytes[..count]);
            let Some(response) = self.client.next_response().map_err(io::Error::other)? else {
                continue;
            };
            let body = String::from_utf8_lossy(response.body).into_owned();
            if response.status == 200 {
                return Ok(body);
            }
            return Err(io::Error::other(format!(
                "{target} answered {}: {body}",
                response.status
            )));
        }
    }
}
