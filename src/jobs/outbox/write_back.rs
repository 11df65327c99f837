//! A payment that was taken, told to the tenant's CRM.

use super::{Fate, Outbox, Tried};
use crate::crm::Crms;
use std::time::Duration;
use time::OffsetDateTime;
use tonewall_connectors::crm::{CrmError, Paid};
use tonewall_model::ids::AttemptId;
use tonewall_model::payment::Outcome;
use tonewall_store::{AttemptRow, AuditEntry, AuditResult, OutboxRow, StoreError, TenantStore};
use tracing::{error, info, warn};

/// How long a CRM is told of a payment. Longer keeps rows that nobody expects any more; shorter
/// loses payments over a long weekend.
const HORIZON: Duration = Duration::from_secs(7 * 24 * 3_600);

pub(super) async fn tell(
    outbox: &Outbox,
    crms: &Crms,
    store: &TenantStore,
    row: &OutboxRow,
) -> Result<Tried, StoreError> {
    let quiet = |fate| Ok(Tried { fate, call: None });
    let Some(tenant) = outbox.tenants.snapshot().tenant(store.id()).cloned() else {
        return quiet(Fate::Again);
    };
    let client = match crms.of(&tenant) {
        Ok(client) => client,
        Err(CrmError::NoCrm) => return quiet(Fate::Delivered),
        Err(why) => {
            error!(tenant = %tenant.id, %why, "no way to the CRM");
            return quiet(Fate::Again);
        }
    };
    let attempt = match AttemptId::parse(&row.object) {
        Some(id) => store.attempt(&id).await?,
        None => return Err(StoreError::Corrupt(format!("outbox {}: object", row.id))),
    };
    let told = client.record_payment(&row.id, &paid(&attempt)).await;
    let fate = match told {
        Ok(()) => {
            info!(attempt = %attempt.id, "payment written to the CRM");
            Fate::Delivered
        }
        Err(why) if why.is_passing() && OffsetDateTime::now_utc() - row.created_at < HORIZON => {
            warn!(attempt = %attempt.id, %why, "payment not in the CRM yet");
            Fate::Again
        }
        Err(why) => {
            error!(attempt = %attempt.id, %why, "payment will not be in the CRM: a person has to enter it");
            Fate::GivenUp(given_up(&attempt, row))
        }
    };
    Ok(Tried { fate, call: Some(attempt.call) })
}

fn paid(attempt: &AttemptRow) -> Paid {
    let auth_code = match &attempt.outcome {
        Some(Outcome::Approved(yes) | Outcome::Held(yes)) => yes.auth_code.clone(),
        _ => String::new(),
    };
    Paid {
        account: attempt.account.clone(),
        amount: attempt.amount,
        auth_code,
        reference: attempt.id.as_str().to_owned(),
    }
}

fn given_up(attempt: &AttemptRow, row: &OutboxRow) -> AuditEntry {
    AuditEntry {
        who: "outbox".to_owned(),
        what: "crm.given_up".to_owned(),
        at: OffsetDateTime::now_utc(),
        result: AuditResult::Failure,
        origin: row.id.as_str().to_owned(),
        object: attempt.id.as_str().to_owned(),
    }
}
