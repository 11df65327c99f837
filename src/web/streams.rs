//! Open live streams: how many a session and a tenant may have, and how a session's end ends them.

use super::problem::Problem;
use actix_web::web::Data;
use parking_lot::Mutex;
use std::collections::HashMap;
use tokio::sync::watch;
use tonewall_model::ids::{AgentId, TenantId};

/// Streams of one session: a browser opens no more to one host over HTTP/1.1.
const PER_SESSION_MAX: usize = 6;

/// Streams of one agent: two browsers of as many tabs as one may have.
const PER_AGENT_MAX: usize = 12;

/// Streams of one tenant: as many as the server has connections.
const PER_TENANT_MAX: usize = 2_000;

/// SHA-256 of a session's token.
type SessionKey = [u8; 32];

/// All streams of the node.
#[derive(Default)]
pub(super) struct Streams(Mutex<HashMap<SessionKey, Open>>);

struct Open {
    tenant: TenantId,
    agent: AgentId,
    count: usize,
    ended: watch::Sender<bool>,
}

/// One stream's place; given back when it is dropped.
pub(super) struct Seat {
    streams: Data<Streams>,
    session: SessionKey,
    ended: watch::Receiver<bool>,
}

impl Streams {
    /// A place for one more stream of this session.
    pub fn open(
        this: &Data<Streams>,
        session: SessionKey,
        tenant: &TenantId,
        agent: &AgentId,
    ) -> Result<Seat, Problem> {
        let mut open = this.0.lock();
        let (mut of_tenant, mut of_agent) = (0, 0);
        for own in open.values().filter(|own| own.tenant == *tenant) {
            of_tenant += own.count;
            of_agent += if own.agent == *agent { own.count } else { 0 };
        }
        let of_session = open.get(&session).map_or(0, |open| open.count);
        if of_session >= PER_SESSION_MAX || of_agent >= PER_AGENT_MAX || of_tenant >= PER_TENANT_MAX {
            return Err(Problem::too_many_streams());
        }
        let fresh = || Open {
            tenant: tenant.clone(),
            agent: agent.clone(),
            count: 0,
            ended: watch::Sender::new(false),
        };
        let entry = open.entry(session).or_insert_with(fresh);
        entry.count += 1;
        Ok(Seat { streams: this.clone(), session, ended: entry.ended.subscribe() })
    }

    /// The session is over: its streams say so and end.
    pub fn end(&self, session: &SessionKey) {
        if let Some(open) = self.0.lock().get(session) {
            open.ended.send_replace(true);
        }
    }
}

impl Seat {
    /// Returns when the session is over.
    pub async fn ended(&mut self) {
        // The sender lives as long as any seat; without it there is nothing to wait for either.
        let _ = self.ended.wait_for(|ended| *ended).await;
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut open = self.streams.0.lock();
        let left = open.get_mut(&self.session).map(|open| {
            open.count = open.count.saturating_sub(1);
            open.count
        });
        if left == Some(0) {
            open.remove(&self.session);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenant(name: &str) -> TenantId {
        TenantId::parse(name).expect("a slug")
    }

    fn agent(nth: usize) -> AgentId {
        AgentId(format!("a{nth}"))
    }

    /// A key of its own for each session.
    fn session(nth: usize) -> SessionKey {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&nth.to_be_bytes());
        key
    }

    #[test]
    fn places_are_bounded_and_given_back() {
        let streams = Data::new(Streams::default());
        let harbour = tenant("harbour");
        let open = |nth, own| Streams::open(&streams, session(nth), &harbour, &agent(own));
        let mut seats: Vec<Seat> = (0..PER_SESSION_MAX).map(|_| open(0, 0).expect("a place")).collect();
        assert!(open(0, 0).is_err());
        seats.pop();
        seats.push(open(0, 0).expect("a place again"));
        // Twelve of one agent, whatever the sessions.
        for nth in PER_SESSION_MAX..PER_AGENT_MAX {
            seats.push(open(nth, 0).expect("a place"));
        }
        assert!(open(100, 0).is_err());
        for nth in PER_AGENT_MAX..PER_TENANT_MAX {
            seats.push(open(nth, nth).expect("a place"));
        }
        assert!(open(9_999, 9_999).is_err());
        assert!(Streams::open(&streams, session(9_999), &tenant("northwind"), &agent(0)).is_ok());
        drop(seats);
        assert!(streams.0.lock().is_empty());
    }

    #[actix_web::test]
    async fn the_end_of_a_session_ends_its_streams_and_no_others() {
        let streams = Data::new(Streams::default());
        let harbour = tenant("harbour");
        let mut own = Streams::open(&streams, [1; 32], &harbour, &agent(1)).expect("a place");
        let other = Streams::open(&streams, [2; 32], &harbour, &agent(1)).expect("a place");
        streams.end(&[1; 32]);
        own.ended().await;
        assert!(!*other.ended.borrow());
    }
}
