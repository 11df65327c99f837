//! Has simulated customers call, and their agents' phones ring.

use super::Wanted;
use crate::system::System;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinHandle;
use tonewall_loadtest::call::{CallPlan, SimCall};
use tonewall_loadtest::follow::{Script, follow};
use tonewall_loadtest::stage::{Stage, StageConfig, caller_number};
use tonewall_loadtest::voice::Press;
use tonewall_model::ids::{AgentId, TenantId};
use tonewall_model::tenant::{EndKey, NumberRoute, Tenant};
use tracing::warn;

/// Simulated calls at once.
const CALLS_MAX: usize = 16;

/// A person's keys: 110 ms down, 190 ms to the next.
const HUMAN_PRESS_MS: (u32, u32) = (110, 190);

/// The phones of one tenant.
struct Scene {
    tenant: Arc<Tenant>,
    stage: Stage,
}

/// The running simulation. Dropping it ends it.
pub struct Director {
    task: JoinHandle<()>,
}

impl Drop for Director {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Director {
    /// Opens every tenant's phones and takes wishes from then on.
    pub(super) async fn start(
        tenants: &[Arc<Tenant>],
        pbx: &BTreeMap<TenantId, SocketAddr>,
        system: &System,
        seed: u64,
        mut wanted: mpsc::Receiver<Wanted>,
    ) -> Result<Director, String> {
        let runtime = system.desk.around().runtime.clone();
        let mut configs = Vec::new();
        for tenant in tenants {
            let pbx_bind = *pbx.get(&tenant.id).ok_or("a tenant has no simulated PBX")?;
            let config = StageConfig {
                sip: system.sip,
                pbx_bind,
                carrier_bind: None,
                api: format!("http://{}", system.http),
                token: tenant.api_token.expose().clone(),
                seed,
            };
            configs.push((Arc::clone(tenant), config));
        }
        let opened = runtime.spawn(async move {
            let mut scenes = BTreeMap::new();
            for (tenant, config) in configs {
                let stage = Stage::open(config).await.map_err(|error| error.to_string())?;
                scenes.insert(tenant.id.clone(), Arc::new(Scene { tenant, stage }));
            }
            Ok::<_, String>(scenes)
        });
        let scenes = opened.await.map_err(|error| error.to_string())??;
        let task = runtime.spawn(async move {
            let places = Arc::new(Semaphore::new(CALLS_MAX));
            let mut customers = 0;
            while let Some(wanted) = wanted.recv().await {
                let Some(scene) = scenes.get(&wanted.tenant).cloned() else { continue };
                let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
                customers += 1;
                let caller = wanted.caller.clone().unwrap_or_else(|| caller_number(customers));
                tokio::spawn(async move {
                    if let Err(why) = play(&scene, wanted, caller).await {
                        warn!(%why, "a simulated call went wrong");
                    }
                    drop(place);
                });
            }
        });
        Ok(Director { task })
    }
}

/// One call, from the first ring to the goodbye.
async fn play(scene: &Scene, wanted: Wanted, caller: String) -> Result<(), String> {
    let dial =
        way_to(&scene.tenant, &wanted.agent).ok_or("no number of this organisation leads to the agent")?;
    let end_key = match scene.tenant.capture.end_key {
        EndKey::Star => '*',
        EndKey::Hash => '#',
    };
    let (on_ms, off_ms) = HUMAN_PRESS_MS;
    let plan = CallPlan {
        dial,
        caller,
        press: Press { on_ms, off_ms, ..Press::default() },
        terminator: Some(end_key),
        ..CallPlan::default()
    };
    let plan = wanted.behaviour.adapt(plan);
    let script = Script { behaviour: wanted.behaviour, cards: wanted.cards, ..Script::default() };
    let mut call = SimCall::start(&scene.stage, plan).map_err(|error| error.to_string())?;
    let followed = follow(&mut call, &script).await;
    if followed.is_err() {
        // Whatever went wrong, no phone is left off the hook.
        let _ = tokio::time::timeout(Duration::from_secs(10), call.hangup()).await;
    }
    followed.map(drop).map_err(|error| error.to_string())
}

/// What a customer dials, or an agent's speed dial, so that this agent gets the call.
fn way_to(tenant: &Tenant, agent: &AgentId) -> Option<String> {
    let agent = tenant.agent(agent)?;
    let ways = tenant.numbers.iter().filter_map(|number| match &number.route {
        NumberRoute::OnDemand { .. } => Some(format!("{}{}", number.number, agent.pin.expose())),
        NumberRoute::InPath { extension, .. } => {
            (*extension == agent.extension).then(|| number.number.clone())
        }
    });
    // Without a number of their own an agent takes what rings at the first one.
    ways.into_iter().next().or_else(|| tenant.numbers.first().map(|number| number.number.clone()))
}
