//! What the rows know of a call: its attempts, receipts, the means agreed on, the authority.

use tokio::runtime::Handle;
use tonewall_model::call::{CallView, PayState};
use tonewall_model::ids::{AttemptId, CallId};
use tonewall_model::payment::{AttemptState, Means, Outcome};
use tonewall_store::{
    AgreementRow, AttemptRow, CallRecord, MeansRow, OutboxRow, ReceiptRow, StoreError, TenantStore,
};

/// The rows of one call.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct CallFacts {
    /// Its record; none in the first moments of a call.
    pub record: Option<CallRecord>,
    /// Its attempts, oldest first.
    pub attempts: Vec<AttemptRow>,
    /// Its receipts, oldest first.
    pub receipts: Vec<ReceiptRow>,
    /// The other means that was agreed on last.
    pub means: Option<MeansRow>,
    /// The authority that follows from its last approval.
    pub agreement: Option<AgreementRow>,
    /// How far the CRM has been told of its last approval.
    pub write_back: Option<OutboxRow>,
    /// The rows could not be read: what is shown may be old.
    pub unreadable: bool,
}

impl CallFacts {
    /// Reads them, on the runtime on which the store's connections live.
    pub async fn load(runtime: &Handle, store: TenantStore, call: CallId) -> Result<CallFacts, StoreError> {
        let died = |_| StoreError::Unavailable("its task died".to_owned());
        runtime.spawn(async move { read(&store, &call).await }).await.map_err(died)?
    }

    /// The row of an attempt.
    pub fn attempt(&self, id: &AttemptId) -> Option<&AttemptRow> {
        self.attempts.iter().find(|row| row.id == *id)
    }

    /// The issuer's response code of an attempt's decline.
    pub fn scheme_code(&self, id: &AttemptId) -> Option<&str> {
        match &self.attempt(id)?.outcome {
            Some(Outcome::Declined(no)) => no.scheme_code.as_deref(),
            _ => None,
        }
    }

    /// The receipts of an attempt, oldest first.
    pub fn receipts_of<'a>(&'a self, id: Option<&'a AttemptId>) -> impl Iterator<Item = &'a ReceiptRow> {
        self.receipts.iter().filter(move |row| Some(&row.attempt) == id)
    }

    /// The last attempt, where the ledger has it: one that could not be recorded is in no row.
    pub fn recorded(&self, view: &CallView) -> Option<&AttemptRow> {
        view.payment.attempt.as_ref().and_then(|id| self.attempt(id))
    }

    /// The choice that answers the present question: one made before the last attempt does not. Rows
    /// cannot name an attempt that is in none; `answered` is the attempt on screen at the last choice.
    pub fn choice(&self, view: &CallView, answered: Option<&AttemptId>) -> Option<(&MeansRow, Means)> {
        let last = self.recorded(view).map(|row| &row.id);
        if last.is_none() && view.payment.attempt.as_ref().is_some_and(|own| Some(own) != answered) {
            return None;
        }
        let row = self.means.as_ref().filter(|row| row.attempt.as_ref() == last)?;
        Some((row, row.means))
    }

    /// How far the CRM has been told of an attempt.
    pub fn write_back_of(&self, id: Option<&AttemptId>) -> Option<&OutboxRow> {
        self.write_back.as_ref().filter(|row| Some(row.object.as_str()) == id.map(AttemptId::as_str))
    }

    /// The authority of an attempt.
    pub fn agreement_of(&self, id: Option<&AttemptId>) -> Option<&AgreementRow> {
        self.agreement.as_ref().filter(|row| Some(&row.attempt) == id)
    }

    /// Whether rows may have come that are not here: the view tells of another state.
    pub fn is_behind(&self, view: &CallView) -> bool {
        let (PayState::Attempt(state), Some(id)) = (view.payment.state, &view.payment.attempt) else {
            return false;
        };
        // What could not be recorded has no row and will have none.
        let unrecorded = state == AttemptState::Rejected;
        let is_old = |row: &AttemptRow| row.state == AttemptState::Sending && row.state != state;
        self.attempt(id).map_or(!unrecorded, is_old)
    }
}

async fn read(store: &TenantStore, call: &CallId) -> Result<CallFacts, StoreError> {
    let record = match store.call(call).await {
        Ok(record) => Some(record),
        Err(StoreError::NotFound) => None,
        Err(error) => return Err(error),
    };
    let attempts = store.attempts_of_call(call).await?;
    let approved = attempts.iter().rev().find(|row| row.state == AttemptState::Approved);
    let (agreement, write_back) = match approved {
        Some(row) => (store.agreement_of_attempt(&row.id).await?, store.write_back(&row.id).await?),
        None => (None, None),
    };
    Ok(CallFacts {
        record,
        agreement,
        write_back,
        receipts: store.receipts_of_call(call).await?,
        means: store.means_of_call(call).await?,
        attempts,
        unreadable: false,
    })
}
