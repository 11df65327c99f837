//! Double entry: what each move of an attempt books.
//!
//! Every state has a position in the accounts, and a move books the difference between the two
//! positions. So the entries of an attempt always add up to the position of its state, by whatever
//! way it came there, and every set of entries sums to zero.

use crate::money::Money;
use crate::payment::attempt::AttemptState;

/// An account of a tenant's ledger. Debits are positive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LedgerAccount {
    /// What the gateway owes the tenant (an asset).
    GatewayReceivable,
    /// Approved money that the gateway holds for review (an asset, perhaps).
    GatewayHeld,
    /// What customers have paid (income, a credit).
    CustomerPayments,
    /// The counterpart of [`LedgerAccount::GatewayHeld`].
    CustomerHeld,
    /// What was paid back (set against income).
    CustomerRefunds,
}

/// Every account, in the order in which entries are given.
pub const LEDGER_ACCOUNTS: [LedgerAccount; 5] = [
    LedgerAccount::GatewayReceivable,
    LedgerAccount::GatewayHeld,
    LedgerAccount::CustomerPayments,
    LedgerAccount::CustomerHeld,
    LedgerAccount::CustomerRefunds,
];

impl LedgerAccount {
    /// The word in rows and reports.
    pub fn as_str(self) -> &'static str {
        match self {
            LedgerAccount::GatewayReceivable => "gateway_receivable",
            LedgerAccount::GatewayHeld => "gateway_held",
            LedgerAccount::CustomerPayments => "customer_payments",
            LedgerAccount::CustomerHeld => "customer_held",
            LedgerAccount::CustomerRefunds => "customer_refunds",
        }
    }

    /// The account that a word of [`LedgerAccount::as_str`] names.
    pub fn parse(word: &str) -> Option<LedgerAccount> {
        LEDGER_ACCOUNTS.into_iter().find(|account| account.as_str() == word)
    }
}

/// One line: a debit (positive) or a credit (negative), in minor units of the attempt's currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Where it is booked.
    pub account: LedgerAccount,
    /// Minor units; never zero.
    pub minor: i64,
}

/// How often the amount stands in `account` while an attempt is in `state`: -1, 0 or 1.
pub fn position(state: AttemptState, account: LedgerAccount) -> i64 {
    use LedgerAccount::{CustomerHeld, CustomerPayments, CustomerRefunds, GatewayHeld, GatewayReceivable};
    match (state, account) {
        (AttemptState::Approved, GatewayReceivable) => 1,
        (AttemptState::Approved | AttemptState::Refunded, CustomerPayments) => -1,
        (AttemptState::Refunded, CustomerRefunds) => 1,
        (AttemptState::Held, GatewayHeld) => 1,
        (AttemptState::Held, CustomerHeld) => -1,
        _ => 0,
    }
}

/// What a move between two states books: nothing where no money moves, else lines that sum to
/// zero. An amount that is not positive books nothing, since no attempt can have one.
pub fn entries_for(from: AttemptState, to: AttemptState, amount: Money) -> Vec<Entry> {
    if amount.minor <= 0 {
        return Vec::new();
    }
    LEDGER_ACCOUNTS
        .into_iter()
        .map(|account| (account, position(to, account) - position(from, account)))
        .filter(|(_, times)| *times != 0)
        .map(|(account, times)| Entry { account, minor: times * amount.minor })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::Currency;
    use crate::payment::attempt::ATTEMPT_STATES;
    use AttemptState::*;
    use proptest::prelude::*;

    fn gbp(minor: i64) -> Money {
        Money { minor, currency: Currency::GBP }
    }

    fn shown(from: AttemptState, to: AttemptState) -> String {
        let line = |entry: &Entry| format!("{} {:+}", entry.account.as_str(), entry.minor);
        entries_for(from, to, gbp(1250)).iter().map(line).collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn each_move_of_money() {
        let cases = [
            (Sending, Approved, "gateway_receivable +1250, customer_payments -1250"),
            (Unknown, Approved, "gateway_receivable +1250, customer_payments -1250"),
            (Sending, Held, "gateway_held +1250, customer_held -1250"),
            (
                Held,
                Approved,
                "gateway_receivable +1250, gateway_held -1250, customer_payments -1250, customer_held +1250",
            ),
            (Held, Declined, "gateway_held -1250, customer_held +1250"),
            (Approved, Voided, "gateway_receivable -1250, customer_payments +1250"),
            (Approved, Refunded, "gateway_receivable -1250, customer_refunds +1250"),
            (Sending, Declined, ""),
            (Sending, Rejected, ""),
            (Sending, Unknown, ""),
            (Unknown, NotCharged, ""),
        ];
        for (from, to, expected) in cases {
            assert_eq!(shown(from, to), expected, "{from:?} to {to:?}");
        }
        assert_eq!(entries_for(Sending, Approved, gbp(i64::MIN)), []);
    }

    #[test]
    fn words_parse_back() {
        for account in LEDGER_ACCOUNTS {
            assert_eq!(LedgerAccount::parse(account.as_str()), Some(account));
        }
    }

    proptest! {
        #[test]
        fn every_walk_balances_and_ends_at_the_position_of_its_state(
            steps in prop::collection::vec(0..ATTEMPT_STATES.len(), 0..12),
            minor in 1..=i64::MAX,
        ) {
            let mut state = Sending;
            let mut totals = [0_i128; LEDGER_ACCOUNTS.len()];
            for step in steps {
                let to = ATTEMPT_STATES[step];
                let entries = entries_for(state, to, gbp(minor));
                prop_assert_eq!(entries.iter().map(|entry| i128::from(entry.minor)).sum::<i128>(), 0);
                for entry in entries {
                    totals[entry.account as usize] += i128::from(entry.minor);
                }
                state = to;
            }
            for account in LEDGER_ACCOUNTS {
                let expected = i128::from(position(state, account)) * i128::from(minor);
                prop_assert_eq!(totals[account as usize], expected);
            }
        }
    }
}
