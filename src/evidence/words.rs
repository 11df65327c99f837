//! What a record means, for a person who has to judge it.

use serde_json::Value;

/// A judgement: its shape on the page, a headline, and what it means.
pub(super) struct Judged {
    /// `green`, `red`, `not_heard`.
    pub tone: &'static str,
    pub title: &'static str,
    pub words: String,
}

/// The leak verdict.
pub(super) fn verdict(record: &Value) -> Judged {
    let leak = &record["leak"];
    let windows = leak["to_agent"]["windows"].as_u64().unwrap_or(0);
    let judged = |tone, title, words: String| Judged { tone, title, words };
    match leak["verdict"].as_str() {
        Some("green") => judged(
            "green",
            "No key was heard on the secured line",
            format!(
                "An independent listener judged {windows} stretches of 16 ms of the sound that left towards \
                 the agent while the line was secured. None held a key tone{}.",
                if leak["tap"].is_null() { "" } else { ", and none did in what was recorded" }
            ),
        ),
        Some("red") => judged(
            "red",
            "A key was heard on the secured line",
            "An independent listener heard a key tone in what left while the line was secured. Treat a card \
             that was keyed on this call as heard, and every recording of it as holding card data."
                .to_owned(),
        ),
        _ => judged("not_heard", "Nobody listened: this says nothing, good or bad", not_heard(record)),
    }
}

fn not_heard(record: &Value) -> String {
    let secured = record["secured"]["count"].as_u64();
    let why = match (record["observed"].as_bool(), secured) {
        (Some(true), Some(0)) => {
            "The line was never secured on this call. What was keyed on it could be heard."
        }
        (Some(true), _) => "The line was secured, but a listener had no sound to judge.",
        _ => "What was seen of this call was lost before it could be written down.",
    };
    format!("{why} Do not take this record for a proof that nothing leaked.")
}

/// What was seen of scope.
pub(super) fn scope(record: &Value) -> Judged {
    let scope = &record["topology"]["scope"];
    let by = match scope["because"].as_str() {
        Some("signalling") => "so says the address that signalling came from",
        Some("media") => "so says an address that the customer's sound came from",
        Some("signalling_and_media") => "so say the addresses of signalling and sound",
        _ => "so says the record of the call",
    };
    let judged = |tone, title, words: String| Judged { tone, title, words };
    match scope["word"].as_str() {
        Some("pbx") => judged(
            "red",
            "PBX carries card tones: in scope",
            format!(
                "The customer's side of this call ran through the organisation's own switch: {by}. \
                 That switch, and whatever records on its trunk side, had the key tones before Tonewall did."
            ),
        ),
        Some("carrier_edge") => judged(
            "green",
            "No PBX was seen to carry card tones",
            format!(
                "The customer's side came from a carrier edge: {by}. Equipment that hides behind \
                 those addresses cannot be seen from here."
            ),
        ),
        _ => judged(
            "not_heard",
            "Nobody saw who carried the customer's side",
            "Take the organisation's switch to be in scope until something else shows that it is not."
                .to_owned(),
        ),
    }
}

/// The words of a value that is a word in a record.
pub(super) fn plain(word: &str) -> &str {
    match word {
        "on_demand" => "on demand: the customer was transferred to Tonewall",
        "in_path" => "in path: the number runs through Tonewall",
        "customer_hung_up" => "the customer hung up",
        "agent_hung_up" => "the agent hung up",
        "agent_unreachable" => "the agent's phone could not be reached",
        "no_common_codec" => "the two sides had no codec in common",
        "too_long" => "it lasted longer than a call may",
        "shutdown" => "the node was taken out of service",
        "crashed" => "something of Tonewall's failed; the line was closed",
        "interrupted" => "the process that carried it ended; nobody saw the end",
        "pbx" => "the organisation's own switch (PBX)",
        "carrier_edge" => "a carrier or session border controller",
        "tone" => "a flat tone, the same for every key",
        "silence" => "silence",
        "comfort" => "low noise",
        "closed" => "nothing of the customer while a field is open",
        "complete" => "complete",
        "failed" => "failed: too many tries",
        "timed_out" => "timed out",
        "cancelled" => "cancelled by the agent",
        "left" => "left for another field",
        "abandoned" => "the call ended",
        "card_number" => "card number",
        "security_code" => "security code",
        "house_number" => "house number",
        "expiry" => "expiry date",
        other => other,
    }
}

/// `2026-11-22 17:27:01.000 UTC`.
pub(super) fn time(text: &str) -> String {
    match text.strip_suffix('Z').and_then(|text| text.split_once('T')) {
        Some((date, clock)) => format!("{date} {clock} UTC"),
        None => text.to_owned(),
    }
}
