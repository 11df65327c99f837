//! Evidence over real sockets: what a call leaves, who can check it, and what is found when somebody
//! tampers with it.

use crate::support::{Folder, ServerPlan, World, card, eventually, harbour_call, northwind_call};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use tonewall_loadtest::call::{CallPlan, STEP_MAX, SimCall};
use tonewall_loadtest::customer::{Behaviour, Purchase, pay};
use tonewall_loadtest::decoder::decode;
use tonewall_loadtest::g711::Law;
use tonewall_loadtest::lane::lay_out;
use tonewall_loadtest::party::Keys;
use tonewall_loadtest::sandbox::SandboxOptions;
use tonewall_loadtest::stage::Stage;

/// A world whose evidence is signed, and the public half of the key.
struct Signed {
    world: World,
    public_key: String,
    _keys: Folder,
}

fn tonewall(args: &[&str]) -> Output {
    let mut program = Command::new(env!("CARGO_BIN_EXE_tonewall"));
    program.args(args).stdin(Stdio::null()).output().expect("tonewall runs")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

impl Signed {
    fn new(name: &str) -> Signed {
        Signed::with(name, ServerPlan::default())
    }

    /// A world with some things unusual.
    fn with(name: &str, plan: ServerPlan) -> Signed {
        let keys = Folder::new("evidence-keys");
        let file = keys.path.join("evidence.key");
        let made = tonewall(&["evidence", "keygen", text(&file)]);
        assert!(made.status.success(), "{}", said(&made));
        let again = tonewall(&["evidence", "keygen", text(&file)]);
        assert_eq!(again.status.code(), Some(1), "a key is never written over");
        let public_key = said(&made)
            .lines()
            .find_map(|line| line.strip_prefix("public key "))
            .map(|key| key.trim().to_owned());
        let set = [plan.set, vec![format!("evidence.key=file:{}", file.display())]].concat();
        let plan = ServerPlan { set, ..plan };
        let world = World::with(name, plan, SandboxOptions::default());
        Signed { world, public_key: public_key.expect("it says the public key"), _keys: keys }
    }

    /// What the commands read of the configuration.
    fn layers(&self) -> [String; 2] {
        let folder = &self.world.folder.path;
        let database = folder.join("tonewall.db");
        [
            format!("database.url=sqlite://{}?mode=rwc", database.display()),
            format!("tenants.dir={}", folder.join("tenants").display()),
        ]
    }

    fn command(&self, args: &[&str]) -> Output {
        let layers = self.layers();
        let set: Vec<&str> = layers.iter().flat_map(|set| ["--set", set.as_str()]).collect();
        tonewall(&[&["evidence"], args, &set].concat())
    }

    /// Exports the evidence of a call that has just ended; into the folder that is swept.
    async fn export(&self, call: &str) -> (PathBuf, Value) {
        let file = self.world.folder.path.join(format!("{call}.json"));
        let page = self.world.folder.path.join(format!("{call}.html"));
        eventually("the evidence of a call", async || {
            let paths = ["--out", text(&file), "--html", text(&page)];
            let output = self.command(&[&["export", "--call", call], paths.as_slice()].concat());
            output.status.success().then_some(())
        })
        .await;
        let exported = std::fs::read_to_string(&file).expect("written");
        (file, serde_json::from_str::<Value>(&exported).expect("JSON")["record"].clone())
    }

    fn verify(&self, file: &Path) -> Output {
        tonewall(&["evidence", "verify", text(file), "--key", &self.public_key])
    }

    fn verify_chain(&self, tenant: &str) -> Output {
        self.command(&["verify", "--chain", "--tenant", tenant, "--key", &self.public_key])
    }
}

async fn secured(stage: &Stage, plan: CallPlan) -> SimCall<'_> {
    let mut call = SimCall::start(stage, plan).expect("call");
    call.wait_secured().await.expect("secured");
    call
}

