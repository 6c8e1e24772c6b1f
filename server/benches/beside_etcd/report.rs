//! The tables, in Markdown.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::Target;
use crate::load::Outcome;
use crate::samples::median;
use crate::workload::Workload;

/// All outcomes, by what was measured.
#[derive(Default)]
pub(crate) struct Results {
    outcomes: BTreeMap<(Workload, usize, Target), Vec<Outcome>>,
}

impl Results {
    pub(crate) fn add(&mut self, target: Target, workload: Workload, connections: usize, outcome: Outcome) {
        eprintln!(
            "  {} x{connections}: {:.0}/s, p50 {:.2} ms, p99 {:.2} ms, p99.9 {:.2} ms, longest {:.1} ms, server {:.1} us, driver {:.0}%",
            workload.name(),
            outcome.rate,
            outcome.p50,
            outcome.p99,
            outcome.p999,
            outcome.longest,
            outcome.server.unwrap_or(f64::NAN),
            100.0 * outcome.driver
        );
        self.outcomes
            .entry((workload, connections, target))
            .or_default()
            .push(outcome);
    }

    /// Medians, and the ratio to etcd with as many members.
    pub(crate) fn tables(&self) -> String {
        let mut text = String::from(
            "| workload | connections | target | per second | least to most | beside etcd | p50 ms | p99 ms | p99.9 ms | longest ms | server us per answer | driver busy |\n\
             |---|---|---|---|---|---|---|---|---|---|---|---|\n",
        );
        for ((workload, connections, target), outcomes) in &self.outcomes {
            let middle = |field: fn(&Outcome) -> f64| median(outcomes.iter().map(field));
            let rate = middle(|outcome| outcome.rate);
            let rates = || outcomes.iter().map(|outcome| outcome.rate);
            let server = median(outcomes.iter().filter_map(|outcome| outcome.server));
            let server = if server.is_nan() {
                "-".into()
            } else {
                format!("{server:.1}")
            };
            let beside = self.beside_etcd(*workload, *connections, *target, rate);
            writeln!(
                text,
                "| {} | {connections} | {} | {rate:.0} | {:.0} to {:.0} | {beside} | {:.2} | {:.2} | {:.2} | {:.1} | {} | {:.0}% |",
                workload.name(),
                target.name(),
                rates().fold(f64::INFINITY, f64::min),
                rates().fold(0.0, f64::max),
                middle(|outcome| outcome.p50),
                middle(|outcome| outcome.p99),
                middle(|outcome| outcome.p999),
                middle(|outcome| outcome.longest),
                server,
                100.0 * middle(|outcome| outcome.driver),
            )
            .expect("memory takes any text");
        }
        text
    }

    fn beside_etcd(&self, workload: Workload, connections: usize, target: Target, rate: f64) -> String {
        let members = match target {
            Target::Balsa(members) => members,
            Target::Etcd(_) => return "1".into(),
            Target::Echo | Target::SyncedEcho => 1,
        };
        match self.outcomes.get(&(workload, connections, Target::Etcd(members))) {
            Some(etcd) => format!("{:.1}", rate / median(etcd.iter().map(|outcome| outcome.rate))),
            None => "-".into(),
        }
    }
}
