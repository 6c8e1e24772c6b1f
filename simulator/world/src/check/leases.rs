//! A lease never ends early, and never lives for ever. Whoever was told that a lease is granted or renewed may count on it
//! from when it asked, for as long as was granted, as far as clocks can be trusted; and once nobody renews it, it ends soon
//! after its time, if somebody leads.

use std::collections::BTreeMap;

use node::{Answer, LeaseTime, Request};
use raft_core::Time;
use storage::store::command::{Command, Outcome};
use storage::store::query::LeaseId;

use super::model::Model;
use crate::call::Call;
use crate::clock::DRIFT_PPM_MAX;
use crate::settings::SECOND;
use crate::trace::Stamp;

/// How long after its time a lease may still be there, in microseconds: its end has to go through the log.
const LATE_MAX: u64 = 2 * SECOND;

/// A promise: until then the lease lives.
struct Promise<'a> {
    id: LeaseId,
    until: Time,
    call: &'a Call,
}

/// Judges all leases that callers heard of. `led_since`: when the present leader came to lead; None if nobody leads.
///
/// # Errors
/// A lease that ended early, or did not end.
pub fn check(calls: &[Call], model: &Model, now: Time, led_since: Option<Time>) -> Result<(), String> {
    for promise in calls.iter().filter_map(promise) {
        let Some(&ended) = model.expired.get(&promise.id) else {
            continue;
        };
        if ended < promise.until {
            let (until, ended) = (Stamp(promise.until), Stamp(ended));
            return Err(format!(
                "lease {} ended at {ended}, and was promised until {until}:\n  {}",
                promise.id.0, promise.call
            ));
        }
    }
    let Some(led_since) = led_since else {
        return Ok(());
    };
    let mut touched: BTreeMap<LeaseId, Time> = BTreeMap::new();
    for call in calls {
        let id = match &call.request {
            Request::Write(Command::LeaseGrant { id, .. }) | Request::LeaseKeepAlive { id } => *id,
            _ => continue,
        };
        // What was given up may be renewed until the member gives it up, too.
        let over = match call.succeeded() {
            true => call.returned,
            false => Time(call.called.0 + 10 * SECOND),
        };
        let last = touched.entry(id).or_default();
        *last = over.max(*last);
    }
    for (id, ttl) in &model.keyspace.leases {
        let touched = touched.get(id).copied().unwrap_or_default();
        let lives = ttl * SECOND * (1_000_000 + DRIFT_PPM_MAX) / 1_000_000;
        let due = Time(touched.max(led_since).0 + lives + LATE_MAX);
        if due < now {
            let (due, now) = (Stamp(due), Stamp(now));
            return Err(format!(
                "lease {} should be over at {due}, and lives at {now}",
                id.0
            ));
        }
    }
    Ok(())
}

/// Whether a lease was renewed.
#[must_use]
pub fn is_renewal(call: &Call) -> bool {
    matches!(
        call.answer(),
        Some((_, Ok(Answer::LeaseRenewed { ttl: 1.., .. })))
    )
}

/// What a call was promised. Clocks may be too fast.
fn promise(call: &Call) -> Option<Promise<'_>> {
    let (_, Ok(answer)) = call.answer()? else {
        return None;
    };
    let (id, seconds) = match (answer, &call.request) {
        (Answer::Done(Outcome::LeaseGranted { id, ttl }), _) => (*id, *ttl),
        (Answer::LeaseRenewed { id, ttl }, _) => (*id, *ttl),
        // Begun seconds may count.
        (Answer::LeaseTime(Some(LeaseTime { remaining, .. })), Request::LeaseTimeToLive { id, .. }) => {
            (*id, remaining.saturating_sub(1))
        }
        _ => return None,
    };
    let lives = seconds * SECOND * 1_000_000 / (1_000_000 + DRIFT_PPM_MAX);
    // That nothing is left is no promise.
    (seconds > 0).then_some(Promise {
        id,
        until: Time(call.called.0 + lives),
        call,
    })
}
