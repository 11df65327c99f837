//! What an agent may do on the screen. Every text is checked first; every wish goes to the call, and
//! what the call says no to comes back in words.

use super::desk::{Screens, Who};
use super::draft::Draft;
use super::facts::CallFacts;
use super::input::{self, AgreementForm};
use super::problem::Problem;
use super::shown::AgreementPreview;
use super::words::{self, Zone};
use super::{field_of, ledger};
use crate::calls::{CallHandle, TAKEN_BEFORE_MAX};
use crate::metrics::Receipt;
use std::sync::Arc;
use time::OffsetDateTime;
use tonewall_model::call::{CallView, Command, PayState, PayView, Phase, Unrecorded, same_account};
use tonewall_model::card::Address;
use tonewall_model::cpa::{CONSENT_VERSION, Terms, consent_text};
use tonewall_model::ids::{AgreementId, AttemptId, CallId, ReceiptId};
use tonewall_model::money::Money;
use tonewall_model::payment::{AttemptState, Means};
use tonewall_model::screen::{self, Facts};
use tonewall_model::tenant::{AddressCheck, Tenant};
use tonewall_store::{AttemptRow, MeansRow, NewAgreement, NewReceipt, StoreError, TenantStore};

type Done = Result<(), Problem>;

/// A call as an agent may act on it.
struct Case {
    view: CallView,
    facts: CallFacts,
    handle: Option<CallHandle>,
    tenant: Arc<Tenant>,
    /// The attempt in no row that a choice has answered.
    answered: Option<AttemptId>,
}

impl Case {
    /// The approved attempt that receipts and authorities follow from.
    fn approved(&self) -> Result<&AttemptRow, Problem> {
        let row = self.facts.recorded(&self.view).filter(|row| row.state == AttemptState::Approved);
        row.ok_or_else(|| Problem::conflict("not_taken", "There is no payment that was taken."))
    }

    /// What `model::screen` must know to decide on choices.
    fn model_facts(&self, wrapped: bool) -> Facts {
        let id = self.view.payment.attempt.as_ref();
        Facts {
            order_known: self.view.payment.amount.is_some(),
            choice: self.facts.choice(&self.view, self.answered.as_ref()).map(|(_, means)| means),
            receipts: self.facts.receipts_of(id).count(),
            wrapped,
            typed_address: self.tenant.capture.address == AddressCheck::Typed,
            was_secured: self.view.secured_ms.is_some(),
        }
    }
}

impl Screens {
    /// Asks for the card. Empty account and amount: the order of this call stands (another card, the
    /// same one again). The same account and amount as a payment of the last hour is asked about
    /// once: the screen then has `duplicate`, and nothing has begun; `confirmed` counts as the answer
    /// to that question alone. While an attempt of the account is not settled nothing is asked for.
    pub async fn collect(
        &self,
        who: &Who,
        call: &CallId,
        account: &str,
        amount: &str,
        confirmed: bool,
    ) -> Done {
        let (tenant, handle) = (self.tenant_of(who)?, self.live(who, call)?);
        let pay = handle.look(|view| view.payment.clone());
        let standing = pay.account.clone().zip(pay.amount);
        let (account, amount) = match (account.trim(), amount.trim(), standing.clone()) {
            ("", "", Some(standing)) => standing,
            (account, amount, _) => (input::account(account)?, input::amount(amount, tenant.currency)?),
        };
        let order = (account.clone(), amount);
        let confirmed = confirmed && asked_about(&self.inner().drafts.of(call), &pay, &order);
        let ask = standing.as_ref() != Some(&order) || pay.unrecorded == Some(Unrecorded::TakenBefore);
        self.inner().drafts.change(call, |draft| draft.order = Some(order));
        self.settled(who, &account).await?;
        if ask
            && !confirmed
            && let Some(question) = self.taken_before(who, &tenant, &account, amount).await?
        {
            self.inner().drafts.change(call, |draft| draft.duplicate = Some(question));
            self.changed(call);
            return Ok(());
        }
        let payment = self.desk().payment_id().ok_or_else(Problem::no_entropy)?;
        self.inner().drafts.change(call, |draft| draft.duplicate = None);
        self.unwrap(who, call).await?;
        let asked = self.act(who, call, Command::Collect { payment, account, amount, confirmed }).await;
        if asked.is_ok() {
            self.inner().drafts.change(call, |draft| (draft.order, draft.wrapped) = (None, false));
        }
        self.changed(call);
        asked
    }

