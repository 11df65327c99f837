//! Live calls: one actor a call, under supervisors that keep any failure to one of them.
//!
//! | file | holds |
//! |---|---|
//! | `front` | from an INVITE to the supervisor of its tenant |
//! | `supervisor` | admission, PIN, plan, media; one a tenant |
//! | `arbiters` | the threads that actors live on, and the watchdog over them |
//! | `actor` | the call: feeds the model, carries its effects out |
//! | `registry` | what is known of each call outside its actor: the tombstone |
//! | `payment` | one task an attempt, which outlives its call |
//! | `tap` | where the masked sound of a call is written to |
//! | `desk` | what the web may ask and command |

mod actor;
mod arbiters;
mod desk;
mod front;
mod payment;
mod registry;
mod supervisor;
mod tap;
mod watch;

pub use watch::beats;

pub use actor::Fault;
pub use arbiters::Arbiters;
pub use desk::{CallHandle, Desk, DeskError};
pub use front::Front;
pub(crate) use payment::{TAKEN_BEFORE_MAX, news};
pub use registry::{Registry, Totals};
pub use tap::prepare as prepare_taps;

use crate::events::Events;
use crate::metrics::Metrics;
use crate::tenancy::Tenants;
use std::path::Path;
use std::sync::Arc;
use tonewall_connectors::driver::GatewayClient;
use tonewall_store::Store;
use tonewall_telephony::media::MediaRuntime;
use tonewall_telephony::sip::SipEndpoint;

/// What every call needs of the rest of the system.
#[derive(Clone)]
pub struct Surroundings {
    /// The runtime on which everything that awaits runs; never an arbiter.
    pub runtime: tokio::runtime::Handle,
    /// Signalling.
    pub sip: SipEndpoint,
    /// Media.
    pub media: Arc<MediaRuntime>,
    /// The ledger.
    pub store: Store,
    /// The way to every gateway.
    pub gateways: Arc<GatewayClient>,
    /// The organisations.
    pub tenants: Arc<Tenants>,
    /// The calls.
    pub registry: Arc<Registry>,
    /// Word of changes that no view tells.
    pub events: Arc<Events>,
    /// What is counted.
    pub metrics: Metrics,
    /// Where actors live.
    pub arbiters: Arc<Arbiters>,
    /// Most live calls of one tenant.
    pub calls_per_tenant_max: usize,
    /// Folder for the masked sound of calls.
    pub tap_folder: Option<Arc<Path>>,
}
