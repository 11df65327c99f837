//! What is kept of a card after a bank's no: for whom, for how long, and never the code.

use super::*;
use crate::capture::{KEPT_MAX, PANS_A_CALL_MAX, Warning};
use crate::screen::{self, Facts, Offer};

/// A call whose first attempt was answered so.
fn answered(check: AddressCheck, news: &str) -> Script {
    let mut own = tenant();
    own.capture.address = check;
    let mut run = Script::of(own, plan(RouteKind::InPath, "*7"), "8,0");
    let address = match check {
        AddressCheck::Off => "",
        AddressCheck::Typed => "address:12,TD15",
        AddressCheck::Keyed => "k:12* k:159*",
    };
    run.run(&format!("begin answer:8 collect:INV1:1250 {CARD} {address} take:1 paid:1:{news}"));
    run
}

/// The closed fields with their digits; `-` for none.
fn held(run: &Script) -> String {
    let closed = run.call.view().capture.closed;
    let parts: Vec<String> = closed.iter().map(|(field, digits)| format!("{field:?} {digits}")).collect();
    if parts.is_empty() { "-".into() } else { parts.join(", ") }
}

#[test]
fn which_answers_keep_number_and_expiry() {
    let mut table = String::new();
    for news in [
        "declined",
        "declined/code",
        "declined/expiry",
        "declined/pan",
        "declined/later",
        "approved",
        "unknown",
        "pending",
        "held",
        "rejected",
        "not_charged",
        "unrecorded",
    ] {
        table += &format!("{news}: {}\n", held(&answered(AddressCheck::Off, news)));
    }
    for news in ["declined/house", "declined/later"] {
        table += &format!("keyed {news}: {}\n", held(&answered(AddressCheck::Keyed, news)));
    }
    table +=
        &format!("typed declined/address: {}\n", held(&answered(AddressCheck::Typed, "declined/address")));
    // Nobody could put right what nobody typed.
    table +=
        &format!("keyed declined/address: {}\n", held(&answered(AddressCheck::Keyed, "declined/address")));
    expect![[r#"
        declined: -
        declined/code: Pan 16, Expiry 4
        declined/expiry: Pan 16, Expiry 4
        declined/pan: -
        declined/later: Pan 16, Expiry 4
        approved: -
        unknown: -
        pending: -
        held: -
        rejected: -
        not_charged: -
        unrecorded: -
        keyed declined/house: Pan 16, Expiry 4, HouseNumber 2, Postcode 3
        keyed declined/later: Pan 16, Expiry 4, HouseNumber 2, Postcode 3
        typed declined/address: Pan 16, Expiry 4
        keyed declined/address: -
    "#]]
    .assert_eq(&table);
}

#[test]
fn only_what_is_needed_is_keyed_again() {
    let asked = |check, news: &str, wish: &str| {
        let mut run = answered(check, news);
        assert_eq!(run.word(wish), "field", "{news} {wish}");
        let mut fields = Vec::new();
        while let Some(field) = run.call.view().capture.field {
            fields.push(format!("{field:?}"));
            run.word(match field {
                Field::Pan => "k:4263970000005262*",
                Field::Expiry => "k:0931*",
                Field::Code => "k:907*",
                Field::HouseNumber => "k:7*",
                Field::Postcode => "k:159*",
                Field::Address => "address:7,TD15",
            });
        }
        format!("{news} {wish}: {} => {}\n", fields.join(", "), run.word("take:2"))
    };
    let mut table = String::new();
    for (news, wish) in [
        ("declined/code", "reask:code"),
        ("declined/expiry", "reask:expiry"),
        ("declined/expiry", "reask:code"),
        ("declined/code", "reask:expiry"),
        ("declined/code", "reask:pan"),
        ("declined/pan", "reask:pan"),
        ("declined/pan", "reask:code"),
        ("declined/later", "reask:code"),
        ("declined/code", "collect:INV1:1250"),
        ("declined/code", "collect:INV2:900"),
        ("declined/later", "collect:INV1:1250"),
        ("declined", "reask:code"),
        ("rejected", "reask:code"),
    ] {
        table += &asked(AddressCheck::Off, news, wish);
    }
    for (news, wish) in [
        ("declined/code", "reask:code"),
        ("declined/house", "reask:house"),
        ("declined/postcode", "reask:postcode"),
    ] {
        table += &format!("keyed {}", asked(AddressCheck::Keyed, news, wish));
    }
    for (news, wish) in [("declined/code", "reask:code"), ("declined/address", "reask:address")] {
        table += &format!("typed {}", asked(AddressCheck::Typed, news, wish));
    }
    expect![[r#"
        declined/code reask:code: Code => AUTHORISE at2 pm1 INV1 12.50 GBP visa ..1111 code:3
        declined/expiry reask:expiry: Expiry, Code => AUTHORISE at2 pm1 INV1 12.50 GBP visa ..1111 code:3
        declined/expiry reask:code: Expiry, Code => AUTHORISE at2 pm1 INV1 12.50 GBP visa ..1111 code:3
        declined/code reask:expiry: Code, Expiry => AUTHORISE at2 pm1 INV1 12.50 GBP visa ..1111 code:3
        declined/code reask:pan: Pan, Expiry, Code => AUTHORISE at2 pm1 INV1 12.50 GBP visa ..5262 code:3
        declined/pan reask:pan: Pan, Expiry, Code => AUTHORISE at2 pm1 INV1 12.50 GBP visa ..5262 code:3
        declined/pan reask:code: Pan, Expiry, Code => AUTHORISE at2 pm1 INV1 12.50 GBP visa ..5262 code:3
        declined/later reask:code: Code => AUTHORISE at2 pm1 INV1 12.50 GBP visa ..1111 code:3
        declined/code collect:INV1:1250: Pan, Expiry, Code => AUTHORISE at2 pm1 INV1 12.50 GBP visa ..5262 code:3
        declined/code collect:INV2:900: Pan, Expiry, Code => AUTHORISE at2 pm2 INV2 9.00 GBP visa ..5262 code:3
        declined/later collect:INV1:1250: Pan, Expiry, Code => AUTHORISE at2 pm1 INV1 12.50 GBP visa ..5262 code:3
        declined reask:code: Pan, Expiry, Code => AUTHORISE at2 pm1 INV1 12.50 GBP visa ..5262 code:3
        rejected reask:code: Pan, Expiry, Code => AUTHORISE at2 pm1 INV1 12.50 GBP visa ..5262 code:3
        keyed declined/code reask:code: Code => AUTHORISE at2 pm1 INV1 12.50 GBP visa ..1111 code:3
        keyed declined/house reask:house: HouseNumber, Code => AUTHORISE at2 pm1 INV1 12.50 GBP visa ..1111 code:3
        keyed declined/postcode reask:postcode: Postcode, Code => AUTHORISE at2 pm1 INV1 12.50 GBP visa ..1111 code:3
        typed declined/code reask:code: Code => AUTHORISE at2 pm1 INV1 12.50 GBP visa ..1111 code:3
        typed declined/address reask:address: Code, Address => AUTHORISE at2 pm1 INV1 12.50 GBP visa ..1111 code:3
    "#]].assert_eq(&table);
}

#[test]
fn without_the_code_nothing_is_taken() {
    let mut run = answered(AddressCheck::Off, "declined/code");
    assert_eq!(run.word("take:2"), "no: NotComplete");
    assert_eq!(run.word("reask:code"), "field");
    assert_eq!(run.word("take:2"), "no: NotComplete");
    let view = run.call.view();
    assert_eq!((view.capture.code_digits, view.capture_complete), (0, false));
    assert_eq!(view.capture.warnings, [Warning::BankObjected(Field::Code)]);
    assert_eq!((view.capture.last4.as_deref(), view.capture.field), (Some("1111"), Some(Field::Code)));
    run.word("k:12*");
    assert_eq!(run.word("take:2"), "no: NotComplete");
    run.word("k:907*");
    assert_eq!(run.word("take:2"), "AUTHORISE at2 pm1 INV1 12.50 GBP visa ..1111 code:3");
    assert_eq!(run.call.view().payment.attempts, 2);
    assert_eq!(held(&run), "-", "the card has gone again");
}

#[test]
fn what_ends_the_keeping() {
    for (word, told) in [
        ("cancel", "changed"),
        ("unsecure", "OPEN"),
        ("bye:c", "end agent, over customer_hung_up"),
        ("bye:a", "end customer, over agent_hung_up"),
        ("hangup", "end customer, end agent, over agent_hung_up"),
        ("shutdown", "end customer, end agent, over shutdown"),
        ("collect:INV1:1250", "field"),
        ("collect:INV2:900", "field"),
        ("reask:pan", "field"),
        ("+300s", "changed"),
        ("paid:1:approved", "changed"),
        ("paid:1:unknown", "changed"),
        ("paid:1:declined", "changed"),
    ] {
        let mut run = answered(AddressCheck::Off, "declined/code");
        assert_eq!(held(&run), "Pan 16, Expiry 4");
        assert_eq!(run.word(word), told, "{word}");
        assert_eq!(held(&run), "-", "{word}");
    }
    // Once the same card is asked for again, its capture ends it.
    for end in ["cancel", "+600s", "k:1* k:1* k:1*", "bye:c"] {
        let mut run = answered(AddressCheck::Off, "declined/code");
        run.word("reask:code");
        assert_eq!(held(&run), "Pan 16, Expiry 4");
        run.run(end);
        assert_eq!(held(&run), "-", "{end}");
        if end != "bye:c" {
            run.word("reask:code");
            assert_eq!(run.word("field"), "Pan 0", "{end}");
        }
    }
}

#[test]
fn the_bound_of_the_keeping_is_a_timer_of_the_call() {
    let mut run = answered(AddressCheck::Off, "declined/later");
    let due = run.now + KEPT_MAX;
    assert_eq!(run.call.next_timeout(), Some(due));
    run.now = due - Duration::from_millis(1);
    assert_eq!(run.word("timer"), "nothing");
    assert_eq!(held(&run), "Pan 16, Expiry 4");
    run.now = due;
    // The timer may be late: what is overdue is not used.
    assert_eq!(run.word("reask:code"), "field");
    assert_eq!(run.word("field"), "Pan 0");

    let mut run = answered(AddressCheck::Off, "declined/later");
    assert_eq!(run.word("+300s"), "changed");
    assert_eq!(held(&run), "-");
    assert!(run.call.next_timeout() > Some(run.now), "nothing is due any more");
}

#[test]
fn nothing_is_kept_where_nobody_may_use_it() {
    // The line was opened while the bank thought, or the call is over.
    for (word, after) in [("unsecure", "changed"), ("bye:c", "changed")] {
        let mut run = answered(AddressCheck::Off, "recorded");
        run.sent = Some(kept_card());
        run.word(word);
        assert_eq!(run.word("paid:1:declined/code"), after);
        assert_eq!(held(&run), "-", "{word}");
    }
    // News of another attempt than the last.
    let mut run = answered(AddressCheck::Off, "recorded");
    run.sent = Some(kept_card());
    assert_eq!(run.word("paid:7:declined/code"), "nothing");
    assert_eq!(held(&run), "-");
    // Another card is being keyed already.
    let mut run = answered(AddressCheck::Off, "declined");
    run.run("collect:INV1:1250 k:42");
    run.sent = Some(kept_card());
    run.word("paid:1:declined/code");
    assert_eq!((held(&run), run.word("field")), ("-".into(), "Pan 2".into()));
}

fn kept_card() -> Kept {
    let mut run = Script::new(plan(RouteKind::InPath, "*7"), "8,0");
    run.run(&format!("begin answer:8 collect:INV1:1250 {CARD} take:1"));
    run.sent.take().expect("a card was sent")
}

#[test]
fn a_code_cannot_be_guessed_with_a_kept_number() {
    let mut run = answered(AddressCheck::Off, "declined/code");
    let mut story = format!("1: {}\n", held(&run));
    for attempt in 2..=3 {
        run.run(&format!("reask:code k:907* take:{attempt} paid:{attempt}:declined/code"));
        story += &format!("{attempt}: {}\n", held(&run));
    }
    // A bank that finds another fault each time does not help.
    let mut run = answered(AddressCheck::Off, "declined/expiry");
    for attempt in 2..=u128::from(PANS_A_CALL_MAX) {
        run.run(&format!("reask:expiry k:0931* k:907* take:{attempt} paid:{attempt}:declined/expiry"));
        story += &format!("{attempt}: {}\n", held(&run));
    }
    story += &format!("{} {}", run.word("reask:expiry"), run.word("field"));
    expect![[r#"
        1: Pan 16, Expiry 4
        2: Pan 16, Expiry 4
        3: -
        2: Pan 16, Expiry 4
        3: Pan 16, Expiry 4
        4: Pan 16, Expiry 4
        5: -
        changed failed PanLocked"#]]
    .assert_eq(&story);
}

#[test]
fn what_is_kept_is_offered() {
    for check in [AddressCheck::Off, AddressCheck::Typed, AddressCheck::Keyed] {
        let facts = Facts { typed_address: check == AddressCheck::Typed, ..Facts::default() };
        for news in [
            "declined",
            "declined/code",
            "declined/expiry",
            "declined/pan",
            "declined/later",
            "declined/address",
        ] {
            let mut run = answered(check, news);
            for attempt in 2..=4 {
                let offers = screen::offers(&run.call.view(), &facts);
                let again = offers.iter().any(|offer| match offer {
                    Offer::Retry => true,
                    Offer::Reask(field) => *field != Field::Pan,
                    _ => false,
                });
                assert_eq!(held(&run) != "-", again, "{check:?} {news} {attempt}: {offers:?}");
                let card = match check {
                    AddressCheck::Keyed => format!("{CARD} k:12* k:159*"),
                    AddressCheck::Typed => format!("{CARD} address:12,TD15"),
                    AddressCheck::Off => CARD.to_owned(),
                };
                run.run(&format!("collect:INV1:1250 {card} take:{attempt} paid:{attempt}:{news}"));
            }
        }
    }
}

#[test]
fn a_lost_key_empties_a_field_that_was_asked_for_out_of_order() {
    let mut run = answered(AddressCheck::Keyed, "declined/postcode");
    run.run("reask:postcode k:15");
    assert_eq!(run.word("field"), "Postcode 2");
    run.word("lost");
    assert_eq!(run.word("field"), "Postcode 0");
}

#[test]
fn another_number_than_the_kept_one_is_another_card() {
    let mut run = answered(AddressCheck::Keyed, "declined/code");
    run.run("reask:code k:90 reask:pan");
    assert_eq!((held(&run), run.word("field")), ("-".into(), "Pan 0".into()));
    assert_eq!(run.word("reask:expiry"), "no: Capture(NotReached(Pan))");
}
