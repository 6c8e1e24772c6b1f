//! Whole clusters of cores under faults and lies.

mod churn;
mod cluster;
mod figure3;
mod fingerprint;
mod forged;
mod host;
mod links;
mod misuse;
mod random;
mod rules;
mod transfer;
