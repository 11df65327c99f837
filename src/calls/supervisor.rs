//! Admission of a tenant's calls: room, rate, PIN, plan, media, and a seat for the actor.

use super::Surroundings;
use super::actor::{CallActor, Noted, Parts};
use super::registry::{Entry, Living, Place};
use super::{tap, watch};
use crate::evidence::{self, Trail};
use actix::{Actor, AsyncContext, Context, Handler, Message};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use time::OffsetDateTime;
use tonewall_model::call::{Call, Start};
use tonewall_model::card::YearMonth;
use tonewall_model::card::guard::holds_card_number;
use tonewall_model::ids::CallId;
use tonewall_model::pin::{self, Caller, Origin, PinGuard, Verdict};
use tonewall_model::route::{self, Called, Plan};
use tonewall_model::sdp::{self, Local, Remote};
use tonewall_model::tenant::Tenant;
use tonewall_secret::Secret;
use tonewall_telephony::media::{MediaHandle, MediaPlan, Side};
use tonewall_telephony::sip::Incoming;
use tracing::{error, info, warn};

/// Stands for a caller that must not be shown.
const CALLER_WITHHELD: &str = "withheld";

/// A call for this tenant.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct NewCall {
    pub call: Incoming,
    pub tenant: Arc<Tenant>,
    /// The trunk that brought it.
    pub trunk: String,
}

/// A call whose PIN has been judged and which has sat out its tarpit.
#[derive(Message)]
#[rtype(result = "()")]
struct Admitted {
    new: NewCall,
    plan: Plan,
}

/// The supervisor of one tenant.
pub(super) struct TenantSupervisor {
    around: Surroundings,
    pins: Arc<Mutex<PinGuard>>,
    epoch: Instant,
    rates: HashMap<String, (u64, u32)>,
}

impl TenantSupervisor {
    pub fn new(around: Surroundings, pins: Arc<Mutex<PinGuard>>, epoch: Instant) -> TenantSupervisor {
        TenantSupervisor { around, pins, epoch, rates: HashMap::new() }
    }

    fn has_room(&mut self, new: &NewCall) -> bool {
        let second = self.epoch.elapsed().as_secs();
        let limit = new.tenant.trunk(&new.trunk).map_or(0, |trunk| trunk.calls_per_s_max);
        let rate = self.rates.entry(new.trunk.clone()).or_insert((second, 0));
        if rate.0 != second {
            *rate = (second, 0);
        }
        rate.1 += 1;
        rate.1 <= limit && self.around.registry.live(&new.tenant.id) < self.around.calls_per_tenant_max
    }

    fn admit(&mut self, new: NewCall, ctx: &mut Context<Self>) {
        if !self.has_room(&new) {
            self.around.registry.totals.no_room.fetch_add(1, Ordering::Relaxed);
            warn!(tenant = %new.tenant.id, trunk = new.trunk, "no room for a call");
            return new.call.leg.reject(503, None);
        }
        let tenant = Arc::clone(&new.tenant);
        match route::called(&tenant, &new.call.invite.to) {
            Some(Called::InPath(route)) => match route::in_path(route) {
                Some(plan) => self.seat(Admitted { new, plan }),
                None => new.call.leg.reject(404, None),
            },
            Some(Called::OnDemand { number, trunk }) => self.by_pin(new, number, trunk, ctx),
            None => new.call.leg.reject(404, Some("Number not known here")),
        }
    }

