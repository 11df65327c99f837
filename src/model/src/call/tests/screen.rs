//! The agent's screen along a call: what it shows, offers and never offers.

mod properties;
mod rules;

use super::*;
use crate::payment::Means;
use crate::screen::{self, Offer};

fn offer(offer: Offer) -> String {
    match offer {
        Offer::Reask(field) => format!("reask {field:?}"),
        Offer::OtherCard => "other card".into(),
        Offer::Retry => "retry".into(),
        other => other.means().expect("a means").as_str().into(),
    }
}

/// What the agent has done beside the call, of which the call itself knows nothing.
fn facts(words: &str) -> screen::Facts {
    let has = |word: &str| words.split(' ').any(|own| own == word);
    screen::Facts {
        order_known: has("order"),
        choice: Means::ALL.into_iter().find(|means| has(means.as_str())),
        receipts: usize::from(has("receipt")),
        wrapped: has("wrapped"),
        typed_address: has("typed"),
        was_secured: has("was_secured"),
    }
}

fn told(view: &CallView, facts: &screen::Facts) -> String {
    let offers: Vec<String> = screen::offers(view, facts).into_iter().map(offer).collect();
    let choose = if screen::must_choose(view, facts) { ", must choose" } else { "" };
    format!(
        "{}, line {}, primary {}{choose}: {}",
        screen::stage(view, facts).as_str(),
        screen::line(Some(view), facts).as_str(),
        screen::primary(view, facts).as_str(),
        if offers.is_empty() { "-".into() } else { offers.join(", ") },
    )
}

fn keyed(fields: &[screen::FieldShown]) -> String {
    let field = |shown: &screen::FieldShown| {
        let expected = shown.expected.map(|(least, most)| format!("/{least}-{most}")).unwrap_or_default();
        let short = shown.short_by.map(|by| format!(" short {by}")).unwrap_or_default();
        let again = if shown.can_reask { " again?" } else { "" };
        format!("{:?} {} {}{expected}{short}{again}", shown.field, shown.state.as_str(), shown.filled)
    };
    fields.iter().map(field).collect::<Vec<_>>().join(" | ")
}

/// Runs a script on a connected call of Route 1; `see:…` tells the screen with those facts, `fields`
/// the fields, and every other word is done in silence.
fn shows(script: &str, expected: Expect) {
    let mut run = Script::new(plan(RouteKind::InPath, "*7"), "8,0");
    run.run("begin ring answer:8 ack:-");
    seen(&mut run, script, expected);
}

fn seen(run: &mut Script, script: &str, expected: Expect) {
    let (mut shown, plan) = (String::new(), run.call.tenant().capture.clone());
    for word in script.split_whitespace() {
        let (verb, rest) = word.split_once(':').unwrap_or((word, ""));
        match verb {
            "see" => {
                let words = rest.replace(',', " ");
                shown += &format!("[{words}] {}\n", told(&run.call.view(), &facts(&words)));
            }
            "fields" => shown += &format!("{}\n", keyed(&screen::fields(&run.call.view(), &plan))),
            _ => {
                let _ = run.word(word);
            }
        }
    }
    expected.assert_eq(&shown);
}

