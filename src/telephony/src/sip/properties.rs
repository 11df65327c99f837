//! Foreign bytes: whatever comes, nothing panics, grows or lets a digit through.

use super::doorman::{Verdict, judge};
use super::{info, tcp};
use proptest::prelude::*;

/// Something like a SIP message, with every part of it in doubt.
fn message() -> impl Strategy<Value = Vec<u8>> {
    let method = prop_oneof![Just("INVITE"), Just("INFO"), Just("ACK"), Just("BYE"), Just("X")];
    let name = prop_oneof![
        Just("Via"),
        Just("v"),
        Just("From"),
        Just("To"),
        Just("Call-ID"),
        Just("CSeq"),
        Just("Max-Forwards"),
        Just("Content-Length"),
        Just("l"),
        Just("Content-Type"),
        Just("Contact"),
        Just("Require"),
        Just("X"),
    ];
    let field = (name, "[ -~\\t]{0,40}").prop_map(|(name, value)| format!("{name}: {value}\r\n"));
    let body = proptest::collection::vec(any::<u8>(), 0..80);
    (method, "[ -~]{0,30}", proptest::collection::vec(field, 0..14), body).prop_map(
        |(method, uri, fields, body)| {
            let mut raw = format!("{method} {uri} SIP/2.0\r\n{}\r\n", fields.concat()).into_bytes();
            raw.extend(body);
            raw
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_break_the_doorman(raw in proptest::collection::vec(any::<u8>(), 0..600), whole in any::<bool>()) {
        let _ = judge(&raw, whole);
    }

    #[test]
    fn no_message_breaks_the_doorman(raw in message(), whole in any::<bool>()) {
        match judge(&raw, whole) {
            // What the stack gets is text that it can read, and hardly longer than what came.
            Verdict::Pass(bytes, _) => prop_assert!(bytes.len() <= raw.len() + 64),
            Verdict::Answer(bytes) => {
                let text = String::from_utf8(bytes).expect("an answer is text");
                prop_assert!(text.starts_with("SIP/2.0 ") && text.ends_with("\r\n\r\n"));
            }
            Verdict::Drop(_) => {}
        }
    }

    #[test]
    fn a_repaired_message_needs_no_second_repair(raw in message()) {
        if let Verdict::Pass(once, _) = judge(&raw, true)
            && let Verdict::Pass(twice, _) = judge(&once, true)
        {
            prop_assert_eq!(once, twice);
        }
    }

    #[test]
    fn no_stream_breaks_the_framing(raw in proptest::collection::vec(any::<u8>(), 0..600)) {
        if let Ok(Some(frame)) = tcp::next_frame(&raw) {
            prop_assert!(frame > 0 && frame <= raw.len());
        }
    }

    #[test]
    fn a_digit_that_was_taken_is_gone(digit in "[0-9*#A-D]", duration in 0_u32..10_000, spaces in " {0,2}") {
        let text = format!("Signal={spaces}{digit}\r\nDuration={duration}\r\n");
        let mut body = text.clone().into_bytes();
        prop_assert!(info::take_key("application/dtmf-relay", &mut body).is_some());
        let left = String::from_utf8(body).expect("text");
        prop_assert_eq!(left.len(), text.len());
        prop_assert!(left.chars().all(|c| "x\r\n".contains(c)), "{:?}", left);
    }
}
