//! Whose call, whose address, whose token: lookups over all tenants.

use arc_swap::ArcSwap;
use std::net::IpAddr;
use std::sync::Arc;
use tonewall_model::ids::TenantId;
use tonewall_model::route::{Called, called};
use tonewall_model::tenant::{Tenant, Trunk};

/// All tenants at one moment.
pub struct Directory {
    tenants: Vec<Arc<Tenant>>,
}

impl Directory {
    /// Of tenants that were checked together, as [`super::load`] does.
    pub fn new(tenants: Vec<Arc<Tenant>>) -> Directory {
        Directory { tenants }
    }

    /// Every tenant, in the order of their manifests' file names.
    pub fn tenants(&self) -> &[Arc<Tenant>] {
        &self.tenants
    }

    /// The tenant of that slug.
    pub fn tenant(&self, id: &TenantId) -> Option<&Arc<Tenant>> {
        self.tenants.iter().find(|tenant| tenant.id == *id)
    }

    /// Whose number a dialled user part is, and what calling it means; the longest number wins.
    pub fn by_number(&self, dialled: &str) -> Option<(&Arc<Tenant>, Called<'_>)> {
        let length = |called: &Called<'_>| match called {
            Called::InPath(_) => dialled.len(),
            Called::OnDemand { number, .. } => number.len(),
        };
        let claims = self.tenants.iter().filter_map(|tenant| Some((tenant, called(tenant, dialled)?)));
        claims.max_by_key(|(_, called)| length(called))
    }

    /// A trunk of any tenant from which this address may call: whether to listen to it at all.
    ///
    /// Tenants may share a carrier, so that the number tells whose call it is, and then
    /// [`Tenant::trunk_of`] whether that tenant admits the address.
    pub fn trunk_of(&self, source: IpAddr) -> Option<(&Arc<Tenant>, &Trunk)> {
        // A socket for both families reports 192.0.2.1 as ::ffff:192.0.2.1.
        let source = source.to_canonical();
        self.tenants.iter().find_map(|tenant| Some((tenant, tenant.trunk_of(source)?)))
    }

    /// The tenant of an API token. Compares with every tenant's, also after a match, so that time
    /// tells nothing.
    pub fn by_token(&self, token: &[u8]) -> Option<Arc<Tenant>> {
        let mut found = None;
        for tenant in &self.tenants {
            if tenant.api_token.matches(token) {
                found = Some(tenant);
            }
        }
        found.cloned()
    }
}

/// The tenants as they are now. Whoever takes a [`Directory`] keeps it: a call ends with the tenant
/// that it began with.
pub struct Tenants(ArcSwap<Directory>);

impl Tenants {
    /// Starts with these.
    pub fn new(tenants: Vec<Arc<Tenant>>) -> Tenants {
        Tenants(ArcSwap::from_pointee(Directory::new(tenants)))
    }

    /// The present ones.
    pub fn snapshot(&self) -> Arc<Directory> {
        self.0.load_full()
    }

    /// Others for whoever asks next.
    pub fn replace(&self, tenants: Vec<Arc<Tenant>>) {
        self.0.store(Arc::new(Directory::new(tenants)));
    }
}