#[test]
fn from_ringing_to_the_receipt() {
    let mut run = Script::new(plan(RouteKind::InPath, "*7"), "8,0");
    let script = "begin see answer:8 see see:order secure see see:order unsecure see:was_secured \
        collect:INV1:1250 see k:4111111111111111* see k:1230* see k:123* see:order \
        take:1 see:order paid:1:approved see see:receipt see:receipt,wrapped bye:c see see:receipt see:wrapped";
    seen(
        &mut run,
        script,
        expect![[r#"
        [] dialling, line ringing, primary busy: -
        [] ready, line open, primary secure: -
        [order] ready, line open, primary secure: pay_link, bank_transfer, later
        [] secure, line secured, primary collect: -
        [order] secure, line secured, primary collect: pay_link, bank_transfer, later
        [was_secured] ready, line released, primary secure: -
        [] pan, line secured, primary busy: -
        [] expiry, line secured, primary busy: -
        [] cvc, line secured, primary busy: -
        [order] review, line secured, primary take: -
        [order] processing, line secured, primary busy: -
        [] approved, line secured, primary receipt: -
        [receipt] approved, line secured, primary wrap_up: -
        [receipt wrapped] wrap_up, line secured, primary none: -
        [] approved, line ended, primary receipt: -
        [receipt] approved, line ended, primary wrap_up: -
        [wrapped] wrap_up, line ended, primary none: -
    "#]],
    );
}

#[test]
fn route_2_rings_on_a_line_that_is_secured_already() {
    let mut run = Script::new(plan(RouteKind::OnDemand, ""), "8,0");
    seen(
        &mut run,
        "begin see answer:8 see",
        expect![[r#"
        [] dialling, line ringing, primary busy: -
        [] secure, line secured, primary collect: -
    "#]],
    );
}

#[test]
fn after_a_no_the_agent_has_to_choose() {
    shows(
        &format!(
            "collect:INV1:1250 {CARD} take:1 paid:1:declined see see:pay_link see:wrapped see:pay_link,wrapped \
            unsecure see:was_secured collect:INV1:1250 see:was_secured cancel see see:later bye:c see see:later \
            see:later,wrapped"
        ),
        expect![[r#"
            [] declined, line secured, primary collect, must choose: other card, pay_link, bank_transfer, later
            [pay_link] declined, line secured, primary wrap_up: other card, pay_link, bank_transfer, later
            [wrapped] declined, line secured, primary collect, must choose: other card, pay_link, bank_transfer, later
            [pay_link wrapped] wrap_up, line secured, primary none: -
            [was_secured] declined, line released, primary collect, must choose: other card, pay_link, bank_transfer, later
            [was_secured] pan, line secured, primary busy: -
            [] declined, line secured, primary collect, must choose: other card, pay_link, bank_transfer, later
            [later] declined, line secured, primary wrap_up: other card, pay_link, bank_transfer, later
            [] declined, line ended, primary none, must choose: pay_link, bank_transfer, later
            [later] declined, line ended, primary wrap_up: pay_link, bank_transfer, later
            [later wrapped] wrap_up, line ended, primary none: -
        "#]],
    );
}

#[test]
fn a_new_order_on_the_same_call_is_a_new_question() {
    shows(
        &format!("collect:INV1:1250 {CARD} take:1 paid:1:declined collect:INV2:900 see cancel see"),
        expect![[r#"
            [] pan, line secured, primary busy: -
            [] cancelled, line secured, primary collect: pay_link, bank_transfer, later
        "#]],
    );
}

#[test]
fn captures_that_came_to_nothing() {
    shows(
        "see:order collect:INV1:1250 cancel see see:pay_link collect:INV1:1250 +700s see see:later \
        collect:INV1:1250 k:4111111111111112* k:4111111111111112* k:4111111111111112* see bye:c see see:later",
        expect![[r#"
            [order] ready, line open, primary secure: pay_link, bank_transfer, later
            [] cancelled, line secured, primary collect: pay_link, bank_transfer, later
            [pay_link] cancelled, line secured, primary wrap_up: pay_link, bank_transfer, later
            [] capture_failed, line secured, primary collect, must choose: pay_link, bank_transfer, later
            [later] capture_failed, line secured, primary wrap_up: pay_link, bank_transfer, later
            [] capture_failed, line secured, primary collect, must choose: other card, pay_link, bank_transfer, later
            [] capture_failed, line ended, primary none, must choose: pay_link, bank_transfer, later
            [later] capture_failed, line ended, primary wrap_up: pay_link, bank_transfer, later
        "#]],
    );
}

#[test]
fn too_many_card_numbers_leave_other_means_alone() {
    let five = "k:4111111111111111* reask:pan ".repeat(5);
    shows(
        &format!("collect:INV1:1250 {five} k:1230* cancel collect:INV1:1250 see see:bank_transfer"),
        expect![[r#"
            [] capture_failed, line secured, primary none, must choose: pay_link, bank_transfer, later
            [bank_transfer] capture_failed, line secured, primary wrap_up: pay_link, bank_transfer, later
        "#]],
    );
}

#[test]
fn what_is_not_known_offers_nothing() {
    let of = |state: &str| {
        let mut run = Script::new(plan(RouteKind::InPath, "*7"), "8,0");
        run.run(&format!("begin answer:8 collect:INV1:1250 {CARD} take:1 paid:1:{state}"));
        let live = told(&run.call.view(), &facts("order wrapped"));
        run.run("bye:c");
        format!("{state}: {live}\n  over: {}\n", told(&run.call.view(), &facts("order")))
    };
    let table = ["recorded", "unknown", "pending", "review", "held"].map(of).concat();
    expect![[r#"
        recorded: processing, line secured, primary busy: -
          over: processing, line ended, primary busy: -
        unknown: unknown, line secured, primary busy: -
          over: unknown, line ended, primary wrap_up: -
        pending: unknown, line secured, primary wrap_up: -
          over: unknown, line ended, primary wrap_up: -
        review: unknown, line secured, primary wrap_up: -
          over: unknown, line ended, primary wrap_up: -
        held: wrap_up, line secured, primary none: -
          over: held, line ended, primary wrap_up: -
    "#]]
    .assert_eq(&table);
}

#[test]
fn a_yes_that_comes_late_is_a_yes_though_a_card_is_being_keyed() {
    shows(
        &format!(
            "collect:INV1:1250 {CARD} take:1 paid:1:not_charged see collect:INV1:1250 see paid:1:approved see \
            see:wrapped {CARD} see cancel see:receipt"
        ),
        expect![[r#"
            [] declined, line secured, primary collect, must choose: retry, other card, pay_link, bank_transfer, later
            [] pan, line secured, primary busy: -
            [] approved, line secured, primary receipt: -
            [wrapped] approved, line secured, primary receipt: -
            [] approved, line secured, primary receipt: -
            [receipt] approved, line secured, primary wrap_up: -
        "#]],
    );
}

#[test]
fn fields_as_they_are_keyed() {
    shows(
        "fields collect:INV1:1250 fields +31s fields k:41 fields +9s fields k:11111111111111* fields \
        k:13* fields k:* fields k:1230* fields k:1 reask:expiry fields k:1230* k:12 k:3* fields \
        take:1 fields paid:1:declined fields collect:INV1:1250 fields cancel fields",
        expect![[r#"
            Pan next 0 | Expiry next 0/4-4 | Code next 0/3-4
            Pan asking 0 again? | Expiry next 0/4-4 | Code next 0/3-4
            Pan waiting 0 again? | Expiry next 0/4-4 | Code next 0/3-4
            Pan keying 2/16-16 again? | Expiry next 0/4-4 | Code next 0/3-3
            Pan keying 2/16-16 short 14 again? | Expiry next 0/4-4 | Code next 0/3-3
            Pan complete 16/16-16 again? | Expiry asking 0/4-4 again? | Code next 0/3-3
            Pan complete 16/16-16 again? | Expiry try_again 0/4-4 short 2 again? | Code next 0/3-3
            Pan complete 16/16-16 again? | Expiry asking 0/4-4 again? | Code next 0/3-3
            Pan complete 16/16-16 again? | Expiry complete 4/4-4 again? | Code asking 0/3-3 again?
            Pan complete 16/16-16 again? | Expiry asking 0/4-4 again? | Code next 0/3-3
            Pan complete 16/16-16 again? | Expiry complete 4/4-4 again? | Code complete 3/3-3 again?
            Pan locked 16/16-16 | Expiry locked 4/4-4 | Code locked 3/3-3
            Pan locked 16/16-16 | Expiry locked 4/4-4 | Code locked 3/3-3
            Pan asking 0 again? | Expiry next 0/4-4 | Code next 0/3-4
            Pan next 0 | Expiry next 0/4-4 | Code next 0/3-4
        "#]],
    );
}

/// A call of a tenant that asks for addresses in this way.
fn with_address(check: AddressCheck, script: &str, expected: Expect) {
    let mut own = tenant();
    own.capture.address = check;
    let mut run = Script::of(own, plan(RouteKind::InPath, "*7"), "8,0");
    run.run("begin answer:8 collect:INV1:1250");
    seen(&mut run, script, expected);
}

#[test]
fn addresses_that_the_customer_keys() {
    with_address(
        AddressCheck::Keyed,
        &format!("{CARD} see fields k:12* see fields k:* see fields reask:expiry see fields"),
        expect![[r#"
            [] house_number, line secured, primary busy: -
            Pan complete 16/16-16 again? | Expiry complete 4/4-4 again? | Code complete 3/3-3 again? | HouseNumber asking 0 again? | Postcode next 0
            [] postcode, line secured, primary busy: -
            Pan complete 16/16-16 again? | Expiry complete 4/4-4 again? | Code complete 3/3-3 again? | HouseNumber complete 2 again? | Postcode asking 0 again?
            [] review, line secured, primary take: -
            Pan complete 16/16-16 again? | Expiry complete 4/4-4 again? | Code complete 3/3-3 again? | HouseNumber complete 2 again? | Postcode complete 0 again?
            [] expiry, line secured, primary busy: -
            Pan complete 16/16-16 again? | Expiry asking 0/4-4 again? | Code complete 3/3-3 again? | HouseNumber complete 2 again? | Postcode complete 0 again?
        "#]],
    );
}

#[test]
fn addresses_that_the_agent_types() {
    with_address(
        AddressCheck::Typed,
        &format!("{CARD} see:typed fields address:12,TD15 see:typed"),
        expect![[r#"
            [typed] address, line secured, primary address: -
            Pan complete 16/16-16 again? | Expiry complete 4/4-4 again? | Code complete 3/3-3 again?
            [typed] review, line secured, primary take: -
        "#]],
    );
}

#[test]
fn an_unclear_line_and_a_leak() {
    shows(
        "secure unwell:source see:order well collect:INV1:1250 k:41 unwell:clock see fields leaked see \
        see:later unsecure see:was_secured",
        expect![[r#"
            [order] secure, line unclear, primary busy: pay_link, bank_transfer, later
            [] pan, line unclear, primary busy: -
            Pan paused 0 | Expiry next 0/4-4 | Code next 0/3-4
            [] capture_failed, line leaked, primary none, must choose: pay_link, bank_transfer, later
            [later] capture_failed, line leaked, primary wrap_up: pay_link, bank_transfer, later
            [was_secured] capture_failed, line leaked, primary none, must choose: pay_link, bank_transfer, later
        "#]],
    );
    shows(
        "secure leaked see see:order unsecure see:was_secured",
        expect![[r#"
        [] secure, line leaked, primary wrap_up: -
        [order] secure, line leaked, primary wrap_up: pay_link, bank_transfer, later
        [was_secured] ready, line leaked, primary wrap_up: -
    "#]],
    );
    shows(
        &format!("collect:INV1:1250 {CARD} leaked see take:1 see paid:1:declined/code see see:pay_link"),
        expect![[r#"
            [] review, line leaked, primary take: -
            [] processing, line leaked, primary busy: -
            [] declined, line leaked, primary none, must choose: pay_link, bank_transfer, later
            [pay_link] declined, line leaked, primary wrap_up: pay_link, bank_transfer, later
        "#]],
    );
}
