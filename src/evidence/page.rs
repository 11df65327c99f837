//! A record as one page that stands alone: no script, nothing fetched, for screen and paper.

use super::file::{Held, NotEvidence};
use super::words::{self, Judged, plain, time};
use handlebars::Handlebars;
use serde::Serialize;
use serde_json::Value;

const TEMPLATE: &str = include_str!("../../templates/pages/evidence.hbs");

/// What the template reads.
#[derive(Serialize)]
struct Page {
    tenant: String,
    call: String,
    seq: u64,
    verdict: Banner,
    scope: Banner,
    call_rows: Vec<Row>,
    observed: bool,
    spans: Vec<SpanShown>,
    spans_more: u64,
    fields: Vec<FieldShown>,
    fields_more: u64,
    key_rows: Vec<Row>,
    packet_rows: Vec<Row>,
    ear_rows: Vec<Row>,
    path_rows: Vec<Row>,
    proof_rows: Vec<Row>,
    is_signed: bool,
}

#[derive(Serialize)]
struct Banner {
    is_green: bool,
    is_red: bool,
    is_open: bool,
    title: &'static str,
    words: String,
}

#[derive(Serialize)]
struct Row {
    name: &'static str,
    value: String,
}

#[derive(Serialize)]
struct SpanShown {
    on: String,
    off: String,
}

#[derive(Serialize)]
struct FieldShown {
    field: String,
    outcome: String,
    digits: u64,
    reasked: u64,
}

/// The page of a record whose file was checked.
///
/// # Errors
/// The record lacks what every record has.
pub fn html(held: &Held) -> Result<String, NotEvidence> {
    let mut engine = Handlebars::new();
    engine.set_strict_mode(true);
    engine.render_template(TEMPLATE, &page(held)).map_err(|_| NotEvidence("its record cannot be shown"))
}

fn page(held: &Held) -> Page {
    let record = &held.record;
    let (spans, spans_more) = listed(&record["secured"]["spans"], &record["secured"]["count"], |span| {
        SpanShown { on: time(&text(&span["on"])), off: time(&text(&span["off"])) }
    });
    let (fields, fields_more) = listed(&record["fields"]["list"], &record["fields"]["count"], |field| {
        let number = |key: &str| field[key].as_u64().unwrap_or(0);
        FieldShown {
            field: plain(&text(&field["field"])).to_owned(),
            outcome: plain(&text(&field["outcome"])).to_owned(),
            digits: number("digits"),
            reasked: number("reasked"),
        }
    });
    Page {
        tenant: text(&record["tenant"]),
        call: text(&record["call"]["id"]),
        seq: record["seq"].as_u64().unwrap_or(0),
        verdict: banner(words::verdict(record)),
        scope: banner(words::scope(record)),
        call_rows: call_rows(record),
        observed: record["observed"] == true,
        spans,
        spans_more,
        fields,
        fields_more,
        key_rows: key_rows(&record["transports"]),
        packet_rows: packet_rows(&record["packets"]),
        ear_rows: ear_rows(&record["leak"]),
        path_rows: path_rows(record),
        proof_rows: proof_rows(held),
        is_signed: held.signer.is_some(),
    }
}

fn banner(judged: Judged) -> Banner {
    Banner {
        is_green: judged.tone == "green",
        is_red: judged.tone == "red",
        is_open: judged.tone == "not_heard",
        title: judged.title,
        words: judged.words,
    }
}

/// The members that are told, and how many there were besides.
fn listed<T>(list: &Value, count: &Value, shown: impl Fn(&Value) -> T) -> (Vec<T>, u64) {
    let list: Vec<T> = list.as_array().into_iter().flatten().map(shown).collect();
    let more = count.as_u64().unwrap_or(0).saturating_sub(list.len() as u64);
    (list, more)
}

/// What nobody saw is said to be so.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "not observed".to_owned(),
        other => other.to_string(),
    }
}

fn row(name: &'static str, value: String) -> Row {
    Row { name, value }
}

