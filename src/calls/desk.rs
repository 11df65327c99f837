//! What the web may ask of calls, and command: views and wishes, never an actor's insides.

use super::Surroundings;
use super::actor::{Fault, Wish};
use super::registry::Entry;
use std::sync::Arc;
use std::time::Duration;
use time::OffsetDateTime;
use tokio::sync::watch;
use tonewall_model::call::{CallView, Command, Phase, Refused};
use tonewall_model::ids::{AgentId, AttemptId, CallId, PaymentId, TenantId};
use tonewall_model::tenant::TrunkRole;
use tonewall_store::{AttemptRow, StoreError};

/// How long a wish may wait for its call. An actor answers in microseconds: longer is a sick call.
const WISH_MAX: Duration = Duration::from_secs(3);

/// Why a wish was not met.
#[derive(Clone, Debug, PartialEq)]
pub enum DeskError {
    /// No such call or attempt of this tenant.
    NotFound,
    /// The call has ended.
    Gone,
    /// The call does not answer; it is about to be ended.
    Busy,
    /// The call says no.
    Refused(Refused),
    /// The ledger cannot be read.
    Store(StoreError),
}

/// A call that can be asked for: live, or ended a moment ago.
#[derive(Clone)]
pub struct CallHandle(Arc<Entry>);

impl CallHandle {
    /// What may be seen of it now.
    pub fn view(&self) -> CallView {
        self.0.view.borrow().clone()
    }

    /// A look at it without a copy. The call cannot change while the look lasts: nothing slow in it.
    pub fn look<T>(&self, look: impl FnOnce(&CallView) -> T) -> T {
        look(&self.0.view.borrow())
    }

    /// Every change of it.
    pub fn watch(&self) -> watch::Receiver<CallView> {
        self.0.view.subscribe()
    }

    /// Where the agent's phone rings.
    pub fn extension(&self) -> &str {
        &self.0.extension
    }

    /// Whether the customer's side comes through the tenant's own switch.
    pub fn through_pbx(&self) -> bool {
        self.0.trail.lock().customer_via() == TrunkRole::Pbx
    }

    /// When it began.
    pub fn started_at(&self) -> OffsetDateTime {
        self.0.started_at
    }

    /// Now, on the clock in which its view tells times.
    pub fn clock(&self) -> Duration {
        self.0.started.elapsed()
    }

    /// When it ended, if it has.
    pub fn ended_at(&self) -> Option<OffsetDateTime> {
        self.0.ended().map(|ended| ended.at_utc)
    }
}

/// The façade.
#[derive(Clone)]
pub struct Desk(Surroundings);

impl Desk {
    /// A desk over these calls.
    pub fn new(around: Surroundings) -> Desk {
        Desk(around)
    }

    /// The surroundings, for health and metrics.
    pub fn around(&self) -> &Surroundings {
        &self.0
    }

    /// Calls of a tenant, newest first, with those that ended a moment ago.
    pub fn calls(&self, tenant: &TenantId) -> Vec<CallView> {
        let mut entries = self.0.registry.of_tenant(tenant);
        entries.sort_by_key(|entry| std::cmp::Reverse(entry.started));
        entries.iter().map(|entry| entry.view.borrow().clone()).collect()
    }

    /// One call.
    pub fn call(&self, tenant: &TenantId, id: &CallId) -> Result<CallView, DeskError> {
        Ok(self.entry(tenant, id)?.view.borrow().clone())
    }

    /// One call, and every change of it.
    pub fn watch(&self, tenant: &TenantId, id: &CallId) -> Result<watch::Receiver<CallView>, DeskError> {
        Ok(self.entry(tenant, id)?.view.subscribe())
    }

    /// One call, with what its view does not tell.
    pub fn handle(&self, tenant: &TenantId, id: &CallId) -> Result<CallHandle, DeskError> {
        Ok(CallHandle(self.entry(tenant, id)?))
    }