    fn by_pin(&mut self, new: NewCall, number: &str, trunk: &str, ctx: &mut Context<Self>) {
        let invite = &new.call.invite;
        let dialled = pin::redact(&invite.to, number);
        // A dial string without a PIN is judged like a wrong one: time tells nothing.
        let none = || Secret::new(String::new());
        let said = pin::dial_string(&invite.to, number).map_or_else(none, |dialled| dialled.pin);
        let caller = match &invite.asserted {
            Some(identity) => Caller::Asserted(identity),
            None => Caller::Source(invite.source.ip()),
        };
        let origin = Origin { tenant: &new.tenant.id, trunk: &new.trunk, caller };
        let pins = new.tenant.agents.iter().map(|agent| (&agent.id, &agent.pin));
        let ruling = self.pins.lock().check(self.epoch.elapsed(), origin, pins, &said);
        if ruling.alarm {
            error!(tenant = %new.tenant.id, trunk = new.trunk, "many wrong PINs on this trunk");
        }
        let plan = match &ruling.verdict {
            Verdict::Agent(agent) => route::on_demand(&new.tenant, agent, trunk),
            Verdict::Wrong { .. } | Verdict::Locked { .. } => {
                self.around.registry.totals.pin_refused.fetch_add(1, Ordering::Relaxed);
                warn!(tenant = %new.tenant.id, trunk = new.trunk, dialled, "PIN not accepted");
                None
            }
        };
        match plan {
            Some(plan) if ruling.tarpit.is_zero() => self.seat(Admitted { new, plan }),
            Some(plan) => {
                ctx.notify_later(Admitted { new, plan }, ruling.tarpit);
            }
            None => {
                let leg = new.call.leg;
                self.around.runtime.spawn(async move {
                    tokio::time::sleep(ruling.tarpit).await;
                    leg.reject(403, Some("PIN not accepted"));
                });
            }
        }
    }

    /// Opens media, finds a seat and starts the actor there.
    fn seat(&mut self, Admitted { new, plan }: Admitted) {
        let NewCall { call, tenant, trunk } = new;
        let offer = match call.invite.offer.as_deref().map(sdp::read).transpose() {
            Ok(offer) => offer,
            Err(why) => {
                info!(tenant = %tenant.id, ?why, "offer cannot be used");
                return call.leg.reject(why.status(), None);
            }
        };
        if call.invite.max_forwards <= 1 {
            return call.leg.reject(483, None);
        }
        let Some(id) = crate::random::bits().map(CallId::from_random) else {
            return call.leg.reject(500, None);
        };
        let registry = Arc::clone(&self.around.registry);
        let noted = (Arc::clone(&registry), id.clone());
        let wanted = plan_of(&tenant, tap::file(self.around.tap_folder.as_deref(), &tenant, &id));
        let media = self.around.media.open(wanted, move |note| {
            let (registry, id) = &noted;
            let Some(living) = registry.get(id).and_then(|entry| entry.actor.load_full()) else { return };
            if living.address.try_send(Noted(note)).is_err() {
                registry.crashed(id, "mailbox full");
            }
        });
        let media = match media {
            Ok(media) => media,
            Err(error) => {
                error!(?error, "no media for a call");
                return call.leg.reject(503, None);
            }
        };
        self.launch(Taken { id, call, tenant, trunk, plan, offer, media });
    }

