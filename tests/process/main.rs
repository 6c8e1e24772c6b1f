//! Real processes: the binary `balsa` started, spoken to over sockets, killed and started again.
//!
//! Everything here could be said about the simulator too, but for what it cannot have: the kernel's sockets and files,
//! signals, exit codes, and the clients that people really use. The tests share no port and no directory, and each
//! waits for conditions, never for time: for a line of a log, an answer, the end of a process.
//!
//! | module | what it holds |
//! |---|---|
//! | `cluster` | the harness: processes, their logs, their ports, a small HTTP client |
//! | `survival` | kill -9 while clients write: of one, of all three |
//! | `succession` | how soon another leads after a clean stop, or a closed link |
//! | `leader_killed` | kill -9 of the leader, again and again, under reads and writes |
//! | `rescue` | one member of three left, and `--force-new-cluster` |
//! | `beside_etcd` | the same requests to etcd and to Balsa |
//! | `once` | writes asked again by a key of the client |
//! | `python`, `etcdctl`, `curl` | clients of etcd as they are |
//! | `readme` | the commands in README.md, as printed |
//! | `start` | flags, exit codes, signals, directories, logs |
//! | `strangers` | members of another cluster, wiped members, garbage on the peers' port |
//! | `rudeness`, `crowds` | clients that are no friends: malformed, slow, huge, half closed, or far too many |
//! | `snapshots` | snapshots under kill -9, and a member that catches up by one |
//! | `damage` | journals with flipped bits, torn tails, and no room left |
//! | `lost` | files that are gone, empty or zeros, after a second of idleness |
//! | `metrics`, `self_report` | what Prometheus collects; what a member tells of itself |
//! | `space` | quotas and full disks, and the alarm that comes and goes by itself |
//! | `repair` | damaged and wiped members of a cluster come back by themselves |
//! | `watches` | v3 watches: live, from the past, slow clients, a server that stops |
//! | `tools` | `balsa check`, `dump` and `restore` |

mod cluster;

mod beside_etcd;
mod contests;
mod crowds;
mod curl;
mod damage;
mod etcdctl;
mod leader_killed;
mod lost;
mod metrics;
mod once;
mod python;
mod readme;
mod repair;
mod rescue;
mod rudeness;
mod self_report;
mod snapshots;
mod space;
mod start;
mod strangers;
mod succession;
mod survival;
mod tools;
mod watches;
