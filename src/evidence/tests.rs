//! From a call's trail to its record, its verdict and its page.

use super::body::{self, Frame};
use super::*;
use crate::metrics::tests::view;
use crate::tenancy::Secrets;
use expect_test::expect;
use serde_json::Value;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::Arc;
use time::{Duration, OffsetDateTime};
use tonewall_model::call::{CallView, EndedWhy, Phase};
use tonewall_model::capture::{FailWhy, Field};
use tonewall_model::card::guard::holds_card_number;
use tonewall_model::ids::{AgentId, CallId, TenantId};
use tonewall_model::tenant::{Tenant, TrunkRole};
use tonewall_store::{CallRecord, Link};
use tonewall_telephony::media::{Counts, EarWitness, Witness};

/// RFC 8032 §7.1, test 1.
const SEED: &str = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";

pub(super) fn key() -> Arc<SigningKey> {
    Arc::new(SigningKey::parse(SEED).expect("a seed"))
}

pub(super) fn tenants() -> Vec<Arc<Tenant>> {
    let manifests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tenants");
    crate::tenancy::load(&manifests, &Secrets::only_given()).expect("manifests")
}

fn tenant(slug: &str) -> Arc<Tenant> {
    tenants().into_iter().find(|tenant| tenant.id.as_str() == slug).expect("a tenant of the demo")
}

pub(super) fn at(ms: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(1_795_368_421).expect("a time") + Duration::milliseconds(ms)
}

/// A carrier's address, in no manifest.
const CARRIER: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 207));

/// The address of the demo's PBX.
const PBX: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

fn trail(slug: &str, trunk: &str, media: IpAddr) -> Trail {
    Trail::new(Start {
        tenant: tenant(slug),
        customer_trunk: trunk.to_owned(),
        agent_trunk: trunk.to_owned(),
        signalling: media,
        media: Some(media),
    })
}

fn heard(windows: u64) -> EarWitness {
    EarWitness { windows, ..EarWitness::default() }
}

const RED: EarWitness = EarWitness { windows: 900, is_red: true, tally: [9, 7, 5, 3, 1] };

/// A call of northwind's, secured for a minute, on which a card was keyed.
pub(super) fn facts(witness: Witness) -> Facts {
    let mut trail = trail("northwind", "carrier", CARRIER);
    trail.secure(true, at(1_000));
    let mut shown = CallView { agent: Some(AgentId("ada".to_owned())), keys: 23, ..view(Some(Field::Pan)) };
    trail.see(&shown);
    shown.capture.tries_left = 2;
    trail.see(&shown);
    shown.capture.field = Some(Field::Expiry);
    shown.capture.closed = vec![(Field::Pan, 16)];
    trail.see(&shown);
    trail.secure(false, at(61_234));
    let end = (at(70_000), EndedWhy::CustomerHungUp);
    shown.phase = Phase::Ended(end.1);
    Facts::of(&shown, &mut trail, witness, at(0), end)
}

pub(super) fn witness(to_agent: EarWitness, tap: Option<EarWitness>) -> Witness {
    let counts =
        Counts { customer_packets: 3_501, to_agent: 3_500, masked: 92, muted: 140, ..Counts::default() };
    Witness { counts, transports: [23, 0, 23, 0], to_agent, tap, hold_ms_max: 30 }
}

pub(super) fn body(facts: &Facts) -> Value {
    let link = Link { seq: 7, previous_sha256: "x".repeat(44) };
    let signer = Some(key().public());
    body::of(facts, &Frame { link: &link, recorded: at(70_100), config_sha256: Some("c"), signer })
}

