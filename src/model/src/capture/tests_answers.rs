//! What the agent and the call do: ask again, begin again, end.

use super::tests::*;

#[test]
fn a_new_number_always_needs_its_code_again() {
    check(
        &format!("{VISA} reask:pan 5555555555554444* 321* take"),
        expect![[r#"
        Expiry 0 Visa ..1111
        Code 0 Visa ..1111 12/30
        - Visa ..1111 12/30 code:3 => Complete
        Pan 0 12/30
        Code 0 Mastercard ..4444 12/30
        - Mastercard ..4444 12/30 code:3 => Complete
        card Mastercard 4444 12/30 code:3
    "#]],
    );
    check(
        "4111111111111111* 1230* 12 reask:pan 5555555555554444* 321*",
        expect![[r#"
        Expiry 0 Visa ..1111
        Code 0 Visa ..1111 12/30
        Code 2 Visa ..1111 12/30
        Pan 0 12/30
        Code 0 Mastercard ..4444 12/30
        - Mastercard ..4444 12/30 code:3 => Complete
    "#]],
    );
}

#[test]
fn another_field_asked_again_keeps_the_rest() {
    check(
        &format!("{VISA} reask:expiry 0131* take"),
        expect![[r#"
        Expiry 0 Visa ..1111
        Code 0 Visa ..1111 12/30
        - Visa ..1111 12/30 code:3 => Complete
        Expiry 0 Visa ..1111 code:3
        - Visa ..1111 01/31 code:3 => Complete
        card Visa 1111 01/31 code:3
    "#]],
    );
    check(
        &format!("{VISA} reask:code 1* 321* take"),
        expect![[r#"
        Expiry 0 Visa ..1111
        Code 0 Visa ..1111 12/30
        - Visa ..1111 12/30 code:3 => Complete
        Code 0 Visa ..1111 12/30
        Code 0 Visa ..1111 12/30 !TooShort { by: 2 } left:2
        - Visa ..1111 12/30 code:3 => Complete
        card Visa 1111 12/30 code:3
    "#]],
    );
    check(
        "4111111111111111* 1230* 12 reask:expiry 0131* 123*",
        expect![[r#"
        Expiry 0 Visa ..1111
        Code 0 Visa ..1111 12/30
        Code 2 Visa ..1111 12/30
        Expiry 0 Visa ..1111
        Code 0 Visa ..1111 01/31
        - Visa ..1111 01/31 code:3 => Complete
    "#]],
    );
    check(
        "4111 reask:pan 4242424242424242*",
        expect![[r#"
        Pan 4 Visa
        Pan 0
        Expiry 0 Visa ..4242
    "#]],
    );
    check_with(
        keyed(),
        &format!("{VISA} 12* 159* reask:house 14* reask:postcode 9* take"),
        expect![[r#"
        Expiry 0 Visa ..1111
        Code 0 Visa ..1111 12/30
        HouseNumber 0 Visa ..1111 12/30 code:3
        Postcode 0 Visa ..1111 12/30 code:3
        - Visa ..1111 12/30 code:3 address => Complete
        HouseNumber 0 Visa ..1111 12/30 code:3
        - Visa ..1111 12/30 code:3 address => Complete
        Postcode 0 Visa ..1111 12/30 code:3
        - Visa ..1111 12/30 code:3 address => Complete
        card Visa 1111 12/30 code:3 "14"/"9"
    "#]],
    );
}

#[test]
fn a_typed_address_asked_again() {
    check_with(
        typed(),
        &format!("address:1,AB1 {VISA} reask:address take address:2,AB2 take"),
        expect![[r#"
        Pan 0 address
        Expiry 0 Visa ..1111 address
        Code 0 Visa ..1111 12/30 address
        - Visa ..1111 12/30 code:3 address => Complete
        Address 0 Visa ..1111 12/30 code:3
        no card
        - Visa ..1111 12/30 code:3 address => Complete
        card Visa 1111 12/30 code:3 "2"/"2"
    "#]],
    );
}

#[test]
fn a_field_out_of_order_is_refused() {
    check(
        "reask:code 4111111111111111* reask:code reask:house reask:address",
        expect![[r#"
        Refused(NotReached(Pan))
        Expiry 0 Visa ..1111
        Refused(NotReached(Expiry))
        Refused(NotAsked(HouseNumber))
        Refused(NotAsked(Address))
    "#]],
    );
    check(
        &format!("{VISA} reask:pan reask:code reask:expiry"),
        expect![[r#"
        Expiry 0 Visa ..1111
        Code 0 Visa ..1111 12/30
        - Visa ..1111 12/30 code:3 => Complete
        Pan 0 12/30
        Refused(NotReached(Pan))
        Refused(NotReached(Pan))
    "#]],
    );
}

#[test]
fn a_decline_has_number_expiry_and_code_keyed_again() {
    check(
        &format!("{VISA} take declined 4111111111111111* 1230* 123* take"),
        expect![[r#"
        Expiry 0 Visa ..1111
        Code 0 Visa ..1111 12/30
        - Visa ..1111 12/30 code:3 => Complete
        card Visa 1111 12/30 code:3
        Pan 0
        Expiry 0 Visa ..1111
        Code 0 Visa ..1111 12/30
        - Visa ..1111 12/30 code:3 => Complete
        card Visa 1111 12/30 code:3
    "#]],
    );
    check(
        &format!("{VISA} take declined:expiry 4111111111111111* 0131* 123*"),
        expect![[r#"
        Expiry 0 Visa ..1111
        Code 0 Visa ..1111 12/30
        - Visa ..1111 12/30 code:3 => Complete
        card Visa 1111 12/30 code:3
        Pan 0 ?BankObjected(Expiry)
        Expiry 0 Visa ..1111 ?BankObjected(Expiry)
        Code 0 Visa ..1111 01/31
        - Visa ..1111 01/31 code:3 => Complete
    "#]],
    );
    check(
        "declined",
        expect![[r#"
        Refused(NotTaken)
    "#]],
    );
    check(
        &format!("{VISA} declined"),
        expect![[r#"
        Expiry 0 Visa ..1111
        Code 0 Visa ..1111 12/30
        - Visa ..1111 12/30 code:3 => Complete
        Refused(NotTaken)
    "#]],
    );
}

#[test]
fn a_decline_keeps_a_typed_address_unless_it_is_the_one_to_fix() {
    check_with(
        typed(),
        &format!("address:1,AB1 {VISA} take declined {VISA}"),
        expect![[r#"
        Pan 0 address
        Expiry 0 Visa ..1111 address
        Code 0 Visa ..1111 12/30 address
        - Visa ..1111 12/30 code:3 address => Complete
        card Visa 1111 12/30 code:3 "1"/"1"
        Pan 0 address
        Expiry 0 Visa ..1111 address
        Code 0 Visa ..1111 12/30 address
        - Visa ..1111 12/30 code:3 address => Complete
    "#]],
    );
    check_with(
        typed(),
        &format!("address:1,AB1 {VISA} take declined:address {VISA} address:2,AB2"),
        expect![[r#"
        Pan 0 address
        Expiry 0 Visa ..1111 address
        Code 0 Visa ..1111 12/30 address
        - Visa ..1111 12/30 code:3 address => Complete
        card Visa 1111 12/30 code:3 "1"/"1"
        Pan 0 ?BankObjected(Address)
        Expiry 0 Visa ..1111 ?BankObjected(Address)
        Code 0 Visa ..1111 12/30 ?BankObjected(Address)
        Address 0 Visa ..1111 12/30 code:3 ?BankObjected(Address)
        - Visa ..1111 12/30 code:3 address => Complete
    "#]],
    );
}

#[test]
fn tries_are_new_after_a_failure_and_the_field_begins_empty() {
    check(
        "1* 1* 41* open 4111* 4242424242424242*",
        expect![[r#"
        Pan 0 !BrandUnknown left:2
        Pan 0 !BrandUnknown left:1
        Pan 0 !TooShort { by: 14 } left:0 => Failed(TooManyTries(Pan))
        Pan 0
        Pan 0 !TooShort { by: 12 } left:2
        Expiry 0 Visa ..4242
    "#]],
    );
    check(
        &format!("{VISA} reask:code 1* 1* 1* open {VISA}"),
        expect![[r#"
        Expiry 0 Visa ..1111
        Code 0 Visa ..1111 12/30
        - Visa ..1111 12/30 code:3 => Complete
        Code 0 Visa ..1111 12/30
        Code 0 Visa ..1111 12/30 !TooShort { by: 2 } left:2
        Code 0 Visa ..1111 12/30 !TooShort { by: 2 } left:1
        Code 0 Visa ..1111 12/30 !TooShort { by: 2 } left:0 => Failed(TooManyTries(Code))
        Pan 0
        Expiry 0 Visa ..1111
        Code 0 Visa ..1111 12/30
        - Visa ..1111 12/30 code:3 => Complete
    "#]],
    );
}

#[test]
fn cancel_keeps_nothing() {
    check(
        &format!("{VISA} cancel take cancel 4 reask:pan open"),
        expect![[r#"
        Expiry 0 Visa ..1111
        Code 0 Visa ..1111 12/30
        - Visa ..1111 12/30 code:3 => Complete
        Cancelled
        no card
        Refused(NotOpen)
        nothing
        Refused(NotOpen)
        Pan 0
    "#]],
    );
}

#[test]
fn open_twice_is_refused() {
    check(
        "open 4 open",
        expect![[r#"
        Refused(AlreadyOpen)
        Pan 1 Visa
        Refused(AlreadyOpen)
    "#]],
    );
}

#[test]
fn after_five_numbers_no_sixth_is_asked_for() {
    let pan = "4111111111111111* reask:pan";
    check(
        &format!("{pan} {pan} {pan} {pan} {VISA} reask:pan take declined open"),
        expect![[r#"
        Expiry 0 Visa ..1111
        Pan 0
        Expiry 0 Visa ..1111
        Pan 0
        Expiry 0 Visa ..1111
        Pan 0
        Expiry 0 Visa ..1111
        Pan 0
        Expiry 0 Visa ..1111
        Code 0 Visa ..1111 12/30
        - Visa ..1111 12/30 code:3 => Complete
        Refused(PanLocked)
        card Visa 1111 12/30 code:3
        Failed(PanLocked)
        Failed(PanLocked)
    "#]],
    );
}

#[test]
fn mistyped_numbers_do_not_lock_the_field() {
    let thrice = "4111111111111112* 4111111111111112* 4111111111111112* open";
    check(
        &format!("{thrice} {thrice} 4111111111111111*"),
        expect![[r#"
        Pan 0 !CheckDigit left:2
        Pan 0 !CheckDigit left:1
        Pan 0 !CheckDigit left:0 => Failed(TooManyTries(Pan))
        Pan 0
        Pan 0 !CheckDigit left:2
        Pan 0 !CheckDigit left:1
        Pan 0 !CheckDigit left:0 => Failed(TooManyTries(Pan))
        Pan 0
        Expiry 0 Visa ..1111
    "#]],
    );
}

#[test]
fn one_try_only_where_the_plan_says_none() {
    check_with(
        CapturePlan { tries: 0, ..plan() },
        "41*",
        expect![[r#"
        Pan 0 !TooShort { by: 14 } left:0 => Failed(TooManyTries(Pan))
    "#]],
    );
}
