//! Rules of the agent's screen one by one, and what it may wish of the call.

use super::*;
use crate::payment::DeclineClass;
use crate::screen::{FieldState, Line, Stage};
use std::collections::HashSet;

#[test]
fn the_offers_of_each_class() {
    let mut run = Script::new(plan(RouteKind::InPath, "*7"), "8,0");
    run.run(&format!("begin answer:8 collect:INV1:1250 {CARD} take:1 paid:1:declined"));
    let mut view = run.call.view();
    let mut table = String::new();
    let classes = [
        DeclineClass::FixData,
        DeclineClass::TryOtherCard,
        DeclineClass::RetryLater,
        DeclineClass::NeverRetry,
        DeclineClass::CallIssuer,
        DeclineClass::NeedsSca,
    ];
    let cards = |view: &CallView, words: &str| {
        let of_cards =
            screen::offers(view, &facts(words)).into_iter().filter(|offer| offer.means().is_none());
        of_cards.map(offer).collect::<Vec<_>>().join(", ")
    };
    for class in classes {
        view.payment.class = Some(class);
        let of_attempt = [1, 2, 3].map(|attempts| {
            view.payment.attempts = attempts;
            cards(&view, "")
        });
        table += &format!("{class:?}: {}\n", of_attempt.join(" / "));
    }
    (view.payment.class, view.payment.attempts) = (Some(DeclineClass::FixData), 1);
    for field in [Field::Pan, Field::Expiry, Field::Code, Field::Address, Field::Postcode] {
        view.payment.fix = Some(field);
        table += &format!("{field:?}: {} / typed: {}\n", cards(&view, ""), cards(&view, "typed"));
    }
    (view.payment.class, view.payment.fix) = (None, None);
    for state in ["declined", "rejected", "not_charged", "voided", "refunded"] {
        view.payment.state = PayState::Attempt(super::state(state));
        table += &format!("{state}: {}\n", cards(&view, ""));
    }
    expect![[r#"
        FixData: reask Code, other card / reask Code, other card / other card
        TryOtherCard: other card / other card / other card
        RetryLater: retry, other card / other card / other card
        NeverRetry: other card / other card / other card
        CallIssuer: other card / other card / other card
        NeedsSca: other card / other card / other card
        Pan: reask Pan, other card / typed: reask Pan, other card
        Expiry: reask Expiry, other card / typed: reask Expiry, other card
        Code: reask Code, other card / typed: reask Code, other card
        Address: other card / typed: reask Address, other card
        Postcode: reask Postcode, other card / typed: reask Postcode, other card
        declined: other card
        rejected: retry, other card
        not_charged: retry, other card
        voided: retry, other card
        refunded: retry, other card
    "#]]
    .assert_eq(&table);
}

#[test]
fn asking_again_after_a_no_asks_for_the_whole_card_and_minds_the_field() {
    let mut run = Script::new(plan(RouteKind::InPath, "*7"), "8,0");
    run.run(&format!("begin answer:8 collect:INV1:1250 {CARD} take:1 paid:1:declined/code unsecure"));
    assert_eq!(run.word("reask:code"), "SECURE, field");
    let view = run.call.view();
    assert_eq!(screen::stage(&view, &facts("")), Stage::Pan);
    assert_eq!(view.capture.warnings, [crate::capture::Warning::BankObjected(Field::Code)]);
    run.run(CARD);
    assert_eq!(run.word("take:2"), "AUTHORISE at2 pm1 INV1 12.50 GBP visa ..1111 code:3");
    assert_eq!(run.call.view().payment.attempts, 2);
    // While the answer is awaited there is nothing to ask for again.
    assert_eq!(run.word("reask:code"), "no: Capture(NotOpen)");
    run.word("paid:2:declined");
    let asked = run.call.command(run.now, Command::Reask(Field::Postcode));
    let refused = asked.err().expect("the tenant asks for no postcode");
    assert_eq!(refused, Refused::Capture(crate::capture::Refusal::NotAsked(Field::Postcode)));
    run.word("paid:2:approved");
    assert_eq!(run.word("reask:code"), "no: Capture(NotOpen)");
}

#[test]
fn attempts_are_counted_by_order_and_only_where_one_was_made() {
    let mut run = Script::new(plan(RouteKind::InPath, "*7"), "8,0");
    run.run("begin answer:8");
    let mut counts = Vec::new();
    let script = format!(
        "collect:INV1:1250 {CARD} take:1 paid:1:declined collect:INV1:1250 {CARD} take:2 paid:2:unrecorded \
        collect:INV2:900 {CARD} take:3"
    );
    for word in script.split_whitespace() {
        run.word(word);
        let count = run.call.view().payment.attempts;
        if counts.last() != Some(&count) {
            counts.push(count);
        }
    }
    assert_eq!(counts, [0, 1, 2, 1, 0, 1]);
}

#[test]
fn every_brand_has_lengths_to_expect() {
    for brand in Brand::ALL {
        let (least, most) = brand.usual_lengths();
        let usual = brand.usual_len() as u8;
        assert!(least <= usual && usual <= most, "{brand:?}");
        assert!([least, most].iter().all(|len| brand.lengths().contains(&usize::from(*len))), "{brand:?}");
    }
}

#[test]
fn words_of_the_wire_are_all_different() {
    let stages: HashSet<&str> = Stage::ALL.map(Stage::as_str).into();
    assert_eq!(stages.len(), Stage::ALL.len());
}

#[test]
fn a_call_without_an_agent_is_claimed_once() {
    let mut run = Script::new(plan(RouteKind::InPath, "*7"), "8,0");
    run.run("begin answer:8");
    expect![[r#"
        claim:ann => changed
        claim:ann => nothing
        claim:bob => no: NotYours
        bye:c => end agent, over customer_hung_up
        claim:ann => no: CallOver
    "#]]
    .assert_eq(&run.run("claim:ann claim:ann claim:bob bye:c claim:ann"));
    assert_eq!(run.call.view().agent, Some(AgentId("ann".into())));
    let mut run = Script::new(plan(RouteKind::OnDemand, ""), "8,0");
    expect![[r#"
        begin => SECURE, settle customer 8:4000, answer[8], dial[8] auto
        claim:bob => no: NotYours
        claim:ann => nothing
    "#]]
    .assert_eq(&run.run("begin claim:bob claim:ann"));
}

#[test]
fn the_end_of_a_capture_is_on_the_clock_of_the_call() {
    let mut run = Script::new(plan(RouteKind::InPath, "*7"), "8,0");
    run.run("begin answer:8");
    let left = |run: &Script| run.call.view().capture_ends.map(|at| (at - run.now).as_secs());
    assert_eq!(left(&run), None);
    run.run("collect:INV1:1250 +100s");
    assert_eq!(left(&run), Some(500));
    run.run("more");
    assert_eq!(left(&run), Some(620));
    run.run("cancel");
    assert_eq!(left(&run), None);
}

#[test]
fn the_line_that_a_crash_leaves_is_faulty() {
    let mut view = Script::new(plan(RouteKind::InPath, "*7"), "8,0").call.view();
    view.phase = Phase::Ended(EndedWhy::Crashed);
    assert_eq!(screen::line(Some(&view), &facts("")), Line::Faulty);
    assert_eq!(screen::line(None, &facts("was_secured")), Line::None);
    assert_eq!(FieldState::TryAgain.as_str(), "try_again");
}

#[test]
fn an_account_that_may_have_paid_is_not_offered_a_card_again() {
    shows(
        &format!(
            "collect:INV1:1250 {CARD} take:1 paid:1:unrecorded/unsettled see see:wrapped \
             collect:INV1:1250 see cancel see {CARD} collect:INV2:900 {CARD} take:2 \
             paid:2:unrecorded/taken see paid:2:unrecorded see"
        ),
        expect![[r#"
            [] unknown, line secured, primary wrap_up: -
            [wrapped] wrap_up, line secured, primary none: -
            [] pan, line secured, primary busy: -
            [] unknown, line secured, primary wrap_up: -
            [] declined, line secured, primary wrap_up: -
            [] declined, line secured, primary wrap_up: -
        "#]],
    );
}
