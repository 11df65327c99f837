//! Whose row is next. A tenant whose CRM is slow, or who sends a thousand receipts, keeps nobody
//! else waiting.

use std::collections::{HashMap, HashSet, VecDeque};
use tonewall_model::ids::{EventId, TenantId};
use tonewall_store::OutboxRow;

/// Deliveries under way in all. More burdens mail server and ledger; fewer makes customers wait.
const TURNS_MAX: usize = 16;

/// Deliveries under way for one tenant. More lets one tenant take all places.
const TURNS_OF_TENANT_MAX: usize = 4;

/// The deliveries under way, and the rows that wait for a place.
#[derive(Default)]
pub(super) struct Turns {
    events: HashSet<EventId>,
    tenants: HashMap<TenantId, usize>,
    queues: VecDeque<(TenantId, VecDeque<OutboxRow>)>,
}

impl Turns {
    /// The rows that are due now, instead of those that were.
    pub(super) fn offer(&mut self, due: Vec<(TenantId, OutboxRow)>) {
        self.queues.clear();
        for (tenant, row) in due {
            if self.events.contains(&row.id) {
                continue;
            }
            match self.queues.iter_mut().find(|(of, _)| *of == tenant) {
                Some((_, rows)) => rows.push_back(row),
                None => self.queues.push_back((tenant, [row].into())),
            }
        }
    }

    /// The next row for which there is a place: of each tenant in turn its oldest.
    pub(super) fn next(&mut self) -> Option<(TenantId, OutboxRow)> {
        if self.events.len() >= TURNS_MAX {
            return None;
        }
        for _ in 0..self.queues.len() {
            let (tenant, mut rows) = self.queues.pop_front()?;
            let busy = self.tenants.get(&tenant).copied().unwrap_or_default();
            let row = if busy < TURNS_OF_TENANT_MAX { rows.pop_front() } else { None };
            if !rows.is_empty() {
                self.queues.push_back((tenant.clone(), rows));
            }
            if let Some(row) = row {
                self.events.insert(row.id.clone());
                self.tenants.insert(tenant.clone(), busy + 1);
                return Some((tenant, row));
            }
        }
        None
    }

    /// A delivery is over.
    pub(super) fn free(&mut self, tenant: &TenantId, event: &EventId) {
        if self.events.remove(event)
            && let Some(count) = self.tenants.get_mut(tenant)
        {
            *count -= 1;
            if *count == 0 {
                self.tenants.remove(tenant);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::OffsetDateTime;

    fn row(number: u128) -> OutboxRow {
        OutboxRow {
            id: EventId::from_random(number),
            topic: "receipt.send".into(),
            object: String::new(),
            payload: String::new(),
            created_at: OffsetDateTime::UNIX_EPOCH,
            delivered_at: None,
            attempts: 0,
            lease_until: None,
            given_up_at: None,
        }
    }

    fn due(of: &[(&str, u128)]) -> Vec<(TenantId, OutboxRow)> {
        let tenant = |slug: &str| TenantId::parse(slug).expect("a slug");
        of.iter()
            .flat_map(|(slug, count)| {
                (0..*count).map(|n| (tenant(slug), row(slug.len() as u128 * 1_000 + n)))
            })
            .collect()
    }

    fn taken(turns: &mut Turns) -> Vec<String> {
        std::iter::from_fn(|| turns.next()).map(|(tenant, _)| tenant.to_string()).collect()
    }

    #[test]
    fn a_tenant_with_many_rows_leaves_room_for_others() {
        let mut turns = Turns::default();
        turns.offer(due(&[("big", 500), ("mine", 2)]));
        assert_eq!(taken(&mut turns), ["big", "mine", "big", "mine", "big", "big"]);
        turns.offer(due(&[("big", 500), ("later", 1)]));
        assert_eq!(taken(&mut turns), ["later"]);
    }

    #[test]
    fn places_are_bounded_in_all_and_given_back() {
        let mut turns = Turns::default();
        let many = [("aa", 9), ("bbb", 9), ("cccc", 9), ("ddddd", 9), ("eeeeee", 9)];
        turns.offer(due(&many));
        assert_eq!(taken(&mut turns).len(), TURNS_MAX);
        let (tenant, first) = due(&many)[0].clone();
        turns.free(&tenant, &first.id);
        turns.free(&tenant, &first.id);
        assert_eq!(taken(&mut turns).len(), 1);
    }

    #[test]
    fn a_row_under_way_is_not_taken_twice() {
        let mut turns = Turns::default();
        turns.offer(due(&[("aa", 1)]));
        let (tenant, row) = turns.next().expect("a row");
        turns.offer(due(&[("aa", 1)]));
        assert!(turns.next().is_none());
        turns.free(&tenant, &row.id);
        turns.offer(due(&[("aa", 1)]));
        assert!(turns.next().is_some());
    }
}
