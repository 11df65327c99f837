//! What other parts count, read when somebody asks, and the text.

use super::Metrics;
use super::families::{DIRECTIONS, DROPS, QUEUES, Read};
use super::process::Process;
use crate::calls::Surroundings;
use prometheus::{IntCounter, TextEncoder};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use time::OffsetDateTime;
use tonewall_telephony::media::Counts;

/// How long the ledger may take to tell its queues; a scrape must not hang on it.
const LEDGER_MAX: Duration = Duration::from_secs(2);

/// Events of a tenant that are looked at; a deeper queue shows as this deep.
const ROWS_MAX: u64 = 1_000;

impl Metrics {
    /// Everything in the text format 0.0.4.
    ///
    /// # Errors
    /// In words, when a family cannot be written.
    pub async fn text(&self, around: &Surroundings) -> Result<String, String> {
        let queues = queues(around).await;
        let _one = self.0.scraping.lock();
        let read = &self.0.read;
        calls(read, around);
        media(read, &around.media.counts());
        store(read, around);
        match queues {
            Some(queues) => queues.iter().zip(QUEUES).for_each(|(queue, name)| {
                read.queue_age.with_label_values(&[name]).set(queue.age_s);
                read.queue_depth.with_label_values(&[name]).set(queue.depth);
            }),
            None => {
                read.queue_age.reset();
                read.queue_depth.reset();
            }
        }
        process(read, &Process::read());
        self.written()
    }

    /// The text of the families as they stand.
    pub(crate) fn written(&self) -> Result<String, String> {
        TextEncoder::new().encode_to_string(&self.0.registry.gather()).map_err(|error| error.to_string())
    }
}

/// One queue of the ledger.
struct Queue {
    age_s: f64,
    depth: i64,
}

/// All outbox events that wait, and the receipts among them, with those that somebody has at the
/// moment; `None` when the ledger does not answer.
async fn queues(around: &Surroundings) -> Option<[Queue; 2]> {
    let (store, tenants) = (around.store.clone(), around.tenants.snapshot());
    let asked = around.runtime.spawn(async move {
        let mut rows = Vec::new();
        for tenant in tenants.tenants() {
            let pending = store.tenant(&tenant.id).outbox_pending(ROWS_MAX).await.ok()?;
            rows.extend(pending.into_iter().map(|row| (row.topic, row.created_at)));
        }
        Some(rows)
    });
    let rows = tokio::time::timeout(LEDGER_MAX, asked).await.ok()?.ok()??;
    let now = OffsetDateTime::now_utc();
    let queue = |waits: fn(&str) -> bool| {
        let waiting = || rows.iter().filter(|(topic, _)| waits(topic));
        let oldest = waiting().map(|(_, since)| *since).min();
        Queue {
            age_s: oldest.map_or(0.0, |oldest| (now - oldest).as_seconds_f64().max(0.0)),
            depth: waiting().count() as i64,
        }
    };
    Some([queue(|_| true), queue(|topic| topic == "receipt.send")])
}

fn calls(read: &Read, around: &Surroundings) {
    read.live.set(around.registry.live_total() as i64);
    let totals = &around.registry.totals;
    let advance_by =
        |counter: &IntCounter, total: &AtomicU64| advance(counter, total.load(Ordering::Relaxed));
    advance_by(&read.taken, &totals.taken);
    advance_by(&read.crashed, &totals.crashed);
    advance_by(&read.seat_lost, &totals.seat_lost);
    advance_by(&read.pin_refused, &totals.pin_refused);
    advance_by(&read.no_room, &totals.no_room);
    read.dialogs.set(around.sip.gauges().dialogs as i64);
}

fn media(read: &Read, counts: &Counts) {
    for (direction, count) in
        DIRECTIONS.iter().zip([counts.customer_packets, counts.agent_packets, counts.to_agent])
    {
        advance(&read.packets.with_label_values(&[direction]), count);
    }
    for (why, count) in DROPS.iter().zip([counts.strangers, counts.over_rate, counts.dropped]) {
        advance(&read.dropped.with_label_values(&[why]), count);
    }
    advance(&read.masked, counts.masked);
    advance(&read.muted, counts.muted);
    advance(&read.keys_lost, counts.keys_lost);
}

fn store(read: &Read, around: &Surroundings) {
    let stats = around.store.stats();
    advance(&read.commits, stats.commits);
    advance(&read.writes, stats.writes);
    read.writes_waiting.set(stats.queued as i64);
}

fn process(read: &Read, process: &Process) {
    let gauges = [
        (&read.resident, process.resident_bytes),
        (&read.virtual_size, process.virtual_bytes),
        (&read.threads, process.threads),
        (&read.open_fds, process.open_fds),
        (&read.max_fds, process.max_fds),
    ];
    gauges.into_iter().for_each(|(gauge, value)| value.into_iter().for_each(|value| gauge.set(value)));
    process.cpu_s.into_iter().for_each(|s| read.cpu.inc_by((s - read.cpu.get()).max(0.0)));
    process.start_s.into_iter().for_each(|s| read.start.set(s));
}

/// Brings a counter up to a total that somebody else keeps; under the lock of the scrape.
fn advance(counter: &IntCounter, total: u64) {
    counter.inc_by(total.saturating_sub(counter.get()));
}
