//! Addresses that nobody else uses.
//!
//! A port that was free a moment ago may be taken a moment later, by another test's server or as the near end of any
//! outgoing connection; and a server that was killed wants its old port back. So each run of the tests has a loopback address
//! of its own (all of 127.0.0.0/8 is there on Linux), which outgoing connections never use, and counts its ports up.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::process;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU16, Ordering};

static NEXT_PORT: AtomicU16 = AtomicU16::new(10_000);

/// The loopback address of this run.
pub(crate) fn loopback() -> IpAddr {
    static LOOPBACK: OnceLock<IpAddr> = OnceLock::new();
    *LOOPBACK.get_or_init(|| {
        let [_, high, middle, low] = process::id().to_be_bytes();
        let own = IpAddr::V4(Ipv4Addr::new(127, 1 + high % 254, middle, low));
        match TcpListener::bind((own, 0)) {
            Ok(_) => own,
            // Elsewhere than on Linux there is but one.
            Err(_) => IpAddr::V4(Ipv4Addr::LOCALHOST),
        }
    })
}

/// An address that nothing is bound to, handed out once.
pub(crate) fn free_address() -> SocketAddr {
    loop {
        let port = NEXT_PORT.fetch_add(1, Ordering::Relaxed);
        assert!(port < 60_000, "no run needs so many ports");
        let address = SocketAddr::new(loopback(), port);
        if TcpListener::bind(address).is_ok() {
            return address;
        }
    }
}