/// A paid call; its id.
async fn paid(stage: &Stage, plan: CallPlan) -> String {
    let call = secured(stage, plan).await;
    let view = pay(&call, &Purchase::default(), &card(), Behaviour::Normal).await.expect("payment");
    assert_eq!(view.expect("a payment").payment.state, "approved");
    call.hangup().await.expect("hung up");
    let heard = call.hear();
    assert!(heard.is_clean(), "{heard:?}");
    call.id().expect("id")
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("{value} is no number"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paid_call_leaves_evidence_that_holds_and_one_flipped_byte_does_not() {
    let mut signed = Signed::new("evidence");
    let stage = signed.world.harbour().await;
    let pbx = paid(&stage, CallPlan { keys: Keys::All, ..harbour_call() }).await;
    drop(stage);
    let stage = signed.world.northwind().await;
    let carrier = paid(&stage, CallPlan { keys: Keys::InBand, ..northwind_call() }).await;
    drop(stage);

    let (file, record) = signed.export(&pbx).await;
    let verified = signed.verify(&file);
    assert_eq!(verified.status.code(), Some(0), "{}", said(&verified));
    assert!(said(&verified).contains("the key that was given"), "{}", said(&verified));
    assert_eq!(record["leak"]["verdict"], "green");
    assert!(number(&record["leak"]["to_agent"]["windows"]) > 100, "{record}");
    assert_eq!(record["topology"]["scope"]["reason"], "PBX carries card tones: in scope");
    let transports = &record["transports"];
    assert!(number(&transports["presses"]) >= 23, "{transports}");
    assert_eq!(record["secured"]["count"], 1);
    assert!(number(&record["packets"]["masked"]) > 0);
    let fields = record["fields"]["list"].as_array().expect("fields");
    let complete: Vec<_> = fields.iter().filter(|own| own["outcome"] == "complete").collect();
    let digits =
        |name: &str| complete.iter().find(|own| own["field"] == name).map(|own| number(&own["digits"]));
    assert_eq!(["card_number", "expiry", "security_code"].map(digits), [Some(16), Some(4), Some(3)]);
    by_other_means(&file, &signed.public_key);

    let mut bytes = std::fs::read(&file).expect("the export");
    for place in [1, bytes.len() / 3, bytes.len() / 2, bytes.len() - 3] {
        bytes[place] ^= 1;
        std::fs::write(&file, &bytes).expect("changed");
        let code = signed.verify(&file).status.code();
        assert!(matches!(code, Some(1 | 65)), "byte {place}: {code:?}");
        bytes[place] ^= 1;
    }
    std::fs::write(&file, "{}").expect("changed");
    assert_eq!(signed.verify(&file).status.code(), Some(65), "no evidence at all");

    let (file, record) = signed.export(&carrier).await;
    assert_eq!(signed.verify(&file).status.code(), Some(0));
    assert_eq!(record["topology"]["scope"]["word"], "carrier_edge");
    let transports = &record["transports"];
    assert!(number(&transports["in_band"]) >= 23, "{transports}");
    for silent in ["telephone_event", "info", "kpml"] {
        assert_eq!(transports[silent], 0, "{silent}");
    }
    assert_eq!(record["mask"]["style"], "silence");
    assert_eq!(record["mask"]["hold_ms"], 20, "the length of its packets");
    signed.world.sweep(&[(&card().pan, &card().cvc)]);
}

/// What docs/EVIDENCE.md tells those who have no Tonewall.
fn by_other_means(file: &Path, public_key: &str) {
    let exported: Value = serde_json::from_str(&std::fs::read_to_string(file).expect("read")).expect("JSON");
    let script = r#"
import base64, hashlib, json, subprocess, sys, tempfile, os
whole = json.load(open(sys.argv[1]))
body = json.dumps(whole["record"], sort_keys=True, separators=(",", ":")).encode()
assert base64.b64encode(hashlib.sha256(body).digest()).decode() == whole["sha256"]
folder = tempfile.mkdtemp()
path = lambda name: os.path.join(folder, name)
open(path("body"), "wb").write(body)
open(path("signature"), "wb").write(base64.b64decode(whole["signature"]))
open(path("key"), "wb").write(base64.b64decode(sys.argv[2]))
sys.exit(subprocess.call(["openssl", "pkeyutl", "-verify", "-rawin", "-pubin", "-keyform", "DER",
    "-inkey", path("key"), "-in", path("body"), "-sigfile", path("signature")]))
"#;
    let mut python = Command::new("python3");
    let output = python.args(["-c", script]).arg(file).arg(public_key).output().expect("python3");
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(exported["public_key"], public_key);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_planted_leak_turns_the_verdict_red() {
    let mut signed = Signed::new("evidence-leak");
    let stage = signed.world.northwind().await;
    let call = secured(&stage, CallPlan { keys: Keys::InBand, ..northwind_call() }).await;
    // Answered with no content, which is no view.
    let _ = call.command("fault-leak").await;
    call.press("159*0").await.expect("pressed");
    call.hangup().await.expect("hung up");
    let heard = call.hear();
    assert!(heard.digits_recovered > 0, "nothing leaked: {heard:?}");
    let (file, record) = signed.export(&call.id().expect("id")).await;
    assert_eq!(record["leak"]["verdict"], "red", "{}", record["leak"]);
    let verified = signed.verify(&file);
    assert_eq!(verified.status.code(), Some(0), "{}", said(&verified));
    assert!(said(&verified).contains("Leak         red"), "{}", said(&verified));
    let page = std::fs::read_to_string(file.with_extension("html")).expect("a page");
    assert!(page.contains("A key was heard on the secured line"));
    let chain = signed.verify_chain("northwind");
    assert!(
        chain.status.success() && said(&chain).contains("With a red leak verdict: 1"),
        "{}",
        said(&chain)
    );
    assert!(signed.world.log().contains("evidence is red"));
    signed.world.server.stop();
}

/// Keys that a decoder of other code than the product's names in a channel of a stereo recording.
fn keys_in(frames: &[i16], channel: usize) -> String {
    let sound: Vec<f32> = frames.iter().skip(channel).step_by(2).copied().map(f32::from).collect();
    assert!(sound.iter().any(|sample| sample.abs() > 500.0), "nobody speaks in channel {channel}");
    decode(&sound, Law::A).iter().map(|press| press.key).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tap_of_a_paid_call_holds_both_voices_and_no_key_of_the_card() {
    /// Keyed before the line is secured, by which the recording is known to carry keys.
    const BEFORE: &str = "1590";
    let taps = Folder::new("evidence-taps");
    let mut signed = Signed::with(
        "evidence-tap",
        ServerPlan {
            set: vec![format!("tap.folder={}", taps.path.display())],
            manifests: vec![("mask = \"silence\"".to_owned(), "mask = \"silence\"\ntap = true".to_owned())],
            ..ServerPlan::default()
        },
    );
    let stage = signed.world.northwind().await;
    let plan = CallPlan { keys: Keys::All, ..northwind_call() };
    let mut call = SimCall::start(&stage, plan).expect("call");
    call.wait_agent(STEP_MAX).await.expect("the agent answers");
    call.wait_audio(STEP_MAX).await.expect("the customer is heard");
    call.press(BEFORE).await.expect("pressed");
    call.wait_secured().await.expect("secured");
    let view = pay(&call, &Purchase::default(), &card(), Behaviour::Normal).await.expect("payment");
    assert_eq!(view.expect("a payment").payment.state, "approved");
    call.hangup().await.expect("hung up");
    let id = call.id().expect("id");
    let sent = call.evidence();
    let keyed: String = sent.keyed.iter().map(|press| press.key).collect();
    let control: String = lay_out(&sent.sent.packets)
        .iter()
        .flat_map(|lane| decode(&lane.sound, Law::A))
        .map(|press| press.key)
        .collect();
    assert_eq!(control, keyed, "the decoder names all that was keyed where nothing is masked");
    let (_, record) = signed.export(&id).await;
    drop(call);
    drop(stage);
    signed.world.sweep(&[(&card().pan, &card().cvc)]);

    let file = std::fs::read(taps.path.join("northwind").join(format!("{id}.wav"))).expect("the tap");
    assert_eq!((&file[..4], &file[8..16]), (&b"RIFF"[..], &b"WAVEfmt "[..]));
    let frames: Vec<i16> =
        file[44..].chunks_exact(2).map(|two| i16::from_le_bytes([two[0], two[1]])).collect();
    assert_eq!(keys_in(&frames, 0), BEFORE, "of the customer, what was keyed on the open line alone");
    assert_eq!(keys_in(&frames, 1), "", "of the agent");
    let tap = &record["leak"]["tap"];
    assert_eq!((&tap["verdict"], &tap["dropped"]), (&"green".into(), &0.into()), "{record}");
    assert!(number(&tap["windows"]) > 100, "{tap}");
}

/// A call whose actor panics, and one that is up.
async fn two_that_die(signed: &Signed) -> (String, String) {
    let stage = signed.world.harbour().await;
    let crashes = secured(&stage, harbour_call()).await;
    let stays = secured(&stage, harbour_call()).await;
    // Answered with no content, which is no view.
    let _ = crashes.command("fault-panic").await;
    (crashes.id().expect("id"), stays.id().expect("id"))
}

#[tokio::test(flavor = "multi_thread")]
async fn however_a_call_ends_it_has_its_record_and_a_deleted_one_is_missed() {
    let mut signed = Signed::new("evidence-ends");
    let (crashed, cut) = two_that_die(&signed).await;
    let (_, record) = signed.export(&crashed).await;
    assert_eq!((&record["call"]["ended_why"], &record["observed"]), (&"crashed".into(), &true.into()));
    assert!(!record["secured"]["spans"][0]["off"].is_null());
    signed.world.cut_power();
    let (file, record) = signed.export(&cut).await;
    assert_eq!((&record["call"]["ended_why"], &record["observed"]), (&"interrupted".into(), &false.into()));
    assert_eq!(record["leak"]["verdict"], "not_heard");
    assert_eq!(signed.verify(&file).status.code(), Some(0));
    let stage = signed.world.harbour().await;
    let call = secured(&stage, harbour_call()).await;
    call.hangup().await.expect("hung up");
    let last = call.id().expect("id");
    let (_, record) = signed.export(&last).await;
    assert_eq!((&record["seq"], &record["call"]["ended_why"]), (&3.into(), &"customer_hung_up".into()));
    signed.world.server.stop();

    let chain = signed.verify_chain("harbour");
    assert!(chain.status.success() && said(&chain).contains("holds: 3 records"), "{}", said(&chain));
    let delete = "\
import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
db.execute('DROP TRIGGER evidence_kept')
db.execute('DELETE FROM evidence WHERE seq = 2')
db.commit()
";
    let database = signed.world.folder.path.join("tonewall.db");
    let deleted = Command::new("python3").args(["-c", delete]).arg(&database).output().expect("python3");
    assert!(deleted.status.success(), "{}", said(&deleted));
    let chain = signed.verify_chain("harbour");
    assert_eq!(chain.status.code(), Some(1));
    assert!(said(&chain).contains("Record 2: the row is missing."), "{}", said(&chain));
}