    /// Of a tenant's calls, newest first, those of which `pick` makes something, and what it made. Every
    /// screen asks this every second: no view is copied, and what is not picked costs a look.
    pub fn pick<T>(&self, tenant: &TenantId, pick: impl Fn(&CallView) -> Option<T>) -> Vec<(CallHandle, T)> {
        let entries = self.0.registry.of_tenant(tenant).into_iter();
        let mut picked: Vec<_> = entries
            .filter_map(|entry| pick(&entry.view.borrow()).map(|made| (entry.clone(), made)))
            .collect();
        picked.sort_by_key(|(entry, _)| std::cmp::Reverse(entry.started));
        picked.into_iter().map(|(entry, made)| (CallHandle(entry), made)).collect()
    }

    /// Whether a call of this agent is up.
    pub fn has_live_call(&self, tenant: &TenantId, agent: &AgentId) -> bool {
        let is_own_and_live =
            |view: &CallView| view.agent.as_ref() == Some(agent) && !matches!(view.phase, Phase::Ended(_));
        self.0.registry.of_tenant(tenant).iter().any(|entry| is_own_and_live(&entry.view.borrow()))
    }

    /// An agent's wish.
    pub async fn command(
        &self,
        tenant: &TenantId,
        id: &CallId,
        command: Command,
    ) -> Result<CallView, DeskError> {
        let entry = self.entry(tenant, id)?;
        if entry.is_over() {
            return Err(DeskError::Gone);
        }
        let living = entry.actor.load_full().ok_or(DeskError::Busy)?;
        let claims = matches!(command, Command::Claim(_));
        let answer = tokio::time::timeout(WISH_MAX, living.address.send(Wish(command)));
        match answer.await {
            Ok(Ok(Ok(view))) => {
                if claims {
                    self.0.registry.claimed(id, &entry);
                }
                Ok(view)
            }
            Ok(Ok(Err(Refused::CallOver))) => Err(DeskError::Gone),
            Ok(Ok(Err(refused))) => Err(DeskError::Refused(refused)),
            Ok(Err(_)) => Err(DeskError::Gone),
            Err(_) => Err(DeskError::Busy),
        }
    }

    /// One attempt, from the ledger.
    pub async fn attempt(&self, tenant: &TenantId, id: &AttemptId) -> Result<AttemptRow, DeskError> {
        let (store, id) = (self.0.store.tenant(tenant), id.clone());
        // On the runtime of the store's pool: a connection opened on a web worker would live there.
        match self.0.runtime.spawn(async move { store.attempt(&id).await }).await {
            Ok(Ok(row)) => Ok(row),
            Ok(Err(StoreError::NotFound)) => Err(DeskError::NotFound),
            Ok(Err(error)) => Err(DeskError::Store(error)),
            Err(_) => Err(DeskError::Busy),
        }
    }

    /// Whether a payment could be taken: the ledger answers, and the node takes calls.
    pub async fn is_ready(&self) -> bool {
        let store = self.0.store.clone();
        let answers = self.0.runtime.spawn(async move { store.ping().await.is_ok() }).await;
        answers.unwrap_or(false) && !self.0.sip.is_draining()
    }

    /// Sets a fault off in a call (feature `faults`; without it nothing happens).
    pub fn fault(&self, tenant: &TenantId, id: &CallId, fault: Fault) -> Result<(), DeskError> {
        let entry = self.entry(tenant, id)?;
        let living = entry.actor.load_full().ok_or(DeskError::Gone)?;
        living.address.try_send(fault).map_err(|_| DeskError::Busy)
    }

    /// A fresh id for an attempt.
    pub fn attempt_id(&self) -> Option<AttemptId> {
        crate::random::bits().map(AttemptId::from_random)
    }

    /// A fresh id for a payment.
    pub fn payment_id(&self) -> Option<PaymentId> {
        crate::random::bits().map(PaymentId::from_random)
    }

    /// A foreign call is as unknown as one that never was.
    fn entry(&self, tenant: &TenantId, id: &CallId) -> Result<Arc<Entry>, DeskError> {
        let entry = self.0.registry.get(id).ok_or(DeskError::NotFound)?;
        if entry.tenant == *tenant { Ok(entry) } else { Err(DeskError::NotFound) }
    }
}
