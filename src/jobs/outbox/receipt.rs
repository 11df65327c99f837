//! A receipt: from its row to the mail server.

use super::{Fate, Outbox, Tried};
use crate::letters::{AgreementFacts, LettersError, ReceiptFacts};
use crate::metrics::Receipt;
use std::time::Duration;
use time::OffsetDateTime;
use tonewall_connectors::mail::{Letter, MailError};
use tonewall_model::ids::ReceiptId;
use tonewall_model::payment::{AttemptState, Outcome};
use tonewall_model::tenant::Tenant;
use tonewall_store::{OutboxRow, ReceiptRow, ReceiptState, StoreError, TenantStore};
use tracing::{error, info, warn};

/// How long a receipt is tried. Longer sends a receipt that nobody expects any more; shorter gives
/// up on a mail server that is mended the next morning.
const HORIZON: Duration = Duration::from_secs(24 * 3_600);

/// Tries to write down that a letter was taken, with a growing pause between them. Giving up sends
/// the same letter once more, under the same Message-ID.
const SENT_TRIES: u32 = 5;

/// The first of those pauses.
const SENT_PAUSE: Duration = Duration::from_millis(200);

/// What the agent reads where mail is not set up.
pub(super) const NO_MAILER: &str = "Mail is not set up here: the receipt waits.";

/// Why a receipt is not sent.
enum Not {
    /// Later again.
    Yet(String),
    /// Never.
    Ever(String),
}

pub(super) async fn send(outbox: &Outbox, store: &TenantStore, row: &OutboxRow) -> Result<Tried, StoreError> {
    let found = match ReceiptId::parse(&row.object) {
        Some(id) => store.receipt(&id).await,
        None => Err(StoreError::NotFound),
    };
    let receipt = match found {
        Err(StoreError::NotFound) => {
            error!(event = %row.id, "event about a receipt that is not there");
            return Ok(Tried { fate: Fate::Delivered, call: None });
        }
        found => found?,
    };
    let call = Some(receipt.call.clone());
    if receipt.state != ReceiptState::Queued {
        return Ok(Tried { fate: Fate::Delivered, call });
    }
    let sent = attempt(outbox, store, &receipt).await?;
    let fate = settle(outbox, store, &receipt, sent).await?;
    Ok(Tried { fate, call })
}

/// Writes the letter and hands it over.
async fn attempt(
    outbox: &Outbox,
    store: &TenantStore,
    receipt: &ReceiptRow,
) -> Result<Result<(), Not>, StoreError> {
    let Some(tenant) = outbox.tenants.snapshot().tenant(store.id()).cloned() else {
        return Ok(Err(Not::Yet(
            "This organisation is not set up at present: the receipt waits.".to_owned(),
        )));
    };
    let letter = match letter(outbox, store, receipt, &tenant).await? {
        Ok(letter) => letter,
        Err(not) => return Ok(Err(not)),
    };
    let Some(mailer) = &outbox.mailer else { return Ok(Err(Not::Yet(NO_MAILER.to_owned()))) };
    Ok(mailer.send(&letter).await.map_err(|error| match error {
        MailError::Temporary(words) => Not::Yet(words),
        MailError::Permanent(words) => Not::Ever(words),
    }))
}

async fn letter(
    outbox: &Outbox,
    store: &TenantStore,
    receipt: &ReceiptRow,
    tenant: &Tenant,
) -> Result<Result<Letter, Not>, StoreError> {
    let attempt = store.attempt(&receipt.attempt).await?;
    let (AttemptState::Approved, Some(Outcome::Approved(yes) | Outcome::Held(yes))) =
        (attempt.state, &attempt.outcome)
    else {
        let words = "The payment was undone before the receipt was sent.";
        return Ok(Err(Not::Ever(words.to_owned())));
    };
    let agreement = store.agreement_of_attempt(&attempt.id).await?;
    let facts = ReceiptFacts {
        tenant,
        amount: attempt.amount,
        at: attempt.concluded_at.unwrap_or(attempt.created_at),
        account: &attempt.account,
        brand: &attempt.card.brand,
        last4: &attempt.card.last4,
        auth_code: &yes.auth_code,
        reference: attempt.id.as_str(),
        gateway_ref: &yes.gateway_ref,
        agreement: agreement.as_ref().map(|made| AgreementFacts {
            reference: made.id.as_str(),
            amount: made.terms.amount,
            every: made.terms.every,
            dates: &made.dates,
        }),
    };
    Ok(outbox.letters.receipt(&facts).map_err(|why| not_written(receipt, &why)).map(|parts| Letter {
        from_name: tenant.name.clone(),
        reply_to: tenant.branding.reply_to.clone(),
        to: receipt.address.clone(),
        subject: parts.subject,
        text: parts.text,
        html: parts.html,
        logo: tenant.branding.logo.clone(),
        message_id: receipt.id.as_str().to_owned(),
    }))
}

/// What is missing can be added to the tenant's settings while the receipt waits.
fn not_written(receipt: &ReceiptRow, why: &LettersError) -> Not {
    error!(receipt = %receipt.id, %why, "receipt cannot be written");
    Not::Yet("The receipt cannot be written yet: a setting of the organisation is missing.".to_owned())
}

/// Writes down what became of a try.
async fn settle(
    outbox: &Outbox,
    store: &TenantStore,
    receipt: &ReceiptRow,
    sent: Result<(), Not>,
) -> Result<Fate, StoreError> {
    let now = OffsetDateTime::now_utc();
    let given_up = outbox.mailer.is_some() && now - receipt.created_at > HORIZON;
    outbox.metrics.receipt(match &sent {
        Ok(()) => Receipt::Sent,
        Err(Not::Yet(_)) if !given_up => Receipt::Delayed,
        Err(_) => Receipt::Refused,
    });
    match sent {
        Ok(()) => {
            taken(store, receipt).await?;
            info!(receipt = %receipt.id, "receipt sent");
            Ok(Fate::Settled)
        }
        Err(Not::Ever(words)) => {
            warn!(receipt = %receipt.id, words, "receipt refused");
            store.receipt_refused(&receipt.id, &words, now).await?;
            Ok(Fate::Settled)
        }
        Err(Not::Yet(words)) if given_up => {
            let words = format!("Given up after a day. {words}");
            warn!(receipt = %receipt.id, words, "receipt given up");
            store.receipt_refused(&receipt.id, &words, now).await?;
            Ok(Fate::Settled)
        }
        Err(Not::Yet(words)) => {
            store.receipt_tried(&receipt.id, Some(words), now).await?;
            Ok(Fate::Again)
        }
    }
}

/// The mail server has the letter: this has to be written down, even into a ledger that is busy.
async fn taken(store: &TenantStore, receipt: &ReceiptRow) -> Result<(), StoreError> {
    let mut tries = 0;
    loop {
        tries += 1;
        match store.receipt_sent(&receipt.id, OffsetDateTime::now_utc()).await {
            Ok(_) => return Ok(()),
            Err(StoreError::Busy | StoreError::Locked | StoreError::Unavailable(_)) if tries < SENT_TRIES => {
                tokio::time::sleep(SENT_PAUSE * tries).await;
            }
            Err(error) => return Err(error),
        }
    }
}
