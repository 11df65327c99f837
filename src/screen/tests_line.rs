//! Lines that cannot be vouched for, closed fields and slow keys, as the agent reads them.

use super::samples::samples;
use super::shown::{Screen, Tone};
use super::tests::{harbour, sample, tenants};
use expect_test::expect;

fn told(name: &str) -> String {
    let screen = sample(name);
    let (line, mut text) = (&screen.line, String::new());
    let mut add = |label: &str, words: &str| {
        if !words.is_empty() {
            text.push_str(&format!("  {label}: {words}\n"));
        }
    };
    add("line", &format!("{}, {:?}, {}: {} {}", line.state, line.tone, line.icon, line.words, line.detail));
    add("why", line.unwell.as_deref().unwrap_or_default());
    add("say", &screen.say);
    add("remind", &screen.remind);
    add(
        "notice",
        &screen.notice.as_ref().map(|own| format!("{}. {}", own.title, own.words)).unwrap_or_default(),
    );
    let asked = screen.fields.iter().find(|field| !matches!(field.state, "next" | "complete"));
    add("field", &asked.map(|field| format!("{}, {}", field.state, field.words)).unwrap_or_default());
    let slow = &screen.slow_keys;
    add(
        "slow keys",
        &if slow.offered { format!("{}, sends {:?}", slow.words, slow.wish) } else { String::new() },
    );
    let enabled = if screen.primary.enabled { "" } else { ", not now" };
    add("primary", &format!("{} [{}{enabled}]", screen.primary.label, screen.primary.action));
    add("polite", &screen.announce.polite);
    add("assertive", &screen.announce.assertive);
    format!("{name}\n{text}")
}

#[test]
fn what_the_agent_reads_of_an_unclear_line() {
    expect![[r#"
        unclear
          line: unclear, Warn, shield-off: Line not clear Nothing of the customer is passed to you. Wait until this clears.
          why: Far more sound arrives than one call has.
          say: One moment, please: the line is being checked. You can hear me, and I can't hear you just yet.
          primary: Waiting for a clear line… [busy, not now]
          polite: Line not clear.
        unclear_field
          line: unclear, Warn, shield-off: Line not clear Nothing of the customer is passed to you. Wait until this clears; the field will be asked for again.
          why: The sound comes from another source than before.
          say: One moment, please: don't press any keys just now. I'll ask you for that again.
          field: paused, Wait: line not clear
          slow keys: off, sends "1"
          primary: Waiting for a clear line… [busy, not now]
          polite: Line not clear. Nothing of the customer is passed to you. Wait until this clears; the field will be asked for again.
    "#]].assert_eq(&["unclear", "unclear_field"].map(told).concat());
}

#[test]
fn what_the_agent_reads_after_a_leak() {
    expect![[r#"
        leaked
          line: leaked, Bad, shield-alert: A tone may have been heard Do not go on. Nothing more can be keyed on this call: offer another way to pay, and tell your team lead.
          say: I'm sorry, I can't take a card on this line. Nothing has been taken. Shall I send you a link to pay instead?
          notice: Card entry stopped. A tone may have been heard on this line. Everything keyed is wiped and nothing has been taken.
          primary: Choose what happens next [none, not now]
          polite: A tone may have been heard.
          assertive: Card entry stopped. A tone may have been heard on this line. Everything keyed is wiped and nothing has been taken.
        leaked_secure
          line: leaked, Bad, shield-alert: A tone may have been heard Do not go on. Nothing more can be keyed on this call: offer another way to pay, and tell your team lead.
          say: I'm sorry, I can't take a card on this line. Shall I send you a link to pay instead?
          primary: Wrap up [wrap_up]
          polite: A tone may have been heard.
          assertive: A tone may have been heard. Do not go on. Nothing more can be keyed on this call: offer another way to pay, and tell your team lead.
        leaked_review
          line: leaked, Bad, shield-alert: A tone may have been heard Nothing more can be keyed on this call. The card that is complete can still be taken. Tell your team lead.
          say: Thank you. I'm about to take £12.50 from your Visa ending 5262. Is that all right?
          primary: Take £12.50 [take]
          polite: A tone may have been heard. Security code complete. Take £12.50 is possible now.
          assertive: A tone may have been heard. Nothing more can be keyed on this call. The card that is complete can still be taken. Tell your team lead.
    "#]].assert_eq(&["leaked", "leaked_secure", "leaked_review"].map(told).concat());
}

#[test]
fn what_the_agent_reads_of_closed_fields_and_slow_keys() {
    expect![[r#"
        closed_secure
          line: secured, Ok, shield-check: Line secure Tones are hidden from you and from the recording.
          say: Your line is secure now. While you key your card I can't hear you, but you can hear me.
          primary: Ask for the card [collect]
          polite: Line secure.
        closed
          line: secured, Ok, shield-check: Line secure You cannot hear the customer while they key. They can hear you.
          say: Please key the long number on the front of your card, then press star.
          remind: The customer hears you: go on talking. You hear them again when the card is complete; to talk before that, choose Start again. After a slip, hash clears what they are keying.
          field: keying, Keying
          slow keys: off, sends "1"
          primary: The customer is keying [busy, not now]
          polite: Line secure. Asking for the card number.
        slow_keys
          line: secured, Ok, shield-check: Line secure Tones are hidden from you and from the recording.
          say: Please key the long number on the front of your card, then press star.
          remind: If the customer starts to say the number: “Please use the keypad, I can't take it by voice.” After a slip, hash clears it.
          field: keying, Keying
          slow keys: on, sends ""
          primary: The customer is keying [busy, not now]
          polite: Line secure. Asking for the card number.
    "#]].assert_eq(&["closed_secure", "closed", "slow_keys"].map(told).concat());
}

#[test]
fn no_card_is_asked_for_on_such_a_line() {
    let card = |screen: &Screen| {
        let by_offer = screen.offers.iter().any(|offer| offer.action != "means");
        let by_field = screen.fields.iter().any(|field| field.can_reask);
        by_offer || by_field || screen.primary.action == "collect"
    };
    let mut seen = 0;
    for tenant in tenants() {
        for sample in samples(&tenant) {
            let line = &sample.screen.line;
            let (unclear, leaked) = (line.state == "unclear", line.state == "leaked");
            assert_eq!((unclear, leaked), (line.unwell.is_some(), line.leaked), "{}", sample.name);
            if unclear || leaked {
                assert!(!card(&sample.screen), "{}", sample.name);
                assert_eq!(line.tone, if leaked { Tone::Bad } else { Tone::Warn });
                seen += 1;
            }
        }
    }
    assert_eq!(seen, 2 * 5);
    assert!(samples(&harbour()).iter().any(|sample| card(&sample.screen)));
}
