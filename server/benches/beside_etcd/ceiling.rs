//! The least a server can do, as ceilings: read with mio, cut requests with httparse, answer all the same. With a record
//! file, the bodies of all requests of a turn go there first, with one write and one fdatasync.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token, Waker};

const LISTENER: Token = Token(0);
const WAKER: Token = Token(1);
/// The record file: zeros, overwritten again and again.
const RECORD_BYTES: u64 = 64 << 20;
/// The body of the answer to a put: as long as the server's own.
const BODY: &str = "{\"header\":{\"cluster_id\":\"14841639068965178418\",\"member_id\":\"10276657743932975437\",\
    \"revision\":\"123456\",\"raft_term\":\"2\"}}";

/// A running ceiling.
pub(crate) struct Ceiling {
    address: SocketAddr,
    stop: Arc<AtomicBool>,
    waker: Waker,
    thread: JoinHandle<io::Result<()>>,
}

impl Ceiling {
    /// Starts one on a thread of its own.
    pub(crate) fn start(record: Option<&Path>) -> io::Result<Ceiling> {
        let record = record.map(Record::create).transpose()?;
        let poll = Poll::new()?;
        let mut listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0).into())?;
        let address = listener.local_addr()?;
        poll.registry()
            .register(&mut listener, LISTENER, Interest::READABLE)?;
        let waker = Waker::new(poll.registry(), WAKER)?;
        let stop = Arc::new(AtomicBool::new(false));
        let length = BODY.len();
        let answer = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{BODY}"
        );
        let echo = Echo {
            poll,
            listener,
            streams: HashMap::new(),
            record,
            answering: Vec::new(),
            answer,
        };
        let its = Arc::clone(&stop);
        let thread = thread::spawn(move || echo.serve(&its));
        Ok(Ceiling {
            address,
            stop,
            waker,
            thread,
        })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn stop(self) -> io::Result<()> {
        self.stop.store(true, Ordering::SeqCst);
        self.waker.wake()?;
        self.thread.join().expect("a ceiling does not panic")
    }
}

struct Echo {
    poll: Poll,
    listener: TcpListener,
    streams: HashMap<Token, (TcpStream, Vec<u8>)>,
    record: Option<Record>,
    /// Whom to answer this turn.
    answering: Vec<Token>,
    answer: String,
}

impl Echo {
    fn serve(mut self, stop: &AtomicBool) -> io::Result<()> {
        let mut events = Events::with_capacity(1024);
        let mut scratch = vec![0; 64 * 1024];
        while !stop.load(Ordering::SeqCst) {
            self.poll.poll(&mut events, None)?;
            for event in &events {
                match event.token() {
                    LISTENER => self.accept()?,
                    WAKER => {}
                    token => self.read(token, &mut scratch)?,
                }
            }
            if let Some(record) = &mut self.record
                && !self.answering.is_empty()
            {
                record.write_and_sync()?;
            }
            for token in self.answering.drain(..) {
                if let Some((stream, _)) = self.streams.get_mut(&token) {
                    // So short an answer always fits the socket's buffer: each connection waits for one at most.
                    stream.write_all(self.answer.as_bytes())?;
                }
            }
        }
        Ok(())
    }

    fn accept(&mut self) -> io::Result<()> {
        loop {
            match self.listener.accept() {
                Ok((mut stream, _)) => {
                    stream.set_nodelay(true)?;
                    let token = Token(self.streams.len() + 2);
                    self.poll
                        .registry()
                        .register(&mut stream, token, Interest::READABLE)?;
                    self.streams.insert(token, (stream, Vec::new()));
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }

    fn read(&mut self, token: Token, scratch: &mut [u8]) -> io::Result<()> {
        let Some((stream, input)) = self.streams.get_mut(&token) else {
            return Ok(());
        };
        // A short read empties the socket. What is closed stays in the map, so that no token is used twice.
        match stream.read(scratch) {
            Ok(0) => return Ok(()),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::ConnectionReset) => {
                return Ok(());
            }
            read => input.extend_from_slice(&scratch[..read?]),
        }
        if let Some((start, end)) = whole_request(input) {
            if let Some(record) = &mut self.record {
                record.gathered.extend_from_slice(&input[start..end]);
            }
            input.clear();
            self.answering.push(token);
        }
        Ok(())
    }
}

/// Where the body of the request begins and ends, if it is all there.
fn whole_request(input: &[u8]) -> Option<(usize, usize)> {
    let mut headers = [httparse::EMPTY_HEADER; 16];
    let mut request = httparse::Request::new(&mut headers);
    let httparse::Status::Complete(start) = request.parse(input).ok()? else {
        return None;
    };
    let length = request
        .headers
        .iter()
        .find(|header| header.name.eq_ignore_ascii_case("content-length"));
    let length: usize = length.map_or(Some(0), |header| {
        std::str::from_utf8(header.value).ok()?.parse().ok()
    })?;
    (input.len() >= start + length).then_some((start, start + length))
}

struct Record {
    file: File,
    offset: u64,
    gathered: Vec<u8>,
}

impl Record {
    fn create(path: &Path) -> io::Result<Record> {
        let mut file = File::options()
            .create(true)
            .truncate(true)
            .write(true)
            .open(path)?;
        let zeros = vec![0; 1 << 20];
        for _ in 0..RECORD_BYTES / zeros.len() as u64 {
            file.write_all(&zeros)?;
        }
        file.sync_all()?;
        Ok(Record {
            file,
            offset: 0,
            gathered: Vec::new(),
        })
    }

    fn write_and_sync(&mut self) -> io::Result<()> {
        if self.offset + self.gathered.len() as u64 > RECORD_BYTES {
            self.offset = 0;
        }
        self.file.write_all_at(&self.gathered, self.offset)?;
        self.file.sync_data()?;
        self.offset += self.gathered.len() as u64;
        self.gathered.clear();
        Ok(())
    }
}
