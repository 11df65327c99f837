//! Over all samples, in both demo organisations; and what no screen may ever show.

use super::samples::{Sample, samples};
use super::shown::Screen;
use crate::tenancy::{Secrets, load};
use expect_test::{Expect, expect};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use tonewall_model::screen::Stage;
use tonewall_model::tenant::{AddressCheck, Crm, Tenant};

/// The demo organisations: Harbour ends fields with star and asks for the address, Northwind with hash.
pub(super) fn tenants() -> Vec<Arc<Tenant>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tenants");
    load(&folder, &Secrets::only_given()).map_err(|problems| problems.to_string()).expect("good manifests")
}

pub(super) fn harbour() -> Arc<Tenant> {
    tenants().into_iter().find(|tenant| tenant.id.as_str() == "harbour").expect("a demo tenant")
}

pub(super) fn sample(name: &str) -> Screen {
    let all = samples(&harbour());
    all.into_iter().find(|sample| sample.name == name).map(|sample| sample.screen).expect(name)
}

pub(super) fn json(screen: &Screen) -> String {
    serde_json::to_string(screen).expect("a screen is serialisable")
}

/// What an agent sees at a glance.
fn glance(sample: &Sample) -> String {
    let screen = &sample.screen;
    let mut text = format!("{}: {} | {}", sample.name, screen.stage, screen.line.words);
    let mut add = |label: &str, words: &str| {
        if !words.is_empty() {
            text.push_str(&format!("\n  {label}: {words}"));
        }
    };
    add("say", &screen.say);
    if let Some(notice) = &screen.notice {
        add("notice", &format!("{}. {}", notice.title, notice.words));
    }
    if let Some(outcome) = &screen.outcome {
        add("outcome", &format!("{}. {}", outcome.title, outcome.money));
    }
    let notes: Vec<&str> = screen.fields.iter().map(|f| f.note.as_str()).filter(|n| !n.is_empty()).collect();
    add("note", &notes.join("; "));
    let labels: Vec<&str> = screen.offers.iter().map(|offer| offer.label.as_str()).collect();
    add("offers", &labels.join(", "));
    add("primary", &format!("{} [{}]", screen.primary.label, screen.primary.action));
    text.push('\n');
    text
}

#[test]
fn an_agent_sees_whether_the_crm_has_the_payment() {
    let crm = |tenant: &Tenant, name: &str| {
        let sample = samples(tenant).into_iter().find(|sample| sample.name == name).expect(name);
        sample.screen.outcome.expect("an outcome").crm
    };
    let mut tenant = Arc::into_inner(harbour()).expect("nobody else has it");
    for (name, words) in [
        ("approved", ""),
        ("crm_saved", "Saved 15:04"),
        ("crm_waits", "Queued: saves itself when the CRM answers"),
        ("crm_given_up", "Not saved: enter this payment in the CRM by hand"),
        ("declined", ""),
    ] {
        assert_eq!(crm(&tenant, name), words, "{name}");
    }
    tenant.crm = Crm::None;
    assert_eq!(crm(&tenant, "crm_saved"), "", "nobody was told");
}

fn check(names: &[&str], expected: &Expect) {
    let all = samples(&harbour());
    let of = |name: &&str| all.iter().find(|sample| sample.name == *name).map(glance).expect(name);
    expected.assert_eq(&names.iter().map(of).collect::<String>());
}