    /// Takes back what the rows say of a call that goes on. Before anything begins: a payment on a call
    /// that still counts as wrapped up would be on no screen once only its rows are left.
    async fn unwrap(&self, who: &Who, call: &CallId) -> Done {
        if !self.inner().drafts.of(call).wrapped {
            return Ok(());
        }
        let (store, id) = (self.store(who), call.clone());
        match self.write(async move { store.call_unwrap(&id).await }).await {
            Ok(()) | Err(StoreError::NotFound) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Looks the unpaid invoices of an account up.
    pub async fn find(&self, who: &Who, call: &CallId, account: &str) -> Done {
        let (tenant, account) = (self.tenant_of(who)?, input::account(account)?);
        self.live(who, call)?;
        match self.inner().lookups.by_account(&tenant, call, &account) {
            true => Ok(()),
            false => Err(Problem::conflict("no_crm", "Invoices cannot be looked up here.")),
        }
    }

    /// House number and postcode as the agent typed them.
    pub async fn address(&self, who: &Who, call: &CallId, house_number: &str, postcode: &str) -> Done {
        let house_number = input::address_part("house_number", house_number)?;
        let postcode = input::address_part("postcode", postcode)?;
        if house_number.is_empty() && postcode.is_empty() {
            return Err(Problem::at(
                "house_number",
                "missing",
                "Type the house number, the postcode, or both.",
            ));
        }
        let address = Address::parse(&house_number, &postcode).ok_or_else(|| {
            Problem::at("postcode", "bad_address", "Use at most 12 characters in each box.")
        })?;
        self.act(who, call, Command::Address(address.clone())).await?;
        self.inner().drafts.change(call, |draft| draft.address = Some(address));
        self.changed(call);
        Ok(())
    }

    /// One field again, by its name on the screen.
    pub async fn reask(&self, who: &Who, call: &CallId, field: &str) -> Done {
        let field =
            field_of(field).ok_or_else(|| Problem::at("field", "bad_choice", "There is no such field."))?;
        self.act(who, call, Command::Reask(field)).await
    }

    /// Secures the line.
    pub async fn secure(&self, who: &Who, call: &CallId) -> Done {
        self.act(who, call, Command::Secure).await
    }

    /// Opens the line again.
    pub async fn unsecure(&self, who: &Who, call: &CallId) -> Done {
        self.act(who, call, Command::Unsecure).await
    }

    /// Takes the payment.
    pub async fn take(&self, who: &Who, call: &CallId) -> Done {
        let attempt = self.desk().attempt_id().ok_or_else(Problem::no_entropy)?;
        self.act(who, call, Command::Take(attempt)).await
    }

    /// Gives the customer more time.
    pub async fn more_time(&self, who: &Who, call: &CallId) -> Done {
        self.act(who, call, Command::MoreTime).await
    }

    /// Counts repeats of a key within a moment once, or no longer.
    pub async fn slow_keys(&self, who: &Who, call: &CallId, on: bool) -> Done {
        self.act(who, call, Command::SlowKeys(on)).await
    }

    /// Ends the capture.
    pub async fn cancel(&self, who: &Who, call: &CallId) -> Done {
        self.act(who, call, Command::Cancel).await
    }

    /// Ends the call.
    pub async fn hangup(&self, who: &Who, call: &CallId) -> Done {
        self.act(who, call, Command::Hangup).await
    }

    /// Takes charge of a call that nobody has; of an own one, live or not, that is so already.
    pub async fn claim(&self, who: &Who, call: &CallId) -> Done {
        match self.desk().handle(&who.tenant, call) {
            Ok(_) if self.live(who, call)?.look(|view| view.agent.is_some()) => Ok(()),
            Ok(_) => {
                self.desk().command(&who.tenant, call, Command::Claim(who.agent.clone())).await?;
                Ok(())
            }
            Err(_) => self.case(who, call).await.map(|_| ()),
        }
    }

    /// Leaves a call behind. Not while a payment is open, and not after a no without a choice. On a
    /// live call the line is released.
    pub async fn wrap_up(&self, who: &Who, call: &CallId) -> Done {
        let case = self.case(who, call).await?;
        let (view, facts) = (&case.view, case.model_facts(false));
        if view.capture_open {
            return Err(Problem::conflict(
                "field_open",
                "The card entry is open. Finish it, or stop it first.",
            ));
        }
        if view.payment.state == PayState::Attempt(AttemptState::Sending) {
            return Err(Problem::conflict("unresolved", "The payment is still with the bank. One moment."));
        }
        if screen::must_choose(view, &facts) {
            return Err(Problem::conflict(
                "must_choose",
                "The customer has not paid yet. Choose first how it goes on: another card, a pay link, a bank transfer, or later.",
            ));
        }
        if view.phase == Phase::Connected && view.secured {
            self.act(who, call, Command::Unsecure).await?;
        }
        let (store, id) = (self.store(who), call.clone());
        let wrapped = self.write(async move { store.call_wrap(&id, OffsetDateTime::now_utc()).await }).await;
        match wrapped {
            // The record of a call that has just begun may not be there yet.
            Ok(()) | Err(StoreError::NotFound) if case.handle.is_some() => {}
            other => other?,
        }
        self.inner().drafts.change(call, |draft| {
            (draft.wrapped, draft.order, draft.duplicate) = (true, None, None);
        });
        self.changed(call);
        self.desk().around().events.bump_tenant(&who.tenant);
        Ok(())
    }

    /// Another means of payment was agreed.
    pub async fn means(&self, who: &Who, call: &CallId, means: &str, note: &str) -> Done {
        let means = Means::parse(means)
            .ok_or_else(|| Problem::at("means", "bad_choice", "Choose one of what is offered."))?;
        let note = input::note(note)?;
        let case = self.case(who, call).await?;
        if let PayState::Attempt(state) = case.view.payment.state {
            if state.is_live() {
                return Err(words::refused(tonewall_model::call::Refused::Unresolved));
            }
            if state == AttemptState::Approved {
                return Err(words::refused(tonewall_model::call::Refused::AlreadyTaken));
            }
        }
        if case.view.capture_open {
            return Err(Problem::conflict(
                "field_open",
                "The card entry is open. Finish it, or stop it first.",
            ));
        }
        let last = case.facts.recorded(&case.view);
        let row = MeansRow {
            call: call.clone(),
            payment: last.map(|row| row.payment.clone()),
            attempt: last.map(|row| row.id.clone()),
            means,
            note,
            agent: who.agent.clone(),
            at: OffsetDateTime::now_utc(),
        };
        let store = self.store(who);
        self.write(async move { store.means_choose(row).await }).await.map_err(too_many("means"))?;
        let answered = case.view.payment.attempt.clone();
        self.inner().drafts.change(call, |draft| draft.answered = answered);
        self.changed(call);
        Ok(())
    }

    /// Sends a receipt, through the outbox: it is queued when this returns.
    pub async fn receipt(&self, who: &Who, call: &CallId, email: &str) -> Done {
        let address = input::email(email)?;
        if !self.mail_on() {
            return Err(Problem::conflict("no_mail", words::NO_MAIL));
        }
        let case = self.case(who, call).await?;
        let attempt = case.approved()?.id.clone();
        let id = crate::random::bits().map(ReceiptId::from_random).ok_or_else(Problem::no_entropy)?;
        let (store, agent) = (self.store(who), who.agent.clone());
        let kind = "payment".to_owned();
        let new = NewReceipt { id, attempt, kind, address, agent, now: OffsetDateTime::now_utc() };
        self.write(async move { store.receipt_queue(new).await }).await.map_err(too_many("email"))?;
        self.desk().around().metrics.receipt(Receipt::Queued);
        self.changed(call);
        Ok(())
    }

    /// What an authority would be: its dates, and the wording to read out.
    pub async fn agreement_preview(
        &self,
        who: &Who,
        call: &CallId,
        form: &AgreementForm,
    ) -> Result<AgreementPreview, Problem> {
        let case = self.case(who, call).await?;
        let (terms, consent) = agreed(&case, form)?;
        let dates = terms.dates();
        Ok(AgreementPreview {
            read: super::consent::mark(call, &consent, &dates),
            count: dates.len(),
            dates: dates.into_iter().map(words::date).collect(),
            total: terms.total().shown(),
            consent,
        })
    }

    /// Records an authority that the customer has agreed to, with the wording.
    pub async fn agreement(&self, who: &Who, call: &CallId, form: &AgreementForm) -> Done {
        let case = self.case(who, call).await?;
        let (terms, consent_text) = agreed(&case, form)?;
        if !form.agreed {
            return Err(Problem::at(
                "agreed",
                "not_agreed",
                "Read the wording out, and tick the box once the customer agrees.",
            ));
        }
        let dates = terms.dates();
        if form.read != super::consent::mark(call, &consent_text, &dates) {
            let words = "The terms have changed since the wording was shown. Show it again and read it out.";
            return Err(Problem { field: Some("agreed"), ..Problem::conflict("not_read", words) });
        }
        if case.view.phase != Phase::Connected {
            return Err(Problem::conflict("call_ended", "The customer has to be on the line to agree."));
        }
        let attempt = case.approved()?;
        let id = crate::random::bits().map(AgreementId::from_random).ok_or_else(Problem::no_entropy)?;
        let new = NewAgreement {
            id,
            attempt: attempt.id.clone(),
            call: call.clone(),
            agent: who.agent.clone(),
            dates,
            terms,
            consent_text,
            consent_version: CONSENT_VERSION.to_owned(),
            agreed_at: OffsetDateTime::now_utc(),
            brand: attempt.card.brand.clone(),
            last4: attempt.card.last4.clone(),
            expiry: attempt.card.expiry.clone(),
        };
        let store = self.store(who);
        self.write(async move { store.agreement_begin(new).await }).await.map_err(|error| match error {
            StoreError::AlreadyAgreed { .. } => {
                Problem::conflict("already_agreed", "An authority was set up for this payment already.")
            }
            other => other.into(),
        })?;
        self.changed(call);
        Ok(())
    }

    fn tenant_of(&self, who: &Who) -> Result<Arc<Tenant>, Problem> {
        self.tenant(who).ok_or_else(Problem::not_found)
    }

    /// A call of the registry that this agent may act on: an own one, or one that nobody has.
    fn live(&self, who: &Who, call: &CallId) -> Result<CallHandle, Problem> {
        let handle = self.desk().handle(&who.tenant, call)?;
        let may = handle.look(|view| view.agent.as_ref().is_none_or(|own| *own == who.agent));
        if may { Ok(handle) } else { Err(Problem::not_found()) }
    }

    /// Whoever acts on a call that nobody has takes charge of it.
    async fn act(&self, who: &Who, call: &CallId, command: Command) -> Done {
        if self.live(who, call)?.look(|view| view.agent.is_none()) {
            self.claim(who, call).await?;
        }
        self.desk().command(&who.tenant, call, command).await?;
        Ok(())
    }

    /// A call of this agent, from the registry or from rows.
    async fn case(&self, who: &Who, call: &CallId) -> Result<Case, Problem> {
        let tenant = self.tenant_of(who)?;
        let handle = match self.live(who, call) {
            Ok(handle) => Some(handle),
            Err(problem) if self.desk().handle(&who.tenant, call).is_ok() => return Err(problem),
            Err(_) => None,
        };
        let facts = self.facts(who, call).await?;
        let view = match (&handle, &facts.record) {
            (Some(handle), _) => handle.view(),
            (None, Some(record)) if record.agent.as_ref() == Some(&who.agent) => {
                ledger::view(record, &facts.attempts)
            }
            (None, _) => return Err(Problem::not_found()),
        };
        let answered = self.inner().drafts.of(call).answered;
        Ok(Case { view, facts, handle, tenant, answered })
    }

    /// Runs a write on the runtime on which the store's connections live.
    async fn write<F>(&self, write: F) -> Result<(), StoreError>
    where
        F: Future<Output = Result<(), StoreError>> + Send + 'static,
    {
        let task = self.desk().around().runtime.spawn(write);
        task.await.unwrap_or_else(|_| Err(StoreError::Unavailable("its task died".to_owned())))
    }

    /// Refuses while an attempt of the account is not settled, on whatever call it was made.
    pub(super) async fn settled(&self, who: &Who, account: &str) -> Done {
        let (store, wanted) = (self.store(who), account.to_owned());
        let read = async move { store.live_of_account(&wanted).await };
        let read = self.desk().around().runtime.spawn(read).await;
        match read.unwrap_or_else(|_| Err(StoreError::Unavailable("its task died".to_owned())))? {
            Some(_) => Err(Problem::conflict("unresolved", words::UNSETTLED)),
            None => Ok(()),
        }
    }

    /// The question about the same payment, if it was taken a moment ago.
    pub(super) async fn taken_before(
        &self,
        who: &Who,
        tenant: &Tenant,
        account: &str,
        amount: Money,
    ) -> Result<Option<String>, Problem> {
        let (store, wanted): (TenantStore, String) = (self.store(who), account.to_owned());
        let now = OffsetDateTime::now_utc();
        let read = async move { store.earlier_taken(&wanted, amount, now - TAKEN_BEFORE_MAX).await };
        let read = self.desk().around().runtime.spawn(read).await;
        let row = read.unwrap_or_else(|_| Err(StoreError::Unavailable("its task died".to_owned())))?;
        Ok(row.map(|row| {
            let agent = tenant.agent(&row.agent).map_or(row.agent.0.clone(), |agent| agent.name.clone());
            let at = Zone::of(tenant).moment(row.concluded_at.unwrap_or(row.created_at), now);
            words::duplicate(&amount.shown(), account, &at, &agent)
        }))
    }

    /// Whoever looks at this call looks again.
    fn changed(&self, call: &CallId) {
        self.desk().around().events.bump(call);
    }
}

/// Whether this very order was asked about, at its start or at its taking.
pub(super) fn asked_about(draft: &Draft, pay: &PayView, order: &(String, Money)) -> bool {
    let same = |account: &str, amount| same_account(account, &order.0) && amount == order.1;
    let at_start = draft.duplicate.is_some()
        && draft.order.as_ref().is_some_and(|(account, amount)| same(account, *amount));
    let at_taking = pay.unrecorded == Some(Unrecorded::TakenBefore)
        && pay.account.as_ref().zip(pay.amount).is_some_and(|(account, amount)| same(account, amount));
    at_start || at_taking
}

/// Terms and wording, for an approved payment on this call.
fn agreed(case: &Case, form: &AgreementForm) -> Result<(Terms, String), Problem> {
    let attempt = case.approved()?;
    let tenant = &case.tenant;
    let today = Zone::of(tenant).today(OffsetDateTime::now_utc());
    let terms = input::terms(form, tenant.currency, today)?;
    let text = consent_text(&terms, &tenant.name, &attempt.card.last4, &words::cancel_how(tenant));
    Ok((terms, text))
}

fn too_many(field: &'static str) -> impl Fn(StoreError) -> Problem {
    move |error| match error {
        StoreError::TooMany if field == "email" => Problem::at(
            field,
            "too_many",
            "Five receipts have been sent for this payment: no more can be sent from here.",
        ),
        StoreError::TooMany => Problem::conflict("too_many", "No more choices can be recorded on this call."),
        StoreError::NotApproved { .. } => {
            Problem::conflict("not_taken", "There is no payment that was taken.")
        }
        StoreError::Invalid(_) => {
            Problem::at(field, "bad_text", "This cannot be saved as it was typed. Check it, please.")
        }
        other => other.into(),
    }
}
