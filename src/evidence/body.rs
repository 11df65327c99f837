//! The facts of a call as the body of its record.

use super::facts::{End, Facts, Scope, Seen, Verdict};
use super::trail::{FieldFact, Span};
use super::{EAR_VERSION, FORMAT, MASK_VERSION, PublicKey};
use serde_json::{Value, json};
use std::net::IpAddr;
use time::{OffsetDateTime, UtcOffset};
use tonewall_model::capture::Field;
use tonewall_model::card::guard::holds_card_number;
use tonewall_model::dtmf::TALLY_SHARES;
use tonewall_model::tenant::{MaskStyle, TrunkRole};
use tonewall_store::Link;
use tonewall_telephony::media::EarWitness;

/// Stands for a text that could be a card number, wherever it came from.
const WITHHELD: &str = "withheld";

/// What a record holds besides the facts.
pub(super) struct Frame<'a> {
    pub link: &'a Link,
    pub recorded: OffsetDateTime,
    pub config_sha256: Option<&'a str>,
    pub signer: Option<PublicKey>,
}

/// The body.
pub(super) fn of(facts: &Facts, frame: &Frame<'_>) -> Value {
    let seen = facts.seen.as_ref();
    let previous = Some(&frame.link.previous_sha256).filter(|hash| !hash.is_empty());
    let observed_config = frame.config_sha256.filter(|_| seen.is_some());
    json!({
        "format": FORMAT,
        "tenant": facts.tenant.as_str(),
        "seq": frame.link.seq,
        "previous": previous,
        "recorded": time_text(frame.recorded),
        "call": {
            "id": facts.call.as_str(),
            "route": text(&facts.route),
            "agent": facts.agent.as_ref().map(|agent| text(&agent.0)),
            "started": time_text(facts.started),
            "ended": facts.ended.map(time_text),
            "ended_why": text(&facts.ended_why),
        },
        "observed": seen.is_some(),
        "secured": seen.map(secured),
        "fields": seen.map(fields),
        "transports": seen.map(transports),
        "packets": seen.map(packets),
        "mask": seen.map(mask),
        "health": seen.map(|seen| json!({ "unwell": seen.witness.counts.unwell })),
        "leak": leak(facts),
        "topology": topology(facts),
        "versions": {
            "tonewall": env!("CARGO_PKG_VERSION"),
            "ear": seen.map(|_| EAR_VERSION),
            "mask": seen.map(|_| MASK_VERSION),
        },
        "config_sha256": observed_config,
        "signer": frame.signer.map(|key| json!({ "key_id": key.id(), "public_key": key.text() })),
    })
}

/// Foreign text; nothing with the look of a card number gets into a record.
fn text(said: &str) -> &str {
    if holds_card_number(said) { WITHHELD } else { said }
}

/// RFC 3339 in UTC, milliseconds.
fn time_text(at: OffsetDateTime) -> String {
    let at = at.to_offset(UtcOffset::UTC);
    let (year, month, day) = at.to_calendar_date();
    let (hour, minute, second, ms) = at.to_hms_milli();
    format!("{year:04}-{:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ms:03}Z", u8::from(month))
}

fn secured(seen: &Seen) -> Value {
    let span = |span: &Span| json!({ "on": time_text(span.on), "off": time_text(span.off) });
    json!({
        "spans": seen.secured.first.iter().map(span).collect::<Vec<_>>(),
        "count": seen.secured.count,
        "milliseconds": seen.secured_ms,
    })
}

fn fields(seen: &Seen) -> Value {
    let fact = |fact: &FieldFact| {
        json!({
            "field": field_word(fact.field),
            "outcome": fact.outcome,
            "reasked": fact.reasked,
            "digits": fact.digits,
        })
    };
    json!({
        "list": seen.fields.first.iter().map(fact).collect::<Vec<_>>(),
        "count": seen.fields.count,
    })
}

fn field_word(field: Field) -> &'static str {
    match field {
        Field::Pan => "card_number",
        Field::Expiry => "expiry",
        Field::Code => "security_code",
        Field::HouseNumber => "house_number",
        Field::Postcode => "postcode",
        Field::Address => "address",
    }
}