    fn launch(&self, taken: Taken) {
        let Taken { id, call, tenant, trunk, plan, offer, media } = taken;
        let epoch = call.invite.received;
        let mut hasher = DefaultHasher::new();
        id.hash(&mut hasher);
        let (seat, arbiter) = self.around.arbiters.seat(hasher.finish());
        let nat_of = |name: &str| tenant.trunk(name).filter(|t| t.nat).map(|t| t.address.ip());
        let trail = Trail::new(evidence::Start {
            tenant: Arc::clone(&tenant),
            customer_trunk: trunk.clone(),
            agent_trunk: plan.trunk.clone(),
            signalling: call.invite.source.ip(),
            media: offer.as_ref().map(|offer| offer.rtp.ip()),
        });
        let nat = (nat_of(&trunk).map(|_| call.invite.source.ip()), nat_of(&plan.trunk));
        let model = Call::new(
            Start {
                id: id.clone(),
                tenant: Arc::clone(&tenant),
                plan,
                caller: shown_caller(call.invite.asserted.unwrap_or(call.invite.from)),
                offer,
                customer: local(&media, Side::Customer),
                agent: local(&media, Side::Agent),
                today: this_month(),
            },
            Duration::ZERO,
        );
        info!(call = %id, tenant = %tenant.id, route = model.plan().route.as_str(), trunk, seat = seat.slot(), "call taken");
        let place =
            Place { tenant: tenant.id.clone(), seat, extension: model.plan().extension.clone(), trail };
        let entry = Entry::new(place, call.leg, media.control(), model.view(), epoch);
        let registry = Arc::clone(&self.around.registry);
        let entry = registry.add(id.clone(), entry);
        let parts = Parts {
            call: model,
            around: self.around.clone(),
            entry: Arc::clone(&entry),
            events: call.events,
            media,
            nat,
            max_forwards: call.invite.max_forwards.saturating_sub(1),
            epoch,
        };
        let runtime = self.around.runtime.clone();
        let (watched, seated) = (Arc::clone(&registry), id.clone());
        let sent = arbiter.spawn_fn(move || {
            let context = Context::new();
            let address = context.address();
            let task = actix_rt::spawn(context.into_future(CallActor::new(parts)));
            let living = Living { address, abort: task.abort_handle() };
            entry.actor.store(Some(Arc::new(living)));
            runtime.spawn(watch::actor(task, seated, watched));
        });
        if !sent {
            registry.crashed(&id, "its thread is gone");
        }
    }
}

/// A call that has everything but a seat.
struct Taken {
    id: CallId,
    call: Incoming,
    tenant: Arc<Tenant>,
    trunk: String,
    plan: Plan,
    offer: Option<Remote>,
    media: MediaHandle,
}

/// The session id of an SDP is the port: unique among the legs of a node at any time.
fn local(media: &MediaHandle, side: Side) -> Local {
    let rtp = media.address(side);
    Local { rtp, session: u64::from(rtp.port()), version: 1 }
}

/// What is shown and stored of who calls: anybody may write a card number into a From header. Nothing
/// is withheld that has the form of a telephone number (E.164: a plus and at most 15 digits).
fn shown_caller(said: String) -> String {
    let is_number = |rest: &str| (7..=15).contains(&rest.len()) && rest.bytes().all(|b| b.is_ascii_digit());
    let is_e164 = said.strip_prefix('+').is_some_and(is_number);
    if !is_e164 && holds_card_number(&said) { CALLER_WITHHELD.to_owned() } else { said }
}

fn this_month() -> YearMonth {
    let now = OffsetDateTime::now_utc();
    YearMonth { year: now.year().unsigned_abs() as u16, month: u8::from(now.month()) }
}

impl Actor for TenantSupervisor {
    type Context = Context<Self>;
}

impl Handler<NewCall> for TenantSupervisor {
    type Result = ();

    fn handle(&mut self, new: NewCall, ctx: &mut Self::Context) {
        self.admit(new, ctx);
    }
}

impl Handler<Admitted> for TenantSupervisor {
    type Result = ();

    fn handle(&mut self, admitted: Admitted, _ctx: &mut Self::Context) {
        self.seat(admitted);
    }
}

fn plan_of(tenant: &Tenant, tap: Option<PathBuf>) -> MediaPlan {
    MediaPlan { style: tenant.mask, dial_tone_hz: tenant.dial_tone_hz, tap }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_with_the_look_of_a_card_is_withheld_and_no_telephone_number_is() {
        // The last two have a right check digit, and the first digit of a card.
        let numbers = ["+447700900123", "07700900123", "anonymous", "", "+4915123456787", "+378282246310005"];
        for said in numbers {
            assert_eq!(shown_caller(said.to_owned()), said);
        }
        let cards =
            ["4263970000005262", "+4263970000005262", "4263 9700 0000 5262", "sip_4263_9700_0000_5262"];
        for said in cards {
            assert_eq!(shown_caller(said.to_owned()), "withheld", "{said}");
        }
    }
}