#[test]
fn the_way_of_a_payment() {
    check(
        &[
            "ready",
            "dialling",
            "open",
            "secure",
            "pan",
            "expiry",
            "cvc",
            "cvc_amex",
            "address",
            "review",
            "processing",
            "approved",
            "receipt_sent",
        ],
        &expect![[r#"
            ready: ready | No call
              primary: Waiting for a call [none]
            dialling: dialling | Connecting
              primary: Connecting… [busy]
            open: ready | Line open
              offers: Pay link sent, Bank transfer agreed, Customer will pay later
              primary: Secure the line [secure]
            secure: secure | Line secure
              say: Your line is secure now. I can hear you, but I can't hear or see the keys you press.
              offers: Pay link sent, Bank transfer agreed, Customer will pay later
              primary: Ask for the card [collect]
            pan: pan | Line secure
              say: Please key the long number on the front of your card, then press star.
              primary: The customer is keying [busy]
            expiry: expiry | Line secure
              say: Now the expiry date: two digits for the month, two for the year, then press star.
              primary: The customer is keying [busy]
            cvc: cvc | Line secure
              say: Now the last three digits on the back of your card, then press star.
              primary: The customer is keying [busy]
            cvc_amex: cvc | Line secure
              say: Now the four digits on the front of your card, then press star.
              primary: The customer is keying [busy]
            address: address | Line secure
              say: What are the house number and the postcode that your bank has for you?
              primary: Use this address [address]
            review: review | Line secure
              say: Thank you. I'm about to take £12.50 from your Visa ending 5262. Is that all right?
              primary: Take £12.50 [take]
            processing: processing | Line secure
              say: Thank you. One moment while I take the payment.
              primary: Waiting for the bank, usually under 5 s [busy]
            approved: approved | Line secure
              say: That has gone through, thank you. Where may I send your receipt?
              outcome: Payment taken. £12.50 has been taken.
              primary: Send receipt [receipt]
            receipt_sent: approved | Line secure
              say: That has gone through, thank you. Your receipt comes by e-mail.
              outcome: Payment taken. £12.50 has been taken.
              primary: Wrap up [wrap_up]
        "#]],
    );
}

#[test]
fn hints_and_slips() {
    check(
        &["pan_waiting", "pan_stopped", "pan_end_key", "pan_again", "pan_not_taken", "expiry_past", "ending"],
        &expect![[r#"
            pan_waiting: pan | Line secure
              say: Please key the long number on the front of your card, then press star.
              notice: No key yet. Ask whether the customer has found the keypad: a mobile phone shows it during a call.
              primary: The customer is keying [busy]
            pan_stopped: pan | Line secure
              say: Please key the long number on the front of your card, then press star.
              notice: The keys have stopped, 2 digits short. Ask for the rest and then star; or hash to start this one again.
              note: 2 digits short
              primary: The customer is keying [busy]
            pan_end_key: pan | Line secure
              say: Please key the long number on the front of your card, then press star.
              notice: All digits are in. Ask the customer to press star.
              note: All digits are in: ask for star
              primary: The customer is keying [busy]
            pan_again: pan | Line secure
              say: That number didn't come through right. Could you key it again from the start, then press star?
              note: Number not recognised: one of its digits was mistyped
              primary: The customer is keying [busy]
            pan_not_taken: pan | Line secure
              say: I'm sorry, we don't take JCB. Have you another card? If so, please press hash and key its number, then star.
              note: JCB is not taken here: ask for another card
              primary: The customer is keying [busy]
            expiry_past: expiry | Line secure
              say: That date seems to have passed. Could you check it and key it again, then press star?
              note: This date has passed
              primary: The customer is keying [busy]
            ending: cvc | Line secure
              say: Now the last three digits on the back of your card, then press star.
              notice: Time is running out. Everything keyed is wiped when it is over. Choose More time if the customer is still keying.
              primary: The customer is keying [busy]
        "#]],
    );
}

#[test]
fn what_is_said_after_a_no() {
    check(
        &[
            "declined",
            "declined_number",
            "declined_expiry",
            "declined_code",
            "declined_address",
            "declined_later",
            "declined_unreached",
            "declined_call",
            "declined_sca",
            "declined_chosen",
        ],
        &expect![[r#"
            declined: declined | Line secure
              say: Your bank hasn't approved it this time. Would you like to use another card?
              outcome: Declined by the bank. Nothing has been taken.
              offers: Use another card, Pay link sent, Bank transfer agreed, Customer will pay later
              primary: Use another card [collect]
            declined_number: declined | Line secure
              say: The bank didn't recognise that number. Could you key the card once more?
              outcome: Number not recognised. Nothing has been taken.
              offers: Ask for this card again: check the number, Use another card, Pay link sent, Bank transfer agreed, Customer will pay later
              primary: Use another card [collect]
            declined_expiry: declined | Line secure
              say: The bank didn't accept that expiry date. Could you check it on the card for me?
              outcome: Expiry date not accepted. Nothing has been taken.
              offers: Ask for this card again: check the expiry date, Use another card, Pay link sent, Bank transfer agreed, Customer will pay later
              primary: Use another card [collect]
            declined_code: declined | Line secure
              say: The last three digits didn't match. Shall we try those again?
              outcome: Security code not accepted. Nothing has been taken.
              offers: Ask for this card again: check the security code, Use another card, Pay link sent, Bank transfer agreed, Customer will pay later
              primary: Use another card [collect]
            declined_address: declined | Line secure
              say: Could we check the postcode your bank has for you?
              outcome: Address check not passed. Nothing has been taken.
              offers: Ask for this card again: check the address, Use another card, Pay link sent, Bank transfer agreed, Customer will pay later
              primary: Use another card [collect]
            declined_later: declined | Line secure
              say: Your bank hasn't approved it this time. Would you like to use another card?
              outcome: Declined by the bank. Nothing has been taken.
              offers: Try the same card again, Use another card, Pay link sent, Bank transfer agreed, Customer will pay later
              primary: Use another card [collect]
            declined_unreached: declined | Line secure
              say: Their system isn't answering. Nothing has been taken. May I try once more?
              outcome: Bank not reachable. Nothing has been taken.
              offers: Try the same card again, Use another card, Pay link sent, Bank transfer agreed, Customer will pay later
              primary: Use another card [collect]
            declined_call: declined | Line secure
              say: Your bank hasn't approved it this time; they can tell you why. Would you like to use another card?
              outcome: Declined by the bank. Nothing has been taken.
              offers: Use another card, Pay link sent, Bank transfer agreed, Customer will pay later
              primary: Use another card [collect]
            declined_sca: declined | Line secure
              say: That card can't be used over the phone. Would you like to use another card, or shall I send you a link to pay?
              outcome: This card can't be used by phone. Nothing has been taken.
              offers: Use another card, Pay link sent, Bank transfer agreed, Customer will pay later
              primary: Use another card [collect]
            declined_chosen: declined | Line secure
              say: Thank you. Please give INV-1001 as the reference of your bank transfer.
              outcome: Declined by the bank. Nothing has been taken.
              offers: Use another card, Pay link sent, Bank transfer agreed, Customer will pay later
              primary: Wrap up [wrap_up]
        "#]],
    );
}

#[test]
fn what_is_said_when_nothing_was_taken() {
    check(
        &["rejected", "not_charged", "failed_tries", "failed_time", "failed_cards"],
        &expect![[r#"
            rejected: declined | Line secure
              say: We have a fault on our side; nothing has been taken. May I try once more, or shall I send you a link to pay?
              outcome: Payment service fault. Nothing has been taken: the payment did not reach the bank.
              offers: Try the same card again, Use another card, Pay link sent, Bank transfer agreed, Customer will pay later
              primary: Use another card [collect]
            not_charged: declined | Line secure
              say: I've checked: that payment did not go through, and nothing has been taken. Shall we try again?
              outcome: Payment not taken. It is certain now: nothing has been taken.
              offers: Try the same card again, Use another card, Pay link sent, Bank transfer agreed, Customer will pay later
              primary: Use another card [collect]
            failed_tries: capture_failed | Line secure
              say: I'm sorry, the keypad isn't working for us. Nothing has been taken. Shall I send you a link to pay instead?
              notice: Too many tries. The card number didn't come through, and its tries are used up. Everything keyed is wiped and nothing has been taken.
              offers: Use another card, Pay link sent, Bank transfer agreed, Customer will pay later
              primary: Ask for a card again [collect]
            failed_time: capture_failed | Line secure
              say: I'm sorry, that took too long for the system. Nothing has been taken. Shall we start again?
              notice: The time is over. Everything keyed is wiped and nothing has been taken. You can start again.
              offers: Pay link sent, Bank transfer agreed, Customer will pay later
              primary: Ask for a card again [collect]
            failed_cards: capture_failed | Line secure
              say: I'm sorry, I can't take another card on this call. Shall I send you a link to pay instead?
              notice: No further card on this call. As many cards as one call may bring were keyed. Nothing has been taken with the last one.
              offers: Pay link sent, Bank transfer agreed, Customer will pay later
              primary: Choose what happens next [none]
        "#]],
    );
}

#[test]
fn what_is_not_known_and_how_calls_end() {
    check(
        &[
            "unknown",
            "pending",
            "held",
            "person",
            "ended",
            "ended_approved",
            "ended_sending",
            "ended_declined",
            "unreachable",
            "crashed",
            "cut_off",
            "cut_off_unknown",
        ],
        &expect![[r#"
            unknown: unknown | Line secure
              say: I need to check this went through before we do anything else.
              outcome: Not known yet. We don't know yet if £12.50 was taken. Don't take it again: it resolves by itself.
              primary: Finding out… [busy]
            pending: unknown | Line secure
              say: Your bank will confirm the payment a little later. There is nothing more for you to do now.
              outcome: With the bank. The bank will confirm £12.50 later. Don't take it again.
              primary: Wrap up [wrap_up]
            held: held | Line secure
              say: Your payment is with our payments team for a check. There is nothing more for you to do now.
              outcome: Held for review. £12.50 is approved and held for review. Don't take it again.
              primary: Wrap up [wrap_up]
            person: unknown | Line secure
              say: Our payments team is checking whether that went through. We'll let you know.
              outcome: Being checked by a person. We don't know if £12.50 was taken. Don't take it again: our payments team is looking into it.
              primary: Wrap up [wrap_up]
            ended: ended | Call ended
              notice: Call ended. The customer hung up. Nothing has been taken.
              offers: Pay link sent, Bank transfer agreed, Customer will pay later
              primary: Wrap up [wrap_up]
            ended_approved: approved | Call ended
              notice: Call ended. The customer hung up. £12.50 has been taken.
              outcome: Payment taken. £12.50 has been taken.
              primary: Send receipt [receipt]
            ended_sending: processing | Call ended
              notice: Call ended. You ended the call. The payment is still with the bank: its outcome appears here.
              primary: Waiting for the bank, usually under 5 s [busy]
            ended_declined: declined | Call ended
              notice: Call ended. The customer hung up. Nothing has been taken.
              outcome: Declined by the bank. Nothing has been taken.
              offers: Pay link sent, Bank transfer agreed, Customer will pay later
              primary: Choose what happens next [none]
            unreachable: ended | Call ended
              notice: Call ended. Your phone did not answer when it was rung back. Nothing has been taken.
              offers: Pay link sent, Bank transfer agreed, Customer will pay later
              primary: Wrap up [wrap_up]
            crashed: ended | LINE NOT SECURE
              notice: Call closed. Something of ours stopped working and the call was closed. Nothing has been taken.
              offers: Pay link sent, Bank transfer agreed, Customer will pay later
              primary: Wrap up [wrap_up]
            cut_off: ended | Call ended
              notice: Call cut off. This call was cut off when the service restarted. The line is not secured. Nothing has been taken.
              offers: Pay link sent, Bank transfer agreed, Customer will pay later
              primary: Wrap up [wrap_up]
            cut_off_unknown: unknown | Call ended
              notice: Call cut off. This call was cut off when the service restarted. The line is not secured. We don't know yet if £12.50 was taken. Don't take it again: it resolves by itself.
              outcome: Not known yet. We don't know yet if £12.50 was taken. Don't take it again: it resolves by itself.
              primary: Wrap up [wrap_up]
        "#]],
    );
}

#[test]
fn every_stage_has_a_sample_and_every_sample_its_own_name() {
    let all = samples(&harbour());
    let stages: BTreeSet<&str> = all.iter().map(|sample| sample.screen.stage).collect();
    for stage in Stage::ALL {
        assert!(stages.contains(stage.as_str()), "{}", stage.as_str());
    }
    let names: BTreeSet<&str> = all.iter().map(|sample| sample.name).collect();
    assert_eq!(names.len(), all.len());
}

#[test]
fn words_are_calm_and_name_the_right_key() {
    for tenant in tenants() {
        let (end, other) = match tenant.id.as_str() {
            "northwind" => ("hash", "star"),
            _ => ("star", "hash"),
        };
        for sample in samples(&tenant) {
            let screen = &sample.screen;
            let text = json(screen).to_lowercase();
            for word in ["invalid", "error ", "failed to", "illegal", "please wait", "oops"] {
                assert!(!text.contains(word), "{}: {word}", sample.name);
            }
            assert!(!screen.say.contains(&format!("then press {other}")), "{}: {}", sample.name, screen.say);
            if matches!(screen.stage, "pan" | "expiry" | "cvc" | "house_number" | "postcode")
                && screen.line.state != "unclear"
            {
                assert!(screen.say.contains(end), "{}: {}", sample.name, screen.say);
                let asked = screen.fields.iter().filter(|field| !matches!(field.state, "next" | "complete"));
                let in_plan = tenant.capture.address == AddressCheck::Keyed
                    || !matches!(screen.stage, "house_number" | "postcode");
                assert_eq!(asked.count(), usize::from(in_plan), "{}", sample.name);
            }
        }
    }
}

#[test]
fn lost_stolen_and_fraud_look_like_any_other_no() {
    assert_eq!(json(&sample("declined")), json(&sample("declined_never")));
    let later = sample("declined_later");
    assert_eq!(later.outcome, sample("declined").outcome);
}

#[test]
fn after_a_no_nobody_wraps_up_without_a_choice() {
    for sample in samples(&harbour()) {
        let screen = &sample.screen;
        // Who has just paid need not choose how to pay.
        let paid = sample.name == "taken_before";
        let open = matches!(screen.stage, "declined" | "capture_failed") && screen.choice.is_none() && !paid;
        assert!(!(open && screen.can.wrap_up), "{}", sample.name);
        assert!(!(open && screen.primary.action == "wrap_up"), "{}", sample.name);
        if open {
            assert!(screen.offers.iter().any(|offer| offer.action == "means"), "{}", sample.name);
        }
        // What is not known is not taken again.
        if matches!(screen.stage, "unknown" | "held" | "processing") {
            assert!(screen.offers.is_empty(), "{}", sample.name);
            assert!(!matches!(screen.primary.action, "collect" | "take"), "{}", sample.name);
        }
    }
    assert!(sample("declined_chosen").can.wrap_up);
}

#[test]
fn what_became_of_the_money_is_told_wherever_an_attempt_was_made() {
    for sample in samples(&harbour()) {
        let screen = &sample.screen;
        if matches!(screen.stage, "approved" | "declined" | "unknown" | "held") {
            let outcome = screen.outcome.as_ref().expect(sample.name);
            assert!(!outcome.money.is_empty() && !outcome.title.is_empty(), "{}", sample.name);
            assert!(!screen.announce.assertive.is_empty(), "{}", sample.name);
        }
        if screen.line.state == "ended" && screen.stage != "wrap_up" {
            assert!(screen.notice.is_some() && screen.say.is_empty(), "{}", sample.name);
        }
    }
    let cut_off = sample("cut_off_unknown").notice.expect("a notice").words;
    assert!(
        cut_off.starts_with("This call was cut off when the service restarted. The line is not secured.")
    );
    assert!(cut_off.contains("Don't take it again"));
}

#[test]
fn an_account_that_may_have_paid_is_told_so() {
    check(
        &["unsettled", "taken_before"],
        &expect![[r#"
            unsettled: unknown | Line secure
              say: I need to check that an earlier payment went through before we do anything else.
              outcome: Not known yet. An earlier payment for this account is not settled yet. Don't take it again. Nothing more was taken.
              primary: Wrap up [wrap_up]
            taken_before: declined | Line secure
              say: I see that this has just been paid. Nothing more has been taken.
              outcome: Taken a moment ago. The same was taken for this account a moment ago. Nothing more was taken.
              primary: Wrap up [wrap_up]
        "#]],
    );
    let question = sample("taken_before").duplicate.expect("a question").words;
    assert!(question.ends_with("Take it again?"), "{question}");
    assert_eq!(sample("unsettled").duplicate, None);
}
