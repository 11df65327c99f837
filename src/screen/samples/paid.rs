//! How far the payment of a sample has come.

use super::{Stand, money, now, random};
use time::{Date, Month, OffsetDateTime};
use tonewall_model::call::{CallView, CardShown, PayState, Unrecorded};
use tonewall_model::capture::Field;
use tonewall_model::card::Expiry;
use tonewall_model::cpa::{End, Every, Terms};
use tonewall_model::ids::{AgentId, AgreementId, AttemptId, EventId, PaymentId, ReceiptId};
use tonewall_model::payment::{AttemptState, Decline, DeclineClass, Means, Outcome};
use tonewall_model::tenant::{Brand, Tenant};
use tonewall_store::{AttemptRow, CardFacts, MeansRow, NewAgreement, OutboxRow, ReceiptRow, ReceiptState};

impl Stand {
    pub(super) fn attempt(&mut self, tenant: &Tenant, state: AttemptState, outcome: Option<Outcome>) {
        self.order(tenant);
        let expiry = Expiry { month: 12, year: 2030 };
        let keyed = vec![(Field::Pan, 16), (Field::Expiry, 4), (Field::Code, 3)];
        let pay = &mut self.view.payment;
        pay.state = PayState::Attempt(state);
        pay.attempt = Some(AttemptId::from_random(random(2)));
        pay.card = Some(CardShown { brand: Brand::Visa, last4: "5262".to_owned(), expiry, keyed });
        pay.attempts = 1;
        if matches!(state, AttemptState::Approved | AttemptState::Held) {
            pay.auth_code = Some("408432".to_owned());
        }
        self.facts.attempts = vec![row(tenant, &self.view, state, outcome)];
    }

    /// A payment of which the CRM has been told so far.
    pub(super) fn told(
        &mut self,
        tenant: &Tenant,
        attempts: u32,
        delivered_at: Option<OffsetDateTime>,
        given_up_at: Option<OffsetDateTime>,
    ) {
        self.attempt(tenant, AttemptState::Approved, None);
        self.facts.write_back = Some(OutboxRow {
            id: EventId::from_random(random(6)),
            topic: "payment.approved".to_owned(),
            object: AttemptId::from_random(random(2)).as_str().to_owned(),
            payload: "{}".to_owned(),
            created_at: now(),
            delivered_at,
            attempts,
            lease_until: None,
            given_up_at,
        });
    }

    pub(super) fn decline(&mut self, tenant: &Tenant, class: DeclineClass, fix: Option<Field>, code: &str) {
        let no = Decline {
            class,
            scheme_code: Some(code.to_owned()),
            advice: None,
            gateway_code: "declined".to_owned(),
            say: "Your bank hasn't approved it this time.".to_owned(),
        };
        self.attempt(tenant, AttemptState::Declined, Some(Outcome::Declined(no)));
        (self.view.payment.class, self.view.payment.fix) = (Some(class), fix);
    }

    pub(super) fn unrecorded(&mut self, tenant: &Tenant, why: Unrecorded) {
        self.attempt(tenant, AttemptState::Rejected, None);
        self.facts.attempts.clear();
        self.view.payment.unrecorded = Some(why);
    }

    pub(super) fn receipt(&mut self, tenant: &Tenant, state: ReceiptState, problem: Option<&str>) {
        self.attempt(tenant, AttemptState::Approved, None);
        self.facts.receipts = vec![ReceiptRow {
            id: ReceiptId::from_random(random(3)),
            attempt: AttemptId::from_random(random(2)),
            call: self.view.id.clone(),
            kind: "payment".to_owned(),
            address: "grace@example.com".to_owned(),
            agent: AgentId("ada".to_owned()),
            state,
            problem: problem.map(str::to_owned),
            tries: u32::from(problem.is_some()),
            created_at: now(),
            tried_at: problem.map(|_| now()),
            sent_at: (state == ReceiptState::Sent).then(now),
        }];
    }

    pub(super) fn agreement(&mut self, tenant: &Tenant) {
        self.receipt(tenant, ReceiptState::Sent, None);
        let first = |month| Date::from_calendar_date(2027, month, 1).unwrap_or(Date::MIN);
        let dates = vec![first(Month::January), first(Month::February), first(Month::March)];
        let (every, end) = (Every::Month, End::Count(3));
        self.facts.agreement = Some(NewAgreement {
            id: AgreementId::from_random(random(4)),
            attempt: AttemptId::from_random(random(2)),
            call: self.view.id.clone(),
            agent: AgentId("ada".to_owned()),
            terms: Terms { amount: money(tenant, 1_250), every, start: dates[0], end },
            dates,
            consent_text: "As read out.".to_owned(),
            consent_version: "1".to_owned(),
            agreed_at: now(),
            brand: "visa".to_owned(),
            last4: "5262".to_owned(),
            expiry: "12/30".to_owned(),
        });
    }

    pub(super) fn choose(&mut self) {
        self.facts.means = Some(MeansRow {
            call: self.view.id.clone(),
            payment: Some(PaymentId::from_random(random(5))),
            attempt: self.view.payment.attempt.clone(),
            means: Means::BankTransfer,
            note: "Will transfer tonight".to_owned(),
            agent: AgentId("ada".to_owned()),
            at: now(),
        });
    }
}

fn row(tenant: &Tenant, view: &CallView, state: AttemptState, outcome: Option<Outcome>) -> AttemptRow {
    AttemptRow {
        id: AttemptId::from_random(random(2)),
        payment: PaymentId::from_random(random(5)),
        call: view.id.clone(),
        agent: AgentId("ada".to_owned()),
        account: "INV-1001".to_owned(),
        amount: money(tenant, 1_250),
        gateway: "sandbox".to_owned(),
        merchant: "demo".to_owned(),
        idempotency_key: AttemptId::from_random(random(2)).as_str().to_owned(),
        card: CardFacts {
            brand: "visa".to_owned(),
            first6: "426397".to_owned(),
            last4: "5262".to_owned(),
            expiry: "12/30".to_owned(),
        },
        state,
        fence: 1,
        deadline_at: now(),
        outcome,
        created_at: now(),
        concluded_at: (!state.is_live()).then(now),
    }
}
