//! One payment, its attempts, and what may follow which.

use super::*;

#[test]
fn from_collect_to_approved() {
    connected(
        &format!(
            "collect:INV1:1250 field {CARD} field take:1 view paid:1:recorded paid:1:approved view field"
        ),
        expect![[r#"
            collect:INV1:1250 => SECURE, field
            field => Pan 0
            keys => changed
            keys => changed
            keys => field closed
            field => complete
            take:1 => AUTHORISE at1 pm1 INV1 12.50 GBP visa ..1111 code:3
            view => Connected secured, payment sending, 26 keys
            paid:1:recorded => changed
            paid:1:approved => changed
            view => Connected secured, payment approved, 26 keys
            field => closed
        "#]],
    );
}

#[test]
fn not_before_the_agent_is_connected() {
    route_1(
        "collect:INV1:1250 begin collect:INV1:1250 take:1 cancel answer:8 collect:INV1:1250",
        expect![[r#"
            collect:INV1:1250 => no: NotConnected
            begin => dial[8,0]
            collect:INV1:1250 => no: NotConnected
            take:1 => no: NotComplete
            cancel => no: Capture(NotOpen)
            answer:8 => settle agent 8:5000, settle customer 8:4000, answer[8]
            collect:INV1:1250 => SECURE, field
        "#]],
    );
}

#[test]
fn one_field_at_a_time() {
    connected(
        "collect:INV1:1250 k:41 collect:INV1:1250 collect:INV2:900 field",
        expect![[r#"
            collect:INV1:1250 => SECURE, field
            keys => changed
            collect:INV1:1250 => no: Capture(AlreadyOpen)
            collect:INV2:900 => no: Capture(AlreadyOpen)
            field => Pan 2
        "#]],
    );
}

#[test]
fn not_before_the_card_is_complete() {
    connected(
        "take:1 collect:INV1:1250 take:1 k:4111111111111111* take:1 k:1230* take:1 k:123* take:1",
        expect![[r#"
            take:1 => no: NotComplete
            collect:INV1:1250 => SECURE, field
            take:1 => no: NotComplete
            keys => changed
            take:1 => no: NotComplete
            keys => changed
            take:1 => no: NotComplete
            keys => field closed
            take:1 => AUTHORISE at1 pm1 INV1 12.50 GBP visa ..1111 code:3
        "#]],
    );
}

#[test]
fn accounts_that_are_none() {
    let long = "x".repeat(65);
    connected(
        &format!("collect::1250 collect:_:1250 collect:{long}:1250 view"),
        expect![[r#"
        collect::1250 => no: BadAccount
        collect:_:1250 => no: BadAccount
        collect:xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx:1250 => no: BadAccount
        view => Connected open, payment none, 0 keys
    "#]],
    );
    let longest = "\u{e9}".repeat(64);
    connected(
        &format!("collect:{longest}:1250"),
        expect![[r#"
            collect:éééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééé:1250 => SECURE, field
        "#]],
    );
    let mut run = Script::new(plan(RouteKind::InPath, ""), "8");
    run.run("begin answer:8");
    assert_eq!(run.word("collect:a\u{7}b:1250"), "no: BadAccount");
    assert_eq!(run.word("collect:4263_9700_0000_5262:1250"), "no: CardNumber");
}

#[test]
fn after_a_decline_the_same_payment_gets_another_attempt() {
    complete(
        &format!(
            "take:1 paid:1:declined collect:INV1:1250 field view {CARD} take:2 paid:1:approved view paid:2:approved view"
        ),
        expect![[r#"
            take:1 => AUTHORISE at1 pm1 INV1 12.50 GBP visa ..1111 code:3
            paid:1:declined => changed
            collect:INV1:1250 => field
            field => Pan 0
            view => Connected secured, payment declined, 26 keys
            keys => changed
            keys => changed
            keys => field closed
            take:2 => AUTHORISE at2 pm1 INV1 12.50 GBP visa ..1111 code:3
            paid:1:approved => nothing
            view => Connected secured, payment sending, 52 keys
            paid:2:approved => changed
            view => Connected secured, payment approved, 52 keys
        "#]],
    );
    complete(
        &format!("take:1 paid:1:rejected collect:INV1:1250 cancel collect:INV1:1250 {CARD} take:2"),
        expect![[r#"
            take:1 => AUTHORISE at1 pm1 INV1 12.50 GBP visa ..1111 code:3
            paid:1:rejected => changed
            collect:INV1:1250 => field
            cancel => field closed
            collect:INV1:1250 => field
            keys => changed
            keys => changed
            keys => field closed
            take:2 => AUTHORISE at2 pm1 INV1 12.50 GBP visa ..1111 code:3
        "#]],
    );
    complete(
        &format!("take:1 paid:1:unrecorded collect:INV1:1250 {CARD} take:2"),
        expect![[r#"
            take:1 => AUTHORISE at1 pm1 INV1 12.50 GBP visa ..1111 code:3
            paid:1:unrecorded => changed
            collect:INV1:1250 => field
            keys => changed
            keys => changed
            keys => field closed
            take:2 => AUTHORISE at2 pm1 INV1 12.50 GBP visa ..1111 code:3
        "#]],
    );
    complete(
        &format!("take:1 paid:1:not_charged collect:INV1:1250 {CARD} take:2"),
        expect![[r#"
            take:1 => AUTHORISE at1 pm1 INV1 12.50 GBP visa ..1111 code:3
            paid:1:not_charged => changed
            collect:INV1:1250 => field
            keys => changed
            keys => changed
            keys => field closed
            take:2 => AUTHORISE at2 pm1 INV1 12.50 GBP visa ..1111 code:3
        "#]],
    );
}

#[test]
fn the_field_that_the_bank_objected_to_is_told() {
    let mut run = Script::new(plan(RouteKind::InPath, ""), "8");
    run.run(&format!(
        "begin answer:8 collect:INV1:1250 {CARD} take:1 paid:1:declined/code collect:INV1:1250"
    ));
    assert_eq!(run.call.view().capture.warnings, [capture::Warning::BankObjected(Field::Code)]);
}

#[test]
fn another_account_or_amount_is_another_payment() {
    complete(
        &format!("take:1 paid:1:declined collect:INV2:1250 view {CARD} take:2"),
        expect![[r#"
            take:1 => AUTHORISE at1 pm1 INV1 12.50 GBP visa ..1111 code:3
            paid:1:declined => changed
            collect:INV2:1250 => field
            view => Connected secured, payment none, 26 keys
            keys => changed
            keys => changed
            keys => field closed
            take:2 => AUTHORISE at2 pm2 INV2 12.50 GBP visa ..1111 code:3
        "#]],
    );
    complete(
        &format!("take:1 paid:1:declined collect:INV1:900 {CARD} take:2"),
        expect![[r#"
            take:1 => AUTHORISE at1 pm1 INV1 12.50 GBP visa ..1111 code:3
            paid:1:declined => changed
            collect:INV1:900 => field
            keys => changed
            keys => changed
            keys => field closed
            take:2 => AUTHORISE at2 pm2 INV1 9.00 GBP visa ..1111 code:3
        "#]],
    );
    complete(
        &format!("take:1 paid:1:approved collect:INV2:1250 view {CARD} take:2 paid:2:approved view"),
        expect![[r#"
            take:1 => AUTHORISE at1 pm1 INV1 12.50 GBP visa ..1111 code:3
            paid:1:approved => changed
            collect:INV2:1250 => field
            view => Connected secured, payment none, 26 keys
            keys => changed
            keys => changed
            keys => field closed
            take:2 => AUTHORISE at2 pm2 INV2 12.50 GBP visa ..1111 code:3
            paid:2:approved => changed
            view => Connected secured, payment approved, 52 keys
        "#]],
    );
}

#[test]
fn what_is_not_resolved_blocks_everything() {
    for state in ["recorded", "unknown", "pending", "held", "review"] {
        let mut run = Script::new(plan(RouteKind::InPath, ""), "8");
        run.run(&format!("begin answer:8 collect:INV1:1250 {CARD} take:1 paid:1:{state}"));
        for word in ["collect:INV1:1250", "collect:INV2:900", "take:2"] {
            assert_eq!(run.word(word), "no: Unresolved", "{state} {word}");
        }
        assert_eq!(run.word("field"), "closed");
    }
    complete(
        &format!("take:1 take:2 paid:1:unknown take:2 paid:1:declined collect:INV1:1250 {CARD} take:2"),
        expect![[r#"
            take:1 => AUTHORISE at1 pm1 INV1 12.50 GBP visa ..1111 code:3
            take:2 => no: Unresolved
            paid:1:unknown => changed
            take:2 => no: Unresolved
            paid:1:declined => changed
            collect:INV1:1250 => field
            keys => changed
            keys => changed
            keys => field closed
            take:2 => AUTHORISE at2 pm1 INV1 12.50 GBP visa ..1111 code:3
        "#]],
    );
}

#[test]
fn what_was_taken_is_not_taken_again() {
    complete(
        "take:1 paid:1:approved collect:INV1:1250 collect:_INV1_:1250 take:2 view",
        expect![[r#"
            take:1 => AUTHORISE at1 pm1 INV1 12.50 GBP visa ..1111 code:3
            paid:1:approved => changed
            collect:INV1:1250 => no: AlreadyTaken
            collect:_INV1_:1250 => no: AlreadyTaken
            take:2 => no: AlreadyTaken
            view => Connected secured, payment approved, 26 keys
        "#]],
    );
    complete(
        &format!("take:1 paid:1:approved collect:INV2:900 {CARD} take:2 paid:2:declined collect:INV1:1250"),
        expect![[r#"
            take:1 => AUTHORISE at1 pm1 INV1 12.50 GBP visa ..1111 code:3
            paid:1:approved => changed
            collect:INV2:900 => field
            keys => changed
            keys => changed
            keys => field closed
            take:2 => AUTHORISE at2 pm2 INV2 9.00 GBP visa ..1111 code:3
            paid:2:declined => changed
            collect:INV1:1250 => no: AlreadyTaken
        "#]],
    );
    complete(
        &format!("take:1 paid:1:approved paid:1:voided collect:INV1:1250 {CARD} take:2"),
        expect![[r#"
            take:1 => AUTHORISE at1 pm1 INV1 12.50 GBP visa ..1111 code:3
            paid:1:approved => changed
            paid:1:voided => changed
            collect:INV1:1250 => field
            keys => changed
            keys => changed
            keys => field closed
            take:2 => AUTHORISE at2 pm1 INV1 12.50 GBP visa ..1111 code:3
        "#]],
    );
}

#[test]
fn money_that_was_taken_is_not_forgotten() {
    complete(
        "take:1 paid:1:approved paid:1:unrecorded paid:1:declined paid:1:unknown view",
        expect![[r#"
        take:1 => AUTHORISE at1 pm1 INV1 12.50 GBP visa ..1111 code:3
        paid:1:approved => changed
        paid:1:unrecorded => changed
        paid:1:declined => changed
        paid:1:unknown => changed
        view => Connected secured, payment approved, 26 keys
    "#]],
    );
    complete(
        "take:1 paid:1:unknown paid:1:unrecorded view paid:1:approved view",
        expect![[r#"
        take:1 => AUTHORISE at1 pm1 INV1 12.50 GBP visa ..1111 code:3
        paid:1:unknown => changed
        paid:1:unrecorded => changed
        view => Connected secured, payment unknown, 26 keys
        paid:1:approved => changed
        view => Connected secured, payment approved, 26 keys
    "#]],
    );
}

#[test]
fn a_yes_that_comes_after_a_no_stops_the_next_attempt() {
    complete(
        &format!(
            "take:1 paid:1:declined collect:INV1:1250 {CARD} paid:1:approved take:2 cancel collect:INV1:1250"
        ),
        expect![[r#"
            take:1 => AUTHORISE at1 pm1 INV1 12.50 GBP visa ..1111 code:3
            paid:1:declined => changed
            collect:INV1:1250 => field
            keys => changed
            keys => changed
            keys => field closed
            paid:1:approved => changed
            take:2 => no: AlreadyTaken
            cancel => changed
            collect:INV1:1250 => no: AlreadyTaken
        "#]],
    );
}

#[test]
fn an_attempt_id_is_used_once() {
    complete(
        &format!("take:1 paid:1:declined collect:INV1:1250 {CARD} take:1 take:2"),
        expect![[r#"
            take:1 => AUTHORISE at1 pm1 INV1 12.50 GBP visa ..1111 code:3
            paid:1:declined => changed
            collect:INV1:1250 => field
            keys => changed
            keys => changed
            keys => field closed
            take:1 => no: Unresolved
            take:2 => AUTHORISE at2 pm1 INV1 12.50 GBP visa ..1111 code:3
        "#]],
    );
    complete(
        &format!("take:1 paid:1:approved collect:INV2:900 {CARD} take:1 take:2"),
        expect![[r#"
            take:1 => AUTHORISE at1 pm1 INV1 12.50 GBP visa ..1111 code:3
            paid:1:approved => changed
            collect:INV2:900 => field
            keys => changed
            keys => changed
            keys => field closed
            take:1 => no: Unresolved
            take:2 => AUTHORISE at2 pm2 INV2 9.00 GBP visa ..1111 code:3
        "#]],
    );
}

#[test]
fn news_of_another_attempt_or_of_none_is_ignored() {
    connected(
        "paid:1:approved view",
        expect![[r#"
        paid:1:approved => nothing
        view => Connected open, payment none, 0 keys
    "#]],
    );
    complete(
        "paid:1:approved take:1 paid:2:approved view",
        expect![[r#"
        paid:1:approved => nothing
        take:1 => AUTHORISE at1 pm1 INV1 12.50 GBP visa ..1111 code:3
        paid:2:approved => nothing
        view => Connected secured, payment sending, 26 keys
    "#]],
    );
}

#[test]
fn wishes_about_the_field() {
    connected(
        "more reask:pan cancel collect:INV1:1250 reask:code k:4111111111111111* reask:pan field more address:12,TD15 cancel field",
        expect![[r#"
            more => no: Capture(NotOpen)
            reask:pan => no: Capture(NotOpen)
            cancel => no: Capture(NotOpen)
            collect:INV1:1250 => SECURE, field
            reask:code => no: Capture(NotReached(Pan))
            keys => changed
            reask:pan => changed
            field => Pan 0
            more => changed
            address:12,TD15 => no: Capture(NotAsked(Address))
            cancel => field closed
            field => cancelled
        "#]],
    );
}

#[test]
fn a_capture_that_takes_too_long_or_fails_keeps_the_call() {
    connected(
        "collect:INV1:1250 +30s +450s +120s field view collect:INV1:1250",
        expect![[r#"
            collect:INV1:1250 => SECURE, field
            +30s => changed
            +450s => changed
            +120s => field closed
            field => failed TimedOut
            view => Connected secured, payment none, 0 keys
            collect:INV1:1250 => field
        "#]],
    );
    connected(
        "collect:INV1:1250 k:41* k:41* k:41* field collect:INV1:1250 field",
        expect![[r#"
            collect:INV1:1250 => SECURE, field
            keys => changed
            keys => changed
            keys => field closed
            field => failed TooManyTries(Pan)
            collect:INV1:1250 => field
            field => Pan 0
        "#]],
    );
}

#[test]
fn an_address_typed_late_does_not_hide_why_there_is_no_card() {
    let mut own = tenant();
    own.capture.address = AddressCheck::Typed;
    let mut run = Script::of(own, plan(RouteKind::InPath, ""), "8");
    run.run("begin answer:8 collect:INV1:1250 k:41* k:41* k:41* address:12,TD15");
    assert_eq!(run.word("field"), "failed TooManyTries(Pan)");
    run.run("collect:INV1:1250 cancel address:12,TD15");
    assert_eq!(run.word("field"), "cancelled");
}

#[test]
fn case_and_blanks_make_no_other_account() {
    complete(
        &format!(
            "take:1 paid:1:approved collect:inv_1:1250 collect:INV2:900 {CARD} cancel collect:inv1:1250"
        ),
        expect![[r#"
            take:1 => AUTHORISE at1 pm1 INV1 12.50 GBP visa ..1111 code:3
            paid:1:approved => changed
            collect:inv_1:1250 => no: AlreadyTaken
            collect:INV2:900 => field
            keys => changed
            keys => changed
            keys => field closed
            cancel => changed
            collect:inv1:1250 => no: AlreadyTaken
        "#]],
    );
    // It stays one payment, under the account that was typed first.
    complete(
        &format!("take:1 paid:1:declined collect:inv_1:1250 {CARD} take:2"),
        expect![[r#"
            take:1 => AUTHORISE at1 pm1 INV1 12.50 GBP visa ..1111 code:3
            paid:1:declined => changed
            collect:inv_1:1250 => field
            keys => changed
            keys => changed
            keys => field closed
            take:2 => AUTHORISE at2 pm1 INV1 12.50 GBP visa ..1111 code:3
        "#]],
    );
}

#[test]
fn an_order_does_not_change_under_a_field_whose_time_is_just_over() {
    let mut run = Script::new(plan(RouteKind::InPath, ""), "8");
    run.run("begin answer:8 collect:INV1:1250");
    // The wish comes before the timer that is due.
    run.now += Duration::from_secs(600);
    assert_eq!(run.word("collect:INV2:900"), "no: Capture(AlreadyOpen)");
    assert_eq!(run.call.view().payment.account.as_deref(), Some("INV1"));
    run.word("timer");
    assert_eq!(run.word("field"), "failed TimedOut");
    assert_eq!(run.word("collect:INV2:900"), "field");
}

#[test]
fn what_the_bank_objected_to_is_no_matter_of_another_order() {
    let mut run = Script::new(plan(RouteKind::InPath, ""), "8");
    run.run(&format!("begin answer:8 collect:INV1:1250 {CARD} take:1 paid:1:declined/code collect:INV2:900"));
    assert_eq!(run.call.view().capture.warnings, []);
}
