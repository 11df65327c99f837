//! Waits: hints, extensions, and the one that ends a capture.

use super::tests::*;

#[test]
fn no_first_key_is_a_hint_and_nothing_more() {
    check(
        "+29s +1s +100s 4",
        expect![[r#"
        nothing
        Pan 0 stalled:FirstKey
        nothing
        Pan 1 Visa
    "#]],
    );
}

#[test]
fn keys_that_stop_are_a_hint_with_the_digits_that_are_missing() {
    check(
        "41111 +7s +1s +60s 11111111111 +8s *",
        expect![[r#"
        Pan 5 Visa
        nothing
        Pan 5 Visa ?DigitsShort(11) stalled:BetweenKeys
        nothing
        Pan 16 Visa
        Pan 16 Visa ?EndKeyAwaited stalled:BetweenKeys
        Expiry 0 Visa ..1111
    "#]],
    );
    check(
        "4242424242424242* 1 +8s 230 +8s * 1 +8s",
        expect![[r#"
        Expiry 0 Visa ..4242
        Expiry 1 Visa ..4242
        Expiry 1 Visa ..4242 ?DigitsShort(3) stalled:BetweenKeys
        Expiry 4 Visa ..4242
        Expiry 4 Visa ..4242 ?EndKeyAwaited stalled:BetweenKeys
        Code 0 Visa ..4242 12/30
        Code 1 Visa ..4242 12/30
        Code 1 Visa ..4242 12/30 ?DigitsShort(2) stalled:BetweenKeys
    "#]],
    );
}

#[test]
fn a_wait_begins_anew_with_each_key_and_each_field() {
    check(
        "4 +7s 2 +7s 4 +7s # +20s +10s",
        expect![[r#"
        Pan 1 Visa
        nothing
        Pan 2 Visa
        nothing
        Pan 3 Visa
        nothing
        Pan 0
        nothing
        Pan 0 stalled:FirstKey
    "#]],
    );
    check(
        "4242424242424242* +29s +1s 12* +29s +1s",
        expect![[r#"
        Expiry 0 Visa ..4242
        nothing
        Expiry 0 Visa ..4242 stalled:FirstKey
        Expiry 0 Visa ..4242 !TooShort { by: 2 } left:2
        nothing
        Expiry 0 Visa ..4242 !TooShort { by: 2 } left:2 stalled:FirstKey
    "#]],
    );
}

#[test]
fn a_letter_does_not_hide_a_stall() {
    check(
        "42 +7s A +1s",
        expect![[r#"
        Pan 2 Visa
        nothing
        Pan 2 Visa ignored:1
        Pan 2 Visa ?DigitsShort(14) stalled:BetweenKeys ignored:1
    "#]],
    );
}

#[test]
fn the_whole_time_warns_and_then_fails_closed() {
    check(
        "+480s +119s +1s 4 open 4",
        expect![[r#"
        Pan 0 ?EndingSoon stalled:FirstKey
        nothing
        Failed(TimedOut)
        nothing
        Pan 0
        Pan 1 Visa
    "#]],
    );
    check(
        &format!("{VISA} +599s +1s take"),
        expect![[r#"
        Expiry 0 Visa ..1111
        Code 0 Visa ..1111 12/30
        - Visa ..1111 12/30 code:3 => Complete
        - Visa ..1111 12/30 code:3 ?EndingSoon
        Failed(TimedOut)
        no card
    "#]],
    );
    check_with(
        typed(),
        &format!("{VISA} +600s address:1,AB1 take"),
        expect![[r#"
        Expiry 0 Visa ..1111
        Code 0 Visa ..1111 12/30
        Address 0 Visa ..1111 12/30 code:3
        Address 0 Visa ..1111 12/30 code:3 ?EndingSoon => Failed(TimedOut)
        - address
        no card
    "#]],
    );
}

#[test]
fn a_key_after_the_time_is_not_taken_even_if_the_timer_is_late() {
    let mut run = Script::new(&plan());
    run.input(Input::Open);
    run.now += Duration::from_secs(600);
    expect![[r#"
        Failed(TimedOut)
    "#]]
    .assert_eq(&run.run("4"));
}

#[test]
fn more_time_moves_the_end_and_ends_the_hint() {
    check(
        "+30s more +29s +1s",
        expect![[r#"
        Pan 0 stalled:FirstKey
        Pan 0
        nothing
        Pan 0 stalled:FirstKey
    "#]],
    );
    check(
        "+480s more +119s +1s +119s +1s",
        expect![[r#"
        Pan 0 ?EndingSoon stalled:FirstKey
        Pan 0
        Pan 0 stalled:FirstKey
        Pan 0 ?EndingSoon stalled:FirstKey
        nothing
        Failed(TimedOut)
    "#]],
    );
    check(
        "more more more more more more +1199s +1s",
        expect![[r#"
        Pan 0
        Pan 0
        Pan 0
        Pan 0
        Pan 0
        Refused(NoMoreTime)
        Pan 0 ?EndingSoon stalled:FirstKey
        Failed(TimedOut)
    "#]],
    );
}

#[test]
fn a_timer_for_nothing_does_nothing() {
    check(
        "timer cancel timer more",
        expect![[r#"
        nothing
        Cancelled
        nothing
        Refused(NotOpen)
    "#]],
    );
    assert_eq!(Script::new(&plan()).capture.next_timeout(), None);
}
