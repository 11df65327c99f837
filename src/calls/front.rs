//! From an INVITE to the supervisor of its tenant.

use super::Surroundings;
use super::supervisor::{NewCall, TenantSupervisor};
use actix::dev::ContextFut;
use actix::{Addr, Context};
use arc_swap::ArcSwap;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tonewall_model::ids::TenantId;
use tonewall_model::pin::PinGuard;
use tonewall_telephony::sip::Incoming;
use tracing::{error, info, warn};

/// Restarts of a supervisor within [`RESTART_WINDOW`] before it is left dead (Erlang's restart
/// intensity). More would hide a crash loop; fewer would give a tenant up after bad luck.
const RESTARTS_MAX: usize = 3;

/// The window of the restart intensity.
const RESTART_WINDOW: Duration = Duration::from_secs(60);

/// The supervisors, by tenant.
pub struct Front {
    around: Surroundings,
    supervisors: ArcSwap<HashMap<TenantId, Addr<TenantSupervisor>>>,
    pins: Arc<parking_lot::Mutex<PinGuard>>,
    /// The clock of the counts, which outlive their supervisors.
    epoch: Instant,
}

impl Front {
    /// Starts a supervisor a tenant; on a thread of the actix system.
    pub fn start(around: Surroundings) -> Arc<Front> {
        let front = Arc::new(Front {
            supervisors: ArcSwap::default(),
            pins: Arc::default(),
            epoch: Instant::now(),
            around,
        });
        // Seated before anybody is told that we are ready: the first call finds its supervisor.
        for tenant in front.around.tenants.snapshot().tenants() {
            let first = front.fresh(&tenant.id);
            actix_rt::spawn(Arc::clone(&front).keep(tenant.id.clone(), first));
        }
        front
    }

    /// A new supervisor, seated; it lives when its future is polled.
    fn fresh(&self, tenant: &TenantId) -> ContextFut<TenantSupervisor, Context<TenantSupervisor>> {
        let supervisor = TenantSupervisor::new(self.around.clone(), Arc::clone(&self.pins), self.epoch);
        let future = Context::new().into_future(supervisor);
        self.seat(tenant, future.address());
        future
    }

    /// Runs a supervisor, and runs it again after a panic. It re-adopts its live calls: they are in
    /// the registry, and so are the counts of wrong PINs here.
    async fn keep(
        self: Arc<Self>,
        tenant: TenantId,
        first: ContextFut<TenantSupervisor, Context<TenantSupervisor>>,
    ) {
        let (mut restarts, mut next) = (Vec::<Instant>::new(), first);
        loop {
            match actix_rt::spawn(next).await {
                Err(error) if error.is_panic() => {}
                _ => return,
            }
            restarts.retain(|at| at.elapsed() < RESTART_WINDOW);
            restarts.push(Instant::now());
            let adopted = self.around.registry.live(&tenant);
            if restarts.len() > RESTARTS_MAX {
                error!(%tenant, "supervisor keeps dying: no new calls for this tenant");
                return;
            }
            error!(%tenant, adopted, "supervisor died and is rebuilt");
            next = self.fresh(&tenant);
        }
    }

    fn seat(&self, tenant: &TenantId, address: Addr<TenantSupervisor>) {
        self.supervisors.rcu(|supervisors| {
            let mut next = HashMap::clone(supervisors);
            next.insert(tenant.clone(), address.clone());
            next
        });
    }

    /// Takes calls until the endpoint is gone.
    pub async fn serve(self: Arc<Self>, mut incoming: mpsc::Receiver<Incoming>) {
        while let Some(call) = incoming.recv().await {
            self.take(call);
        }
    }

    fn take(&self, call: Incoming) {
        let source = call.invite.source;
        let directory = self.around.tenants.snapshot();
        let Some(tenant) = directory.by_number(&call.invite.to).map(|(tenant, _)| Arc::clone(tenant)) else {
            info!(%source, "number not known");
            return call.leg.reject(404, Some("Number not known here"));
        };
        let Some(trunk) = tenant.trunk_of(source.ip().to_canonical()).map(|trunk| trunk.id.clone()) else {
            warn!(%source, tenant = %tenant.id, "call from an address that is no trunk of the tenant");
            return call.leg.reject(403, Some("Source not allowed"));
        };
        let supervisors = self.supervisors.load();
        let leg = call.leg.clone();
        let taken = supervisors
            .get(&tenant.id)
            .is_some_and(|supervisor| supervisor.try_send(NewCall { call, tenant, trunk }).is_ok());
        if !taken {
            warn!(%source, "no supervisor takes the call");
            leg.reject(503, None);
        }
    }
}
