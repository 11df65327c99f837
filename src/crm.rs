//! The way to each tenant's CRM.

use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use tonewall_connectors::crm::{CrmClient, CrmError};
use tonewall_model::ids::TenantId;
use tonewall_model::tenant::Tenant;

/// A client a tenant, set up once for each state of its manifest.
#[derive(Default)]
pub(crate) struct Crms(Mutex<HashMap<TenantId, (Arc<Tenant>, CrmClient)>>);

impl Crms {
    /// The tenant's client.
    ///
    /// # Errors
    /// It has no CRM, or its client cannot be built.
    pub fn of(&self, tenant: &Arc<Tenant>) -> Result<CrmClient, CrmError> {
        let mut clients = self.0.lock();
        if let Some((_, client)) = clients.get(&tenant.id).filter(|(known, _)| Arc::ptr_eq(known, tenant)) {
            return Ok(client.clone());
        }
        let client = CrmClient::new(&tenant.crm)?;
        clients.insert(tenant.id.clone(), (Arc::clone(tenant), client.clone()));
        Ok(client)
    }
}