fn call_rows(record: &Value) -> Vec<Row> {
    let call = &record["call"];
    let secured_ms = record["secured"]["milliseconds"].as_u64();
    let secured_s = secured_ms.map(|ms| format!("{}.{:03} s", ms / 1_000, ms % 1_000));
    let agent = call["agent"].as_str().unwrap_or("nobody named");
    vec![
        row("Route", plain(&text(&call["route"])).to_owned()),
        row("Agent", agent.to_owned()),
        row("Began", time(&text(&call["started"]))),
        row("Ended", time(&text(&call["ended"]))),
        row("Because", plain(&text(&call["ended_why"])).to_owned()),
        row("Secured in all", secured_s.unwrap_or_else(|| "not observed".to_owned())),
    ]
}

fn key_rows(transports: &Value) -> Vec<Row> {
    vec![
        row("Tones in the sound (in-band)", text(&transports["in_band"])),
        row("RTP telephone-events (RFC 4733)", text(&transports["telephone_event"])),
        row("SIP INFO", text(&transports["info"])),
        row("KPML", text(&transports["kpml"])),
        row("Key presses that these make", text(&transports["presses"])),
        row("Of these on an open line, not masked", text(&transports["presses_open"])),
    ]
}

fn packet_rows(packets: &Value) -> Vec<Row> {
    vec![
        row("From the customer", text(&packets["in"])),
        row("To the agent", text(&packets["to_agent"])),
        row("In which a tone was masked", text(&packets["masked"])),
        row("That left without their own sound", text(&packets["muted"])),
        row("Dropped: unusable, or too many", text(&packets["dropped"])),
        row("From strangers, dropped", text(&packets["strangers"])),
        row("Kept back at the last gate", text(&packets["refused"])),
    ]
}

fn ear_rows(leak: &Value) -> Vec<Row> {
    let ear = |ear: &Value| match ear["verdict"].as_str() {
        Some(verdict) => format!("{verdict}, {} stretches of sound judged", text(&ear["windows"])),
        None => "no such listener".to_owned(),
    };
    vec![row("Towards the agent", ear(&leak["to_agent"])), row("At the recorder's feed", ear(&leak["tap"]))]
}

fn path_rows(record: &Value) -> Vec<Row> {
    let topology = &record["topology"];
    let end = |end: &Value| match end["trunk"].as_str() {
        Some(trunk) => format!("{trunk}: {}", plain(&text(&end["role"]))),
        None => "not observed".to_owned(),
    };
    let addresses = topology["customer_media"].as_array().into_iter().flatten();
    let addresses: Vec<String> = addresses.map(|media| text(&media["address"])).collect();
    let media = if addresses.is_empty() { "not observed".to_owned() } else { addresses.join(", ") };
    let dial = &record["mask"]["dial_tone_hz"];
    let dial = match (dial["low"].as_u64(), dial["high"].as_u64()) {
        (Some(low), Some(high)) => format!("{low} and {high} Hz"),
        _ => "the usual ones".to_owned(),
    };
    vec![
        row("Customer's side", end(&topology["customer"])),
        row("Signalling came from", text(&topology["customer_signalling"])),
        row("Sound came from", media),
        row("Agent's side", end(&topology["agent"])),
        row("In place of a key the agent heard", plain(&text(&record["mask"]["style"])).to_owned()),
        row("Held back while secured, at most, ms", text(&record["mask"]["hold_ms"])),
        row("Dial tones taken out", dial),
        row("Times that the line could not be vouched for", text(&record["health"]["unwell"])),
    ]
}

fn proof_rows(held: &Held) -> Vec<Row> {
    let record = &held.record;
    let versions = &record["versions"];
    let signed = held.signer.map(|key| key.id()).unwrap_or_else(|| "nobody".to_owned());
    let previous = record["previous"].as_str().unwrap_or("none: this is the first record").to_owned();
    vec![
        row("Recorded", time(&text(&record["recorded"]))),
        row("SHA-256 of the record", held.sha256.clone()),
        row("SHA-256 of the record before it", previous),
        row("Signed by", signed),
        row("Public key", held.signer.map(|key| key.text()).unwrap_or_else(|| "none".to_owned())),
        row("SHA-256 of the configuration", text(&record["config_sha256"])),
        row("Tonewall", text(&versions["tonewall"])),
        row("Mask", text(&versions["mask"])),
        row("Listener", text(&versions["ear"])),
    ]
}
