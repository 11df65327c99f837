//! Good cards, and every problem of a field.

use super::tests::*;

#[test]
fn a_card_in_three_fields() {
    check(
        &format!("{VISA} take take"),
        expect![[r#"
        Expiry 0 Visa ..1111
        Code 0 Visa ..1111 12/30
        - Visa ..1111 12/30 code:3 => Complete
        card Visa 1111 12/30 code:3
        no card
    "#]],
    );
}

#[test]
fn the_brand_shows_when_it_is_certain_and_last_four_when_the_number_is_closed() {
    check(
        "4 1 1111 1111111111 *",
        expect![[r#"
        Pan 1 Visa
        Pan 2 Visa
        Pan 6 Visa
        Pan 16 Visa
        Expiry 0 Visa ..1111
    "#]],
    );
    check(
        "6 7 7 1",
        expect![[r#"
        Pan 1
        Pan 2 Maestro
        Pan 3 Maestro
        Pan 4 Maestro
    "#]],
    );
}

#[test]
fn hash_ends_and_star_clears_where_the_plan_says_so() {
    let hash = CapturePlan { end_key: EndKey::Hash, ..plan() };
    check_with(
        hash,
        "42* 4242424242424242# 0130# 999#",
        expect![[r#"
        Pan 0
        Expiry 0 Visa ..4242
        Code 0 Visa ..4242 01/30
        - Visa ..4242 01/30 code:3 => Complete
    "#]],
    );
}

#[test]
fn the_clear_key_empties_the_field_and_is_no_try() {
    check(
        "4111# # 4242424242424242*",
        expect![[r#"
        Pan 0
        Pan 0
        Expiry 0 Visa ..4242
    "#]],
    );
    check(
        "4242424242424242* 12# 1230* 12# 123*",
        expect![[r#"
        Expiry 0 Visa ..4242
        Expiry 0 Visa ..4242
        Code 0 Visa ..4242 12/30
        Code 0 Visa ..4242 12/30
        - Visa ..4242 12/30 code:3 => Complete
    "#]],
    );
}

#[test]
fn letters_and_late_keys_are_counted_and_ignored() {
    check(
        "41A1B1 111111111111* 1230* 123* 45",
        expect![[r#"
        Pan 4 Visa ignored:2
        Expiry 0 Visa ..1111 ignored:2
        Code 0 Visa ..1111 12/30 ignored:2
        - Visa ..1111 12/30 code:3 ignored:2 => Complete
        - Visa ..1111 12/30 code:3 ignored:4
    "#]],
    );
}

#[test]
fn an_end_key_too_many_is_no_try() {
    check(
        "* * * * 4242424242424242** 1230**",
        expect![[r#"
        Pan 0 !Empty left:3
        Pan 0 !Empty left:3
        Pan 0 !Empty left:3
        Pan 0 !Empty left:3
        Expiry 0 Visa ..4242 !Empty left:3
        Code 0 Visa ..4242 12/30 !Empty left:3
    "#]],
    );
}

#[test]
fn a_short_number_says_how_many_digits_are_missing() {
    check(
        "411111111111111* 411* 1*",
        expect![[r#"
        Pan 0 !TooShort { by: 1 } left:2
        Pan 0 !TooShort { by: 13 } left:1
        Pan 0 !BrandUnknown left:0 => Failed(TooManyTries(Pan))
    "#]],
    );
}

#[test]
fn a_long_number_is_a_problem_from_the_first_digit_that_is_too_many() {
    check(
        "5555555555554444 4 4 # 55555555555544444*",
        expect![[r#"
        Pan 16 Mastercard
        Pan 17 Mastercard !TooLong { by: 1 } left:3
        Pan 18 Mastercard !TooLong { by: 2 } left:3
        Pan 0
        Pan 0 !TooLong { by: 1 } left:2
    "#]],
    );
    check(
        "41111111111111111* 41111111111111111111 1111* #",
        expect![[r#"
        Pan 0 !TooLong { by: 1 } left:2
        Pan 19 Visa !TooLong { by: 1 } left:2
        Pan 0 !TooLong { by: 5 } left:1
        Pan 0
    "#]],
    );
    check(
        "411111111111111111111111111111",
        expect![[r#"
        Pan 19 Visa !TooLong { by: 11 } left:3
    "#]],
    );
}

#[test]
fn a_wrong_check_digit_three_times_offers_another_method() {
    check(
        "4111111111111112* 4111111111111113* 4111111111111114* 4111",
        expect![[r#"
        Pan 0 !CheckDigit left:2
        Pan 0 !CheckDigit left:1
        Pan 0 !CheckDigit left:0 => Failed(TooManyTries(Pan))
        nothing
    "#]],
    );
    assert!(FailWhy::TooManyTries(Field::Pan).offer_another_method());
}

#[test]
fn a_brand_that_is_not_taken_is_said_at_the_bin() {
    check(
        "3 7 8282246310005*",
        expect![[r#"
        Pan 1
        Pan 2 Amex ?BrandNotTaken(Amex)
        Pan 0 !BrandNotTaken(Amex) left:2
    "#]],
    );
    check(
        "6011 # 4242424242424242*",
        expect![[r#"
        Pan 4 Discover ?BrandNotTaken(Discover)
        Pan 0
        Expiry 0 Visa ..4242
    "#]],
    );
}

#[test]
fn a_number_of_no_brand() {
    check(
        "9 999999999999999*",
        expect![[r#"
        Pan 1 ?BrandUnknown
        Pan 0 !BrandUnknown left:2
    "#]],
    );
}

#[test]
fn american_express_has_fifteen_digits_and_a_code_of_four() {
    check_with(
        amex(),
        "378282246310005* 1230* 123* 12345 # 1234* take",
        expect![[r#"
        Expiry 0 Amex ..0005
        Code 0 Amex ..0005 12/30
        Code 0 Amex ..0005 12/30 !TooShort { by: 1 } left:2
        Code 5 Amex ..0005 12/30 !TooLong { by: 1 } left:2
        Code 0 Amex ..0005 12/30
        - Amex ..0005 12/30 code:4 => Complete
        card Amex 0005 12/30 code:4
    "#]],
    );
}

#[test]
fn maestro_may_have_nineteen_digits_and_diners_fourteen_or_more() {
    check(
        "6799990100000000019* 1230* 123* take",
        expect![[r#"
        Expiry 0 Maestro ..0019
        Code 0 Maestro ..0019 12/30
        - Maestro ..0019 12/30 code:3 => Complete
        card Maestro 0019 12/30 code:3
    "#]],
    );
    check_with(
        amex(),
        "3056930009020004*",
        expect![[r#"
        Expiry 0 Diners ..0004
    "#]],
    );
}

#[test]
fn unionpay_without_a_check_digit_is_taken_with_a_word_to_the_agent() {
    check(
        "6200000000000005*",
        expect![[r#"
        Expiry 0 UnionPay ..0005
    "#]],
    );
    check(
        "6200000000000006* 1230* 123*",
        expect![[r#"
        Expiry 0 UnionPay ..0006 ?NoCheckDigit
        Code 0 UnionPay ..0006 12/30 ?NoCheckDigit
        - UnionPay ..0006 12/30 code:3 ?NoCheckDigit => Complete
    "#]],
    );
}

#[test]
fn dates_as_people_key_them() {
    check(
        "4242424242424242* 930*",
        expect![[r#"
        Expiry 0 Visa ..4242
        Code 0 Visa ..4242 09/30 ?ExpiryCompleted
    "#]],
    );
    check(
        "4242424242424242* 092030*",
        expect![[r#"
        Expiry 0 Visa ..4242
        Code 0 Visa ..4242 09/30
    "#]],
    );
    check(
        "4242424242424242* 1250*",
        expect![[r#"
        Expiry 0 Visa ..4242
        Code 0 Visa ..4242 12/50 ?ExpiryFar
    "#]],
    );
}

#[test]
fn every_problem_of_a_date() {
    check(
        "4242424242424242* 1330* 12* 1026*",
        expect![[r#"
        Expiry 0 Visa ..4242
        Expiry 0 Visa ..4242 !ExpiryMonth left:2
        Expiry 0 Visa ..4242 !TooShort { by: 2 } left:1
        Expiry 0 Visa ..4242 !ExpiryPast left:0 => Failed(TooManyTries(Expiry))
    "#]],
    );
    check(
        "4242424242424242* 1230303 0*",
        expect![[r#"
        Expiry 0 Visa ..4242
        Expiry 7 Visa ..4242 !TooLong { by: 1 } left:3
        Expiry 0 Visa ..4242 !TooLong { by: 2 } left:2
    "#]],
    );
}

#[test]
fn a_card_number_keyed_as_a_date_is_not_shown() {
    check(
        "4242424242424242* 4242424242424242*",
        expect![[r#"
        Expiry 0 Visa ..4242
        Expiry 0 Visa ..4242 !TooLong { by: 10 } left:2
    "#]],
    );
}

#[test]
fn every_problem_of_a_code() {
    check(
        "4242424242424242* 1230* 12* 1234 * 1* 123",
        expect![[r#"
        Expiry 0 Visa ..4242
        Code 0 Visa ..4242 12/30
        Code 0 Visa ..4242 12/30 !TooShort { by: 1 } left:2
        Code 4 Visa ..4242 12/30 !TooLong { by: 1 } left:2
        Code 0 Visa ..4242 12/30 !TooLong { by: 1 } left:1
        Code 0 Visa ..4242 12/30 !TooShort { by: 2 } left:0 => Failed(TooManyTries(Code))
        nothing
    "#]],
    );
}

#[test]
fn keyed_house_number_and_postcode_digits() {
    check_with(
        keyed(),
        &format!("{VISA} 12* 159* take"),
        expect![[r#"
        Expiry 0 Visa ..1111
        Code 0 Visa ..1111 12/30
        HouseNumber 0 Visa ..1111 12/30 code:3
        Postcode 0 Visa ..1111 12/30 code:3
        - Visa ..1111 12/30 code:3 address => Complete
        card Visa 1111 12/30 code:3 "12"/"159"
    "#]],
    );
    check_with(
        keyed(),
        &format!("{VISA} * 159* take"),
        expect![[r#"
        Expiry 0 Visa ..1111
        Code 0 Visa ..1111 12/30
        HouseNumber 0 Visa ..1111 12/30 code:3
        Postcode 0 Visa ..1111 12/30 code:3
        - Visa ..1111 12/30 code:3 address => Complete
        card Visa 1111 12/30 code:3 ""/"159"
    "#]],
    );
    check_with(
        keyed(),
        &format!("{VISA} * * take"),
        expect![[r#"
        Expiry 0 Visa ..1111
        Code 0 Visa ..1111 12/30
        HouseNumber 0 Visa ..1111 12/30 code:3
        Postcode 0 Visa ..1111 12/30 code:3
        - Visa ..1111 12/30 code:3 => Complete
        card Visa 1111 12/30 code:3
    "#]],
    );
    check_with(
        keyed(),
        &format!("{VISA} 4242424242424242*"),
        expect![[r#"
        Expiry 0 Visa ..1111
        Code 0 Visa ..1111 12/30
        HouseNumber 0 Visa ..1111 12/30 code:3
        HouseNumber 0 Visa ..1111 12/30 code:3 !TooLong { by: 8 } left:2
    "#]],
    );
}

#[test]
fn a_typed_address_before_and_after_the_keys() {
    check_with(
        typed(),
        &format!("address:12a,TD15_9EN {VISA} take"),
        expect![[r#"
        Pan 0 address
        Expiry 0 Visa ..1111 address
        Code 0 Visa ..1111 12/30 address
        - Visa ..1111 12/30 code:3 address => Complete
        card Visa 1111 12/30 code:3 "12"/"159"
    "#]],
    );
    check_with(
        typed(),
        &format!("{VISA} take 9 address:12a,TD15_9EN take"),
        expect![[r#"
        Expiry 0 Visa ..1111
        Code 0 Visa ..1111 12/30
        Address 0 Visa ..1111 12/30 code:3
        no card
        Address 0 Visa ..1111 12/30 code:3 ignored:1
        - Visa ..1111 12/30 code:3 address ignored:1 => Complete
        card Visa 1111 12/30 code:3 "12"/"159"
    "#]],
    );
    check_with(
        typed(),
        "4111 address:1,AB1 111111111111* 1230* 123* address:2,AB2 take",
        expect![[r#"
        Pan 4 Visa
        Pan 4 Visa address
        Expiry 0 Visa ..1111 address
        Code 0 Visa ..1111 12/30 address
        - Visa ..1111 12/30 code:3 address => Complete
        - Visa ..1111 12/30 code:3 address
        card Visa 1111 12/30 code:3 "2"/"2"
    "#]],
    );
}

#[test]
fn an_address_where_none_is_asked_and_one_that_is_a_card_number() {
    check(
        "address:1,AB1",
        expect![[r#"
        Refused(NotAsked(Address))
    "#]],
    );
    check_with(
        typed(),
        "address:4111111111111111,AB1",
        expect![[r#"
        Refused(AddressUnusable)
    "#]],
    );
}

#[test]
fn a_key_that_is_lost_empties_its_field_says_so_and_costs_no_try() {
    check(
        "4111 lost lost 4111111111111111* 12 lost lost lost lost 1230* 123* lost take lost",
        expect![[r#"
            Pan 4 Visa
            Pan 0 !KeyLost left:3
            Pan 0 !KeyLost left:3
            Expiry 0 Visa ..1111
            Expiry 2 Visa ..1111
            Expiry 0 Visa ..1111 !KeyLost left:3
            Expiry 0 Visa ..1111 !KeyLost left:3
            Expiry 0 Visa ..1111 !KeyLost left:3
            Expiry 0 Visa ..1111 !KeyLost left:3
            Code 0 Visa ..1111 12/30
            - Visa ..1111 12/30 code:3 => Complete
            - Visa ..1111 12/30 code:3 ignored:1
            card Visa 1111 12/30 code:3
            nothing
        "#]],
    );
}

#[test]
fn problems_have_the_names_that_integrations_know() {
    let names = [
        (Problem::CheckDigit, Field::Pan, "invalid-card-number"),
        (Problem::KeyLost, Field::Pan, "invalid-card-number"),
        (Problem::TooShort { by: 1 }, Field::Pan, "invalid-card-number"),
        (Problem::BrandUnknown, Field::Pan, "invalid-card-type"),
        (Problem::BrandNotTaken(Brand::Amex), Field::Pan, "invalid-card-type"),
        (Problem::ExpiryPast, Field::Expiry, "invalid-date"),
        (Problem::TooLong { by: 1 }, Field::Code, "invalid-security-code"),
        (Problem::TooLong { by: 1 }, Field::Postcode, "invalid-postal-code"),
    ];
    for (problem, field, name) in names {
        assert_eq!(problem.code(field), name, "{problem:?}");
    }
    assert_eq!(FailWhy::TooManyTries(Field::Code).code(), "too-many-failed-attempts");
    assert_eq!(FailWhy::TimedOut.code(), "input-timeout");
    assert_eq!(FailWhy::PanLocked.code(), "card-number-locked");
}
