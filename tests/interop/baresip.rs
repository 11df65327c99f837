//! baresip as the agent's telephone: what it recorded of the customer holds no key.

use super::program::{Program, bound, media_port};
use super::{card, own};
use crate::support::{Folder, HARBOUR_TOKEN, World, free_address, harbour_call, init};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use tonewall_loadtest::call::{CallPlan, STEP_MAX, SimCall};
use tonewall_loadtest::customer::{Behaviour, Purchase, pay};
use tonewall_loadtest::decoder::decode;
use tonewall_loadtest::g711::Law;
use tonewall_loadtest::lane::lay_out;
use tonewall_loadtest::stage::{Stage, StageConfig};

/// Where Debian puts its modules.
const MODULES: &str = "/usr/lib/baresip/modules";

/// Least length of a recording of a whole payment, in samples.
const HEARD_MIN: usize = 3 * 8_000;

/// A baresip that answers by itself at `address`.
async fn phone(folder: &Path, address: SocketAddr) -> Program {
    std::fs::create_dir_all(folder.join("heard")).expect("folder");
    let media = media_port();
    let words = [
        ("@SIP_PORT@", address.port().to_string()),
        ("@USER@", "2001".to_owned()),
        ("@SOURCE@", "ausine,440".to_owned()),
        ("@SOURCE_RATE@", "48000".to_owned()),
        ("@SOURCE_CHANNELS@", "2".to_owned()),
        ("@RTP_MIN@", media.to_string()),
        ("@RTP_MAX@", (media + 30).to_string()),
        ("@RECORDINGS@", folder.join("heard").display().to_string()),
        ("@MODULES@", MODULES.to_owned()),
    ];
    for name in ["config", "accounts"] {
        let text = std::fs::read_to_string(own("baresip").join(format!("{name}.in"))).expect("template");
        let text = words.iter().fold(text, |text, (word, value)| text.replace(word, value));
        std::fs::write(folder.join(name), text).expect("written");
    }
    let program = Program::start("baresip", folder, Command::new("baresip").arg("-f").arg(folder));
    bound(address).await;
    program
}

/// The recording whose name ends so.
fn recording(folder: &Path, end: &str) -> PathBuf {
    let entries = std::fs::read_dir(folder.join("heard")).expect("recordings").flatten();
    let mut found = entries.map(|entry| entry.path()).filter(|path| path.to_string_lossy().ends_with(end));
    let first = found.next().unwrap_or_else(|| panic!("no recording {end}"));
    assert_eq!(found.next(), None, "one recording {end}");
    first
}

/// Samples of a WAV file, 16 bit, mono.
fn samples(path: &Path) -> Vec<f32> {
    let bytes = std::fs::read(path).expect("recording");
    assert_eq!((&bytes[..4], &bytes[8..12]), (&b"RIFF"[..], &b"WAVE"[..]));
    let data = bytes.windows(4).position(|word| word == b"data").expect("data") + 8;
    bytes[data..].chunks_exact(2).map(|two| f32::from(i16::from_le_bytes([two[0], two[1]]))).collect()
}

/// Keys that the decoder names.
fn keys(sound: &[f32]) -> String {
    decode(sound, Law::A).iter().map(|press| press.key).collect()
}

async fn stage(sip: SocketAddr, api: &str) -> Stage {
    Stage::open(StageConfig {
        sip,
        pbx_bind: free_address(),
        carrier_bind: None,
        api: api.to_owned(),
        token: HARBOUR_TOKEN.to_owned(),
        seed: 7,
    })
    .await
    .expect("stage")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_baresip_recorded_holds_no_key() {
    let mut world = World::new("baresip");
    let card = card();
    let folder = Folder::new("baresip-phone");
    let mut baresip = phone(&folder.path, world.pbx).await;
    let stage = stage(world.server.sip, &world.server.api()).await;
    let mut call = SimCall::start(&stage, harbour_call()).expect("call");
    call.wait_answered(STEP_MAX).await.expect("answered");
    call.find(STEP_MAX).await.expect("in the API");
    let ready = |view: &tonewall_loadtest::api::CallView| view.secured && view.state == "connected";
    call.wait_view("the agent on a secured line", STEP_MAX, ready).await.expect("secured");
    let paid = pay(&call, &Purchase::default(), &card, Behaviour::Normal).await.expect("payment");
    assert_eq!(paid.expect("a payment").payment.state, "approved");
    call.hangup().await.expect("hung up");
    baresip.terminate();
    baresip.done(Duration::from_secs(10)).await.expect("baresip ends");

    let keyed: String = call.evidence().keyed.iter().map(|press| press.key).collect();
    let sent = call.evidence().sent.packets;
    let control: String = lay_out(&sent).iter().map(|lane| keys(&lane.sound)).collect();
    assert_eq!(control, keyed, "the decoder hears all that was keyed where nothing is masked");
    assert_eq!(keyed, format!("{}*{}*{}*", card.pan, card.expiry, card.cvc));
    let heard = samples(&recording(&folder.path, "dec.wav"));
    assert!(heard.len() > HEARD_MIN, "{} samples", heard.len());
    assert!(heard.iter().any(|sample| sample.abs() > 500.0), "the customer's voice is there");
    assert_eq!(keys(&heard), "", "keys in what the agent heard");
    assert_eq!(world.gateway.ledger().len(), 1);
    world.sweep(&[(&card.pan, &card.cvc)]);
}

/// The recording is an honest witness: with nobody between, the same decoder names every key in it.
#[tokio::test(flavor = "multi_thread")]
async fn baresip_records_keys_that_nobody_masks() {
    const KEYS: &str = "1234567890*#";
    init();
    let folder = Folder::new("baresip-control");
    let address = free_address();
    let mut baresip = phone(&folder.path, address).await;
    let stage = stage(address, "http://127.0.0.1:1").await;
    let call = SimCall::start(&stage, CallPlan { dial: "2001".into(), ..harbour_call() }).expect("call");
    call.wait_answered(STEP_MAX).await.expect("answered");
    call.press(KEYS).await.expect("pressed");
    call.customer().leg.hangup().await.expect("hung up");
    baresip.terminate();
    baresip.done(Duration::from_secs(10)).await.expect("baresip ends");
    assert_eq!(keys(&samples(&recording(&folder.path, "dec.wav"))), KEYS);
}