fn transports(seen: &Seen) -> Value {
    let [in_band, telephone_event, info, kpml] = seen.witness.transports;
    json!({
        "in_band": in_band,
        "telephone_event": telephone_event,
        "info": info,
        "kpml": kpml,
        "presses": seen.presses,
        "presses_open": seen.presses_open,
    })
}

fn packets(seen: &Seen) -> Value {
    let counts = &seen.witness.counts;
    json!({
        "in": counts.customer_packets,
        "to_agent": counts.to_agent,
        "masked": counts.masked,
        "muted": counts.muted,
        "dropped": counts.dropped + counts.over_rate,
        "strangers": counts.strangers,
        "refused": counts.refused,
    })
}

fn mask(seen: &Seen) -> Value {
    json!({
        "style": style_word(seen.style),
        "hold_ms": seen.witness.hold_ms_max,
        "dial_tone_hz": seen.dial_tone_hz.map(|[low, high]| json!({ "low": low, "high": high })),
    })
}

/// The word of a manifest.
pub(super) fn style_word(style: MaskStyle) -> &'static str {
    match style {
        MaskStyle::Tone => "tone",
        MaskStyle::Silence => "silence",
        MaskStyle::Comfort => "comfort",
        MaskStyle::Closed => "closed",
    }
}

fn leak(facts: &Facts) -> Value {
    let seen = facts.seen.as_ref();
    let tap = seen.and_then(|seen| {
        let mut tap = ear(&seen.witness.tap?, seen.tap()?);
        tap["dropped"] = seen.witness.counts.tap_dropped.into();
        Some(tap)
    });
    json!({
        "verdict": facts.verdict().as_str(),
        "to_agent": seen.map(|seen| ear(&seen.witness.to_agent, seen.to_agent())),
        "tap": tap,
    })
}

/// `share_985`: pairs of tones that had at least 98.5 % of the sound.
fn ear(witness: &EarWitness, verdict: Verdict) -> Value {
    let count = |(share, count): (&f32, &u32)| {
        (format!("share_{:03.0}", f64::from(*share) * 1_000.0), Value::from(*count))
    };
    let sightings: serde_json::Map<String, Value> =
        TALLY_SHARES.iter().zip(&witness.tally).map(count).collect();
    json!({ "verdict": verdict.as_str(), "windows": witness.windows, "sightings": sightings })
}

fn topology(facts: &Facts) -> Value {
    let seen = facts.seen.as_ref();
    let end = |end: &End| json!({ "trunk": text(&end.trunk), "role": end.role.map(role_word) });
    // Objects, since a row of bare addresses would be one long run of digits.
    let media = |media: &Vec<IpAddr>| -> Vec<Value> {
        media.iter().map(|ip| json!({ "address": ip.to_canonical().to_string() })).collect()
    };
    json!({
        "customer": seen.map(|seen| end(&seen.customer)),
        "agent": seen.map(|seen| end(&seen.agent)),
        "customer_signalling": seen.map(|seen| seen.signalling.to_canonical().to_string()),
        "customer_media": seen.map(|seen| media(&seen.media)),
        "scope": scope(facts.scope),
    })
}

/// The word of a manifest.
pub(super) fn role_word(role: TrunkRole) -> &'static str {
    match role {
        TrunkRole::CarrierEdge => "carrier_edge",
        TrunkRole::Pbx => "pbx",
    }
}

/// Says of scope one thing only: whether the organisation's own switch was seen to carry card tones.
fn scope(scope: Scope) -> Value {
    let (word, because, reason) = match scope {
        Scope::Pbx { because } => ("pbx", Some(because), "PBX carries card tones: in scope"),
        Scope::CarrierEdge { because } => (
            "carrier_edge",
            Some(because),
            "The customer came from a carrier edge: no PBX of the organisation was seen to carry card tones",
        ),
        Scope::Unknown => ("unknown", None, "Nobody observed who carried the customer's side"),
    };
    json!({ "word": word, "because": because, "reason": reason })
}