#[test]
fn a_record_says_what_was_seen_and_when() {
    let record = body(&facts(witness(heard(7_500), None)));
    let members = record.as_object().expect("an object").iter();
    let lines = members.map(|(key, value)| format!("{key} {}\n", canonical::render(value).expect("whole")));
    expect![[r#"
        call {"agent":"ada","ended":"2026-11-22T17:28:11.000Z","ended_why":"customer_hung_up","id":"cl_10000000000000000000","route":"on_demand","started":"2026-11-22T17:27:01.000Z"}
        config_sha256 "c"
        fields {"count":2,"list":[{"digits":16,"field":"card_number","outcome":"complete","reasked":1},{"digits":0,"field":"expiry","outcome":"abandoned","reasked":0}]}
        format "tonewall-evidence/1"
        health {"unwell":0}
        leak {"tap":null,"to_agent":{"sightings":{"share_450":0,"share_550":0,"share_650":0,"share_845":0,"share_985":0},"verdict":"green","windows":7500},"verdict":"green"}
        mask {"dial_tone_hz":null,"hold_ms":30,"style":"silence"}
        observed true
        packets {"dropped":0,"in":3501,"masked":92,"muted":140,"refused":0,"strangers":0,"to_agent":3500}
        previous "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
        recorded "2026-11-22T17:28:11.100Z"
        secured {"count":1,"milliseconds":60234,"spans":[{"off":"2026-11-22T17:28:02.234Z","on":"2026-11-22T17:27:02.000Z"}]}
        seq 7
        signer {"key_id":"key_cbpodbnpkbfekcgb","public_key":"MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="}
        tenant "northwind"
        topology {"agent":{"role":"carrier_edge","trunk":"carrier"},"customer":{"role":"carrier_edge","trunk":"carrier"},"customer_media":[{"address":"203.0.113.207"}],"customer_signalling":"203.0.113.207","scope":{"because":"signalling_and_media","reason":"The customer came from a carrier edge: no PBX of the organisation was seen to carry card tones","word":"carrier_edge"}}
        transports {"in_band":23,"info":23,"kpml":0,"presses":23,"presses_open":0,"telephone_event":0}
        versions {"ear":"ear-1","mask":"mask-1","tonewall":"0.1.0"}
    "#]].assert_eq(&lines.collect::<String>());
}

#[test]
fn green_needs_an_ear_that_listened_to_a_secured_line() {
    let never_secured = |ear| {
        let end = (at(9), EndedWhy::AgentHungUp);
        let mut trail = trail("northwind", "carrier", CARRIER);
        Facts::of(&view(None), &mut trail, witness(ear, None), at(0), end)
    };
    let ears = |agent, tap| facts(witness(agent, tap));
    let interrupted = Facts::of_row(TenantId::parse("harbour").expect("a slug"), row(Some("restart")));
    for (facts, verdict) in [
        (ears(heard(1), None), Verdict::Green),
        (ears(heard(1), Some(heard(1))), Verdict::Green),
        (ears(heard(0), None), Verdict::NotHeard),
        (ears(heard(1), Some(heard(0))), Verdict::NotHeard),
        (ears(RED, None), Verdict::Red),
        (ears(heard(1), Some(RED)), Verdict::Red),
        (ears(RED, Some(heard(0))), Verdict::Red),
        (never_secured(heard(1)), Verdict::NotHeard),
        (never_secured(RED), Verdict::Red),
        (interrupted, Verdict::NotHeard),
    ] {
        assert_eq!(facts.verdict(), verdict, "{facts:?}");
        assert_eq!(body(&facts)["leak"]["verdict"], verdict.as_str());
    }
}

fn row(ended_why: Option<&str>) -> CallRecord {
    CallRecord {
        id: CallId::from_random(9),
        route: "on_demand".to_owned(),
        agent: None,
        caller: None,
        started_at: at(0),
        secured_at: Some(at(300)),
        ended_at: Some(at(90_000)),
        ended_why: ended_why.map(str::to_owned),
        keys: 5,
        scope: Some("pbx".to_owned()),
        wrapped_at: None,
    }
}

#[test]
fn what_nobody_saw_is_null_and_not_zero() {
    let harbour = TenantId::parse("harbour").expect("a slug");
    let record = body(&Facts::of_row(harbour.clone(), row(Some("restart"))));
    for key in ["secured", "fields", "transports", "packets", "mask", "health", "config_sha256"] {
        assert!(record[key].is_null(), "{key}");
    }
    assert!(record["leak"]["to_agent"].is_null() && record["versions"]["ear"].is_null());
    assert_eq!((&record["call"]["ended_why"], &record["observed"]), (&"interrupted".into(), &false.into()));
    assert!(record["call"]["ended"].is_null(), "the row has the time of the next start");
    assert_eq!(record["topology"]["scope"]["reason"], "PBX carries card tones: in scope");
    // Its end was seen, and what was seen besides was lost with the ledger.
    let record = body(&Facts::of_row(harbour, row(Some("agent_hung_up"))));
    assert_eq!(record["call"]["ended"], "2026-11-22T17:28:31.000Z");
    assert_eq!(record["call"]["ended_why"], "agent_hung_up");
}

#[test]
fn scope_is_judged_by_every_address_that_was_seen() {
    let word = |mut trail: Trail, later: Option<IpAddr>| {
        let (before, mut told) = (trail.customer_via(), false);
        later.into_iter().for_each(|ip| told |= trail.media_at(ip));
        assert_eq!(told, trail.customer_via() != before, "the call's record is written anew");
        let (screen, record) = (trail.customer_via(), trail.scope_word());
        let end = (at(9), EndedWhy::AgentHungUp);
        let facts = Facts::of(&view(None), &mut trail, Witness::default(), at(0), end);
        let scope = body(&facts)["topology"]["scope"].clone();
        assert_eq!(scope["word"], record, "evidence and the call's record");
        assert_eq!(scope["word"] == "pbx", screen == TrunkRole::Pbx, "evidence and the screen");
        // Where only the record is left, evidence says the same of it.
        let left = CallRecord { scope: Some(record.to_owned()), ..row(None) };
        let left = body(&Facts::of_row(TenantId::parse("harbour").expect("a slug"), left));
        assert_eq!(left["topology"]["scope"]["word"], record);
        (scope["word"].as_str().expect("a word").to_owned(), scope["because"].as_str().map(str::to_owned))
    };
    let told = |word: &str, because: &str| (word.to_owned(), Some(because.to_owned()));
    assert_eq!(
        word(trail("northwind", "carrier", CARRIER), None),
        told("carrier_edge", "signalling_and_media")
    );
    assert_eq!(word(trail("harbour", "pbx", CARRIER), None), told("pbx", "signalling"));
    assert_eq!(word(trail("harbour", "pbx", PBX), None), told("pbx", "signalling_and_media"));
    assert_eq!(word(trail("harbour", "none", PBX), None), told("pbx", "media"));
    // Sound that moves to the switch in mid-call.
    assert_eq!(word(trail("harbour", "none", CARRIER), Some(PBX)), told("pbx", "media"));
}

#[test]
fn a_trail_tells_how_each_field_went() {
    let over = |edit: &dyn Fn(&mut CallView)| {
        let mut trail = trail("harbour", "pbx", PBX);
        let mut shown = view(Some(Field::Pan));
        shown.capture.filled = 11;
        trail.see(&shown);
        edit(&mut shown);
        trail.see(&shown);
        trail.finish(&shown, at(0));
        let told = trail.fields.first.first().map(|field| (field.outcome, field.digits));
        (told, trail.fields.count)
    };
    let failed =
        |why| move |view: &mut CallView| (view.capture_open, view.capture_failed) = (false, Some(why));
    assert_eq!(over(&failed(FailWhy::TimedOut)), (Some(("timed_out", 11)), 1));
    assert_eq!(over(&failed(FailWhy::TooManyTries(Field::Pan))), (Some(("failed", 11)), 1));
    let cancelled = |view: &mut CallView| (view.capture_open, view.capture_cancelled) = (false, true);
    assert_eq!(over(&cancelled), (Some(("cancelled", 11)), 1));
    let left = |view: &mut CallView| view.capture.field = Some(Field::Code);
    assert_eq!(over(&left), (Some(("left", 11)), 2));
    assert_eq!(over(&|view| view.phase = Phase::Ended(EndedWhy::Crashed)), (Some(("abandoned", 11)), 1));
    assert_eq!(over(&|_| {}), (Some(("left", 11)), 1));
}

#[test]
fn a_trail_is_bounded_and_counts_what_it_does_not_tell() {
    let mut trail = trail("harbour", "pbx", PBX);
    for nth in 0..100 {
        trail.secure(true, at(nth * 10));
        trail.secure(true, at(nth * 10 + 1));
        trail.secure(false, at(nth * 10 + 5));
        trail.secure(false, at(nth * 10 + 6));
        trail.see(&view(Some(if nth % 2 == 0 { Field::Pan } else { Field::Code })));
        trail.media_at(IpAddr::from([10, 0, 0, nth as u8]));
    }
    // Keys on an open line are told apart.
    let mut shown = CallView { secured: false, keys: 3, ..view(None) };
    trail.see(&shown);
    (shown.secured, shown.keys) = (true, 10);
    trail.see(&shown);
    (shown.secured, shown.keys) = (false, 11);
    trail.see(&shown);
    assert_eq!(trail.presses_open, 4);
    // The clock was set back while the line was secured.
    trail.secure(true, at(5_000));
    trail.finish(&view(None), at(4_000));
    assert_eq!((trail.secured.first.len(), trail.secured.count, trail.secured_ms), (64, 101, 500));
    assert_eq!((trail.fields.first.len(), trail.fields.count), (64, 100));
    assert_eq!(trail.media.len(), 8);
}

/// Whoever names agents and trunks, a record holds nothing with the look of a card number.
#[test]
fn no_record_looks_as_if_it_held_a_card_number() {
    let mut seen = witness(RED, Some(RED));
    seen.counts.unwell = u64::MAX;
    let mut facts = facts(seen);
    for name in ["4111111111111111", "378282246310005", "x 4242-4242-4242-4242"] {
        facts.agent = Some(AgentId(name.to_owned()));
        facts.ended_why = name.to_owned();
        let seen = facts.seen.as_mut().expect("seen");
        seen.customer.trunk = name.to_owned();
        seen.media = vec![CARRIER; 8];
        seen.witness.transports = [u64::from(u32::MAX); 4];
        let text = canonical::render(&body(&facts)).expect("whole numbers");
        assert!(!holds_card_number(&text) && text.contains("withheld"), "{text}");
    }
}

#[test]
fn a_page_stands_alone_and_says_what_it_is_about() {
    let interrupted = Facts::of_row(TenantId::parse("harbour").expect("a slug"), row(Some("restart")));
    for (facts, words) in [
        (facts(witness(heard(7_500), None)), "No key was heard on the secured line"),
        (facts(witness(RED, Some(RED))), "A key was heard on the secured line"),
        (facts(witness(heard(0), None)), "a listener had no sound to judge"),
        (interrupted, "What was seen of this call was lost before it could be written down"),
    ] {
        let record = body(&facts);
        let held = Held { record, sha256: "hash=".to_owned(), signer: None, is_key_given: false };
        let page = html(&held).expect("rendered");
        assert!(page.contains(words), "{page}");
        for unwanted in ["<script", "http://", "https://", "src=", "url(", "@import", "<link", "{{"] {
            assert!(!page.contains(unwanted), "{unwanted}");
        }
        for wanted in ["<html lang=\"en-GB\">", "prefers-color-scheme: dark", "@media print", "Nobody signed"]
        {
            assert!(page.contains(wanted), "{wanted}");
        }
    }
}

/// What people typed into manifests is text on the page.
#[test]
fn a_page_shows_names_and_does_not_run_them() {
    let mut facts = facts(witness(heard(1), None));
    facts.agent = Some(AgentId("<script>alert(1)</script>".to_owned()));
    let held = Held { record: body(&facts), sha256: String::new(), signer: None, is_key_given: false };
    let page = html(&held).expect("rendered");
    assert!(page.contains("&lt;script&gt;") && !page.contains("<script"), "{page}");
}
