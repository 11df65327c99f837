//! What is kept of a card after a bank's no, and what is asked for then.

use super::tests::*;

#[test]
fn what_was_kept_of_the_card_stays_closed_and_the_code_is_asked_for() {
    check(
        &format!("{VISA} take keep again:code/code 321* take keep again:expiry/expiry 0131* 321* take"),
        expect![[r#"
            Expiry 0 Visa ..1111
            Code 0 Visa ..1111 12/30
            - Visa ..1111 12/30 code:3 => Complete
            card Visa 1111 12/30 code:3
            - Visa ..1111 12/30
            Code 0 Visa ..1111 12/30 ?BankObjected(Code)
            - Visa ..1111 12/30 code:3 => Complete
            card Visa 1111 12/30 code:3
            - Visa ..1111 12/30
            Expiry 0 Visa ..1111 ?BankObjected(Expiry)
            Code 0 Visa ..1111 01/31
            - Visa ..1111 01/31 code:3 => Complete
            card Visa 1111 01/31 code:3
        "#]],
    );
    check(
        &format!("{VISA} take keep again:pan {VISA} take keep again:code/pan"),
        expect![[r#"
        Expiry 0 Visa ..1111
        Code 0 Visa ..1111 12/30
        - Visa ..1111 12/30 code:3 => Complete
        card Visa 1111 12/30 code:3
        - Visa ..1111 12/30
        Pan 0
        Expiry 0 Visa ..1111
        Code 0 Visa ..1111 12/30
        - Visa ..1111 12/30 code:3 => Complete
        card Visa 1111 12/30 code:3
        - Visa ..1111 12/30
        Pan 0 ?BankObjected(Pan)
    "#]],
    );
}

#[test]
fn another_card_and_another_opening_begin_at_the_number() {
    check(
        &format!("{VISA} take keep declined:code"),
        expect![[r#"
        Expiry 0 Visa ..1111
        Code 0 Visa ..1111 12/30
        - Visa ..1111 12/30 code:3 => Complete
        card Visa 1111 12/30 code:3
        - Visa ..1111 12/30
        Pan 0 ?BankObjected(Code)
    "#]],
    );
    check(
        &format!("{VISA} take keep take 4 reask:code more open"),
        expect![[r#"
        Expiry 0 Visa ..1111
        Code 0 Visa ..1111 12/30
        - Visa ..1111 12/30 code:3 => Complete
        card Visa 1111 12/30 code:3
        - Visa ..1111 12/30
        no card
        nothing
        Refused(NotOpen)
        Refused(NotOpen)
        Pan 0
    "#]],
    );
    check(
        &format!("{VISA} take again:code"),
        expect![[r#"
        Expiry 0 Visa ..1111
        Code 0 Visa ..1111 12/30
        - Visa ..1111 12/30 code:3 => Complete
        card Visa 1111 12/30 code:3
        Pan 0
    "#]],
    );
}

#[test]
fn the_code_has_the_length_of_the_kept_brand() {
    check_with(
        CapturePlan { brands: vec![Brand::Amex], ..plan() },
        "378282246310005* 1230* 1234* take keep again:code 123* 1234* take",
        expect![[r#"
            Expiry 0 Amex ..0005
            Code 0 Amex ..0005 12/30
            - Amex ..0005 12/30 code:4 => Complete
            card Amex 0005 12/30 code:4
            - Amex ..0005 12/30
            Code 0 Amex ..0005 12/30
            Code 0 Amex ..0005 12/30 !TooShort { by: 1 } left:2
            - Amex ..0005 12/30 code:4 => Complete
            card Amex 0005 12/30 code:4
        "#]],
    );
}

#[test]
fn an_address_is_kept_unless_it_is_the_one_to_fix() {
    check_with(
        keyed(),
        &format!("{VISA} * * take keep again:code 321* take keep again:house/house 7* 321*"),
        expect![[r#"
            Expiry 0 Visa ..1111
            Code 0 Visa ..1111 12/30
            HouseNumber 0 Visa ..1111 12/30 code:3
            Postcode 0 Visa ..1111 12/30 code:3
            - Visa ..1111 12/30 code:3 => Complete
            card Visa 1111 12/30 code:3
            - Visa ..1111 12/30
            Code 0 Visa ..1111 12/30
            - Visa ..1111 12/30 code:3 => Complete
            card Visa 1111 12/30 code:3
            - Visa ..1111 12/30
            HouseNumber 0 Visa ..1111 12/30 ?BankObjected(HouseNumber)
            Code 0 Visa ..1111 12/30 address
            - Visa ..1111 12/30 code:3 address => Complete
        "#]],
    );
    check_with(
        typed(),
        &format!("address:1,AB1 {VISA} take keep again:address/address address:2,AB2 321*"),
        expect![[r#"
            Pan 0 address
            Expiry 0 Visa ..1111 address
            Code 0 Visa ..1111 12/30 address
            - Visa ..1111 12/30 code:3 address => Complete
            card Visa 1111 12/30 code:3 "1"/"1"
            - Visa ..1111 12/30 address
            Code 0 Visa ..1111 12/30 ?BankObjected(Address)
            Code 0 Visa ..1111 12/30 address
            - Visa ..1111 12/30 code:3 address => Complete
        "#]],
    );
}

#[test]
fn what_was_kept_ends_with_time_and_with_the_agent_s_no() {
    check(
        &format!("{VISA} take keep +299s +2s again:code"),
        expect![[r#"
        Expiry 0 Visa ..1111
        Code 0 Visa ..1111 12/30
        - Visa ..1111 12/30 code:3 => Complete
        card Visa 1111 12/30 code:3
        - Visa ..1111 12/30
        nothing
        -
        Pan 0
    "#]],
    );
    check(
        &format!("{VISA} take keep cancel cancel again:code"),
        expect![[r#"
        Expiry 0 Visa ..1111
        Code 0 Visa ..1111 12/30
        - Visa ..1111 12/30 code:3 => Complete
        card Visa 1111 12/30 code:3
        - Visa ..1111 12/30
        -
        Refused(NotOpen)
        Pan 0
    "#]],
    );
    check(
        &format!("{VISA} take keep again:code cancel again:code open"),
        expect![[r#"
        Expiry 0 Visa ..1111
        Code 0 Visa ..1111 12/30
        - Visa ..1111 12/30 code:3 => Complete
        card Visa 1111 12/30 code:3
        - Visa ..1111 12/30
        Code 0 Visa ..1111 12/30
        Cancelled
        Refused(NotTaken)
        Pan 0
    "#]],
    );
}

#[test]
fn a_capture_that_fails_keeps_nothing_for_the_next() {
    check(
        &format!("{VISA} take keep again:code +601s"),
        expect![[r#"
        Expiry 0 Visa ..1111
        Code 0 Visa ..1111 12/30
        - Visa ..1111 12/30 code:3 => Complete
        card Visa 1111 12/30 code:3
        - Visa ..1111 12/30
        Code 0 Visa ..1111 12/30
        Code 0 Visa ..1111 12/30 ?EndingSoon stalled:FirstKey => Failed(TimedOut)
    "#]],
    );
    check(
        &format!("{VISA} take keep again:code 1* 1* 1* again:code"),
        expect![[r#"
        Expiry 0 Visa ..1111
        Code 0 Visa ..1111 12/30
        - Visa ..1111 12/30 code:3 => Complete
        card Visa 1111 12/30 code:3
        - Visa ..1111 12/30
        Code 0 Visa ..1111 12/30
        Code 0 Visa ..1111 12/30 !TooShort { by: 2 } left:2
        Code 0 Visa ..1111 12/30 !TooShort { by: 2 } left:1
        Code 0 Visa ..1111 12/30 !TooShort { by: 2 } left:0 => Failed(TooManyTries(Code))
        Refused(NotTaken)
    "#]],
    );
}

#[test]
fn a_kept_number_counts_as_often_as_it_is_used() {
    let again = "take keep again:code 321*";
    check(
        &format!("{VISA} {again} {again} {again} {again} take keep again:code"),
        expect![[r#"
        Expiry 0 Visa ..1111
        Code 0 Visa ..1111 12/30
        - Visa ..1111 12/30 code:3 => Complete
        card Visa 1111 12/30 code:3
        - Visa ..1111 12/30
        Code 0 Visa ..1111 12/30
        - Visa ..1111 12/30 code:3 => Complete
        card Visa 1111 12/30 code:3
        - Visa ..1111 12/30
        Code 0 Visa ..1111 12/30
        - Visa ..1111 12/30 code:3 => Complete
        card Visa 1111 12/30 code:3
        - Visa ..1111 12/30
        Code 0 Visa ..1111 12/30
        - Visa ..1111 12/30 code:3 => Complete
        card Visa 1111 12/30 code:3
        - Visa ..1111 12/30
        Code 0 Visa ..1111 12/30
        - Visa ..1111 12/30 code:3 => Complete
        card Visa 1111 12/30 code:3
        nothing
        Failed(PanLocked)
    "#]],
    );
}
