//! The requests of a load.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use net::http::client::{Ask, Client};

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// Keys are drawn from so many.
const KEYS: u64 = 100_000;
/// Bytes of a value.
const VALUE_BYTES: usize = 256;
/// Values are drawn from so many.
const VALUES: usize = 64;

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Workload {
    /// `POST /v3/kv/put`.
    Put,
    /// `POST /v3/kv/range` of one key, linearizable.
    Range,
    /// `PUT /v2/keys/...`.
    V2Put,
    /// `GET /v2/keys/...`; as in etcd not linearizable.
    V2Get,
}

impl Workload {
    /// In the order they are run: those that read come after those that write.
    pub(crate) const ALL: [Workload; 4] = [Workload::Put, Workload::Range, Workload::V2Put, Workload::V2Get];

    /// As in the tables.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Workload::Put => "v3 put",
            Workload::Range => "v3 range",
            Workload::V2Put => "v2 PUT",
            Workload::V2Get => "v2 GET",
        }
    }

    /// With how many connections it is measured.
    pub(crate) fn connections(self) -> &'static [usize] {
        match self {
            Workload::Put => &[64, 256],
            Workload::Range | Workload::V2Put | Workload::V2Get => &[64],
        }
    }

    /// A stream of such requests.
    pub(crate) fn requests(self, seed: u64) -> Requests {
        let mut chance = ChaCha8Rng::seed_from_u64(seed);
        let values = (0..VALUES).map(|_| {
            let mut value = [0; VALUE_BYTES];
            chance.fill_bytes(&mut value);
            match self {
                Workload::Put | Workload::Range => STANDARD.encode(value),
                Workload::V2Put | Workload::V2Get => {
                    value.map(|byte| char::from(b'a' + byte % 26)).iter().collect()
                }
            }
        });
        Requests {
            workload: self,
            values: values.collect(),
            chance,
            target: String::new(),
            body: String::new(),
        }
    }
}

/// Requests with random keys and values, the same ones for the same seed.
pub(crate) struct Requests {
    workload: Workload,
    values: Vec<String>,
    chance: ChaCha8Rng,
    target: String,
    body: String,
}

impl Requests {
    /// Writes the next request to `out`.
    pub(crate) fn write_next(&mut self, client: &mut Client, out: &mut Vec<u8>) {
        let key = format!("bench-{:09}", self.chance.next_u64() % KEYS);
        let value = &self.values[self.chance.next_u32() as usize % VALUES];
        self.target.clear();
        self.body.clear();
        let (method, head_lines) = match self.workload {
            Workload::Put | Workload::Range => {
                self.body.push_str("{\"key\":\"");
                STANDARD.encode_string(&key, &mut self.body);
                self.body.push('"');
                ("POST", &b"Content-Type: application/json\r\n"[..])
            }
            Workload::V2Put => ("PUT", &b"Content-Type: application/x-www-form-urlencoded\r\n"[..]),
            Workload::V2Get => ("GET", &b""[..]),
        };
        match self.workload {
            Workload::Put => {
                self.target.push_str("/v3/kv/put");
                self.body.push_str(",\"value\":\"");
                self.body.push_str(value);
                self.body.push_str("\"}");
            }
            Workload::Range => {
                self.target.push_str("/v3/kv/range");
                self.body.push('}');
            }
            Workload::V2Put | Workload::V2Get => {
                self.target.push_str("/v2/keys/");
                self.target.push_str(&key);
            }
        }
        if self.workload == Workload::V2Put {
            self.body.push_str("value=");
            self.body.push_str(value);
        }
        client.request(
            out,
            Ask {
                method,
                target: &self.target,
                head_lines,
                body: self.body.as_bytes(),
            },
        );
    }

    /// Whether this is a good answer. A key that nobody has put yet may be missing.
    pub(crate) fn accepts(&self, status: u16) -> bool {
        matches!((self.workload, status), (_, 200 | 201) | (Workload::V2Get, 404))
    }
}
