//! SIPp as the customer and as the agent's telephone; the agent's screen is the API.

use super::program::{Program, bound};
use super::sipp::sipp;
use super::{SERVICE, card, own, world};
use crate::support::{Folder, NORTHWIND_TOKEN, World, eventually, free_address, fresh_caller};
use std::path::Path;
use std::time::Duration;
use tonewall_loadtest::api::{Api, CallView};
use tonewall_loadtest::customer::{Purchase, TestCard};
use tonewall_loadtest::dtmf::{SAMPLE_RATE, Tone};
use tonewall_loadtest::g711::Law;
use tonewall_loadtest::rng::Rng;
use tonewall_loadtest::speech::Speech;

/// What the customer says before the first key: the agent secures the line and opens the payment
/// in this time.
const LEAD_MS: u32 = 5_000;
/// Between two fields.
const FIELD_PAUSE_MS: u32 = 1_200;
const KEY_MS: u32 = 100;
const GAP_MS: u32 = 100;

/// Both ends of each SIPp run.
const RUN_MAX: Duration = Duration::from_secs(80);

/// What the customer keys, field by field, each with its end.
fn keys(card: &TestCard) -> [String; 3] {
    [&card.pan, &card.expiry, &card.cvc].map(|field| format!("{field}#"))
}

/// Speech with the keys in it as tones, A-law, whole packets.
fn sound(fields: &[String]) -> Vec<u8> {
    let mut sound = Sound { speech: Speech::new(11, Law::A), rng: Rng::new(12), bytes: Vec::new() };
    sound.say(LEAD_MS);
    for field in fields {
        for key in field.chars() {
            sound.press(key);
        }
        sound.say(FIELD_PAUSE_MS);
    }
    sound.say(4_000);
    let whole = sound.bytes.len() / 160 * 160;
    sound.bytes.truncate(whole);
    sound.bytes
}

struct Sound {
    speech: Speech,
    rng: Rng,
    bytes: Vec<u8>,
}

impl Sound {
    fn push(&mut self, sample: f32) {
        self.bytes.push(Law::A.encode(sample as i16));
    }

    fn say(&mut self, ms: u32) {
        for _ in 0..ms * SAMPLE_RATE / 1_000 {
            let sample = self.speech.sample();
            self.push(sample);
        }
    }

    fn press(&mut self, key: char) {
        let on = KEY_MS * SAMPLE_RATE / 1_000;
        let tone = Tone::new(key, on, Law::A, -8.0, 0.0, &mut self.rng).expect("a key");
        for at in 0..on + GAP_MS * SAMPLE_RATE / 1_000 {
            let sample = tone.sample(at) + self.speech.room();
            self.push(sample);
        }
    }
}

/// How the customer's telephone reports keys, and what SIPp needs for it.
struct Way {
    name: &'static str,
    scenario: &'static str,
    args: Vec<String>,
}

fn text(args: &[&str]) -> Vec<String> {
    args.iter().map(|arg| (*arg).to_owned()).collect()
}

/// A payment in which SIPp is everybody but the agent's screen.
async fn pays(world: &World, folder: &Path, way: Way, card: &TestCard) -> CallView {
    let caller = fresh_caller();
    std::fs::write(folder.join("agent.raw"), sound(&[])).expect("audio");
    let mut command = sipp(&own("sipp"), "pbx_agent", world.carrier.port());
    command.args(["-m", "1", "-recv_timeout", "60000", "-key", "pt", "8", "-key", "codec", "PCMA"]);
    command.args(["-key", "audio", "agent.raw,-1,8"]);
    let mut agent = Program::start("agent", folder, &mut command);
    bound(world.carrier).await;
    let mut command = sipp(&own("sipp"), way.scenario, free_address().port());
    command.arg(world.server.sip.to_string()).args(["-m", "1", "-s", SERVICE, "-recv_timeout", "60000"]);
    command.args(["-key", "caller", &caller, "-key", "pt", "8", "-key", "codec", "PCMA"]).args(&way.args);
    let mut customer = Program::start("customer", folder, &mut command);

    let api = Api::new(&world.server.api(), NORTHWIND_TOKEN).expect("API");
    let call = eventually("a connected call", async || {
        let calls = api.live_calls(&caller).await.ok()?;
        calls.into_iter().find(|call| call.state == "connected")
    })
    .await;
    let secured = api.command(&call.id, "secure").await.expect("secure");
    assert!(secured.secured, "{}: not secured", way.name);
    let bought = Purchase::default();
    api.payment(&call.id, &bought.account, bought.amount_minor, &bought.currency).await.expect("payment");
    let keyed = eventually("the card", async || {
        let view = api.call(&call.id).await.ok()?;
        assert!(view.state != "ended" && customer.runs(), "{}: over too early: {view:?}", way.name);
        (view.capture.state != "open").then_some(view)
    })
    .await;
    assert_eq!(keyed.capture.state, "complete", "{}: {:?}", way.name, keyed.capture);
    let presses: usize = keys(card).iter().map(String::len).sum();
    assert_eq!(keyed.keys as usize, presses, "{}: presses counted", way.name);
    api.command(&call.id, "take").await.expect("take");
    let paid = eventually("an outcome", async || {
        api.call(&call.id).await.ok().filter(|view| view.payment.is_final())
    })
    .await;
    api.command(&call.id, "hangup").await.expect("hang up");
    customer.done(RUN_MAX).await.expect("the customer's SIPp");
    agent.done(RUN_MAX).await.expect("the agent's SIPp");
    paid
}

/// One payment, its charge, and no digit anywhere in the server's files.
async fn pays_once(way: impl FnOnce(&Path, &TestCard) -> Way) {
    let card = card();
    // Outside the world: what the customer's telephone plays is full of digits.
    let folder = Folder::new("sipp-payment");
    let way = way(&folder.path, &card);
    let mut world = world(way.scenario, &[]);
    let paid = pays(&world, &folder.path, way, &card).await;
    assert_eq!(paid.payment.state, "approved", "{:?}", paid.payment);
    let charges = world.gateway.ledger();
    assert_eq!(charges.len(), 1);
    assert_eq!((charges[0].times_charged, charges[0].amount_minor), (1, Purchase::default().amount_minor));
    world.sweep(&[(&card.pan, &card.cvc)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn sipp_pays_with_tones_in_the_sound() {
    pays_once(|folder, card| {
        std::fs::write(folder.join("keys.raw"), sound(&keys(card))).expect("audio");
        Way { name: "in-band", scenario: "customer_inband", args: text(&["-key", "audio", "keys.raw,1,8"]) }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sipp_pays_with_sip_info() {
    pays_once(|folder, card| {
        let lines: String = keys(card).concat().chars().map(|key| format!("key;{key}\n")).collect();
        std::fs::write(folder.join("keys.csv"), format!("SEQUENTIAL\n{lines}end;\n")).expect("keys");
        let wait = LEAD_MS.to_string();
        let args = ["-set", "wait_ms", &wait, "-set", "gap_ms", "200", "-inf", "keys.csv"];
        Way { name: "INFO", scenario: "customer_info", args: text(&args) }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sipp_pays_with_telephone_events() {
    pays_once(|_, card| {
        let digits = format!("{},{KEY_MS}", keys(card).concat());
        let args = ["-set", "wait_ms", &LEAD_MS.to_string(), "-key", "digits", &digits];
        Way { name: "RFC 4733", scenario: "customer_4733", args: text(&args) }
    })
    .await;
}
