//! The world on madsim.
use world::report::Report;
use world::world::Options;

/// Runs one seed on madsim.
#[must_use]
pub fn run(seed: u64, options: Options) -> Report {
    world::run::run(seed, options)
}
