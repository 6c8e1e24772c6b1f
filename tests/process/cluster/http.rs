//! A small blocking HTTP/1.1 client: one connection, kept open, made again after a failure.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use net::http::client::{Ask, Client};

/// What a client waits for an answer at most: the server itself gives up after 5 s and two election timeouts.
const ANSWER_MAX: Duration = Duration::from_secs(30);
/// What a connection on one machine may take to be made.
const CONNECT_MAX: Duration = Duration::from_secs(5);

/// A client of one server.
pub(crate) struct Http {
    address: SocketAddr,
    open: Option<(TcpStream, Client)>,
}

/// An answer with its body.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// The server closes the connection after it.
    pub(crate) last: bool,
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error} in {}", self.text()))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(its, _)| its == name)
            .map(|(_, value)| value.as_str())
    }
}

impl Http {
    pub(crate) fn new(address: SocketAddr) -> Http {
        Http { address, open: None }
    }

    pub(crate) fn get(&mut self, target: &str) -> io::Result<Answer> {
        self.ask("GET", target, "", b"")
    }

    pub(crate) fn delete(&mut self, target: &str) -> io::Result<Answer> {
        self.ask("DELETE", target, "", b"")
    }

    pub(crate) fn put_form(&mut self, target: &str, form: &str) -> io::Result<Answer> {
        self.ask(
            "PUT",
            target,
            "Content-Type: application/x-www-form-urlencoded\r\n",
            form.as_bytes(),
        )
    }

    pub(crate) fn post(&mut self, target: &str, json: &str) -> io::Result<Answer> {
        self.ask("POST", target, "", json.as_bytes())
    }

    /// Asks and waits for the answer. After an error nobody knows whether the request was heard.
    pub(crate) fn ask(
        &mut self,
        method: &str,
        target: &str,
        head_lines: &str,
        body: &[u8],
    ) -> io::Result<Answer> {
        let mut bytes = Vec::new();
        let (stream, client) = self.connection()?;
        client.request(
            &mut bytes,
            Ask {
                method,
                target,
                head_lines: head_lines.as_bytes(),
                body,
            },
        );
        let result = stream
            .write_all(&bytes)
            .and_then(|()| read_answer(stream, client));
        if result.as_ref().is_err() || result.as_ref().is_ok_and(|answer| answer.last) {
            self.open = None;
        }
        result
    }

    /// Asks, and waits until the answer begins: whoever watches does from then on.
    pub(crate) fn begin(mut self, method: &str, target: &str) -> io::Result<Waiting> {
        let mut bytes = Vec::new();
        let (stream, client) = self.connection()?;
        client.request(
            &mut bytes,
            Ask {
                method,
                target,
                head_lines: b"",
                body: b"",
            },
        );
        stream.write_all(&bytes)?;
        stream.peek(&mut [0])?;
        let (stream, client) = self.open.take().expect("it was just used");
        Ok(Waiting { stream, client })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    fn connection(&mut self) -> io::Result<&mut (TcpStream, Client)> {
        if self.open.is_none() {
            let stream = TcpStream::connect_timeout(&self.address, CONNECT_MAX)?;
            stream.set_read_timeout(Some(ANSWER_MAX))?;
            stream.set_write_timeout(Some(ANSWER_MAX))?;
            stream.set_nodelay(true)?;
            self.open = Some((stream, Client::new(&self.address.to_string())));
        }
        Ok(self.open.as_mut().expect("it was just opened"))
    }
}

/// A request that was sent and is not answered yet.
pub(crate) struct Waiting {
    stream: TcpStream,
    client: Client,
}

impl Waiting {
    /// Waits for the whole answer.
    pub(crate) fn answer(mut self) -> io::Result<Answer> {
        read_answer(&mut self.stream, &mut self.client)
    }
}

/// Reads the next answer to what `client` has asked on `stream`.
pub(crate) fn read_answer(stream: &mut TcpStream, client: &mut Client) -> io::Result<Answer> {
    let mut bytes = vec![0; 64 * 1024];
    loop {
        let response = client
            .next_response()
            .map_err(|error| io::Error::new(ErrorKind::InvalidData, error))?;
        if let Some(response) = response {
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            let headers = response
                .headers
                .iter()
                .map(|(name, value)| (name.to_ascii_lowercase(), text(value)));
            return Ok(Answer {
                status: response.status,
                headers: headers.collect(),
                body: response.body.to_vec(),
                last: response.last,
            });
        }
        match stream.read(&mut bytes)? {
            0 => client.end_of_input(),
            read => client.receive(&bytes[..read]),
        }
    }
}
