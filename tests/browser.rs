//! Tests in a real browser: chromium by playwright-core, with the whole product behind it.
//!
//! A scenario is a module of `tests/browser/`. It runs in node and asks this orchestrator for what a
//! browser cannot do: `ask {"do":…}` on its standard output is answered by one line on its standard
//! input. Its last line is `done {…}`.

use crate::support::{Folder, HARBOUR_CRM_TOKEN, ServerPlan, World, card, fresh_caller, harbour_call, seed};
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tonewall_loadtest::call::{CallPlan, SimCall};
use tonewall_loadtest::mailbox::MailFault;
use tonewall_loadtest::sandbox::{Fault, Faults, SandboxOptions};
use tonewall_loadtest::stage::Stage;

/// A scenario that takes longer hangs.
const SCENARIO_MAX: Duration = Duration::from_secs(180);

/// How long a payment without an answer waits: short, so that a test sees `unknown` resolve.
const GATEWAY_WAIT: &str = "timeout_s = 3";

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_by_keyboard_alone() {
    play("keyboard", &[card()]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decline_and_every_other_way_to_pay() {
    play("decline", &[card()]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reload_and_a_hidden_tab_in_the_middle_of_a_card() {
    play("live", &[card()]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_goes_in_the_middle_of_a_card_and_comes_back() {
    play("restart", &[card()]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recurring_authority_and_its_receipt() {
    play("agreement", &[card()]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_is_accessible_in_light_and_dark() {
    let told = play("pages", &[card()]).await;
    assert_eq!(told["axe_violations"], 0, "{told}");
    assert!(told["axe_control_violations"].as_u64() > Some(0), "axe does not find a planted fault: {told}");
    assert!(told["axe_pages"].as_u64() > Some(20), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_style_guide_holds_every_state() {
    let told = play("pictures", &[]).await;
    assert!(told["taken"].as_u64() > Some(40), "{told}");
}

/// The demo as a stranger meets it: a call placed on the page, and the receipt in the mailbox.
#[tokio::test(flavor = "multi_thread")]
async fn the_demo_from_its_address_to_the_mailbox() {
    let folder = Folder::new("browser-demo");
    let mut demo = Command::new(env!("CARGO_BIN_EXE_tonewall"))
        .args(["demo", "--ephemeral", "--json", "--seed", &seed().to_string(), "--tenants"])
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tenants"))
        .current_dir(&folder.path)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("demo");
    let mut told = BufReader::new(demo.stdout.take().expect("stdout")).lines();
    let ready = told.next_line().await.expect("output").expect("a line that says where everything is");
    let ready: Value = serde_json::from_str(&ready).expect("JSON");
    let base = format!("http://{}", ready["http"].as_str().expect("address"));
    let mut child = node(&Scenario::named("demo"), &base, "");
    let played = tokio::time::timeout(SCENARIO_MAX, child.wait()).await.expect("in time").expect("node ends");
    assert!(played.success(), "the demo did not hold; see above");
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_in_and_being_kept_out() {
    play("sign_in", &[]).await;
}

/// Runs a scenario in a world of its own, and the sweep for its cards afterwards; what it told.
pub async fn play(scenario: &str, keyed: &[tonewall_loadtest::customer::TestCard]) -> Value {
    let plan = ServerPlan {
        // Fixed ports, so that browser and phones find the server again after a restart.
        set: vec![format!("http.listen={}", quiet()), format!("sip.listen={}", quiet())],
        manifests: vec![("timeout_s = 30".to_owned(), GATEWAY_WAIT.to_owned())],
        ..ServerPlan::default()
    };
    // The gateway denies a payment for as long after it as a screen needs to show that nobody knows.
    let options = SandboxOptions { query_lag_ms: 3_500, ..SandboxOptions::default() };
    let mut world = World::with(&format!("browser-{scenario}"), plan, options);
    let told = direct(&Scenario::named(scenario), &mut world).await;
    let pairs: Vec<(&str, &str)> = keyed.iter().map(|card| (card.pan.as_str(), card.cvc.as_str())).collect();
    if !pairs.is_empty() {
        world.sweep(&pairs);
    }
    told
}

/// A module of `tests/browser/` and what it is told in its environment.
pub struct Scenario {
    name: String,
    environment: Vec<(String, String)>,
}

impl Scenario {
    /// The module of that name, told nothing.
    pub fn named(name: &str) -> Scenario {
        Scenario { name: name.to_owned(), environment: Vec::new() }
    }

    /// The same, told one thing more.
    pub fn with(mut self, key: &str, value: &str) -> Scenario {
        self.environment.push((key.to_owned(), value.to_owned()));
        self
    }
}

/// An address below the ports that the machine and the media of other tests take by themselves.
fn quiet() -> SocketAddr {
    static NEXT: AtomicU16 = AtomicU16::new(12_000);
    loop {
        let at = SocketAddr::from(([127, 0, 0, 1], NEXT.fetch_add(1, Ordering::Relaxed)));
        assert!(at.port() < 19_000, "no port is free");
        if TcpListener::bind(at).is_ok() && UdpSocket::bind(at).is_ok() {
            return at;
        }
    }
}

/// Lets a scenario play in `world`; what it told.
pub async fn direct(scenario: &Scenario, world: &mut World) -> Value {
    let name = &scenario.name;
    let stage = world.harbour().await;
    let mut child = start(scenario, world);
    let mut answers = child.stdin.take().expect("stdin");
    let mut lines = BufReader::new(child.stdout.take().expect("stdout")).lines();
    let mut stagehand = Stagehand { stage: &stage, call: None };
    let mut told = Value::Null;
    let played = tokio::time::timeout(SCENARIO_MAX, async {
        while let Some(line) = lines.next_line().await.expect("output") {
            match line.split_once(' ') {
                Some(("ask", wish)) => stagehand.answer(world, wish, &mut answers).await,
                Some(("done", text)) => told = serde_json::from_str(text).expect("JSON"),
                _ => println!("{name}: {line}"),
            }
        }
        child.wait().await.expect("node ends")
    });
    let status = played.await.unwrap_or_else(|_| panic!("{name} took longer than {SCENARIO_MAX:?}"));
    assert!(
        status.success(),
        "{name} did not hold; see above. Log of the server: {}",
        world.folder.path.display()
    );
    told
}

fn start(scenario: &Scenario, world: &World) -> Child {
    node(scenario, &world.server.api(), &format!("http://{}/metrics", world.server.metrics))
}

/// The scenario in node, in front of the server at `base`.
fn node(scenario: &Scenario, base: &str, metrics: &str) -> Child {
    let folder = scenarios();
    let packages = folder.join("node_modules/playwright-core");
    assert!(
        packages.exists(),
        "browser tests need their packages: run `npm ci` in tests/browser (tests/run does)"
    );
    Command::new("node")
        .arg(folder.join(format!("{}.mjs", scenario.name)))
        .current_dir(&folder)
        .env("TONEWALL_BASE", base)
        .env("TONEWALL_METRICS", metrics)
        .envs(scenario.environment.iter().map(|(key, value)| (key, value)))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("node")
}

fn scenarios() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser")
}

/// Does what scenarios ask for.
struct Stagehand<'a> {
    stage: &'a Stage,
    call: Option<SimCall<'a>>,
}

impl Stagehand<'_> {
    async fn answer(&mut self, world: &mut World, wish: &str, answers: &mut ChildStdin) {
        let wish: Value = serde_json::from_str(wish).expect("a wish in JSON");
        let answer = self.fulfil(world, &wish).await.unwrap_or_else(|words| json!({ "error": words }));
        answers.write_all(format!("{answer}\n").as_bytes()).await.expect("node listens");
    }

    async fn fulfil(&mut self, world: &mut World, wish: &Value) -> Result<Value, String> {
        let text = |key: &str| wish[key].as_str().unwrap_or_default().to_owned();
        match wish["do"].as_str().unwrap_or_default() {
            "call" => return self.place(wish["caller"].as_str()).await,
            "press" => self.press(&text("keys")).await?,
            "hang_up" => {
                if let Some(call) = self.call.take() {
                    call.hangup().await.map_err(|error| error.to_string())?;
                }
            }
            "cut_power" => {
                self.call = None;
                world.server.kill();
            }
            "start_again" => world.cut_power(),
            "onsets" => return self.onsets(),
            // No try brings an answer, the last one charges: nobody knows until the gateway is asked.
            "silence_gateway" => {
                let mut next = VecDeque::from(vec![Fault::ResetBefore; 9]);
                next.push_back(Fault::ResetAfter);
                let faults = Faults { next, ..world.gateway.faults() };
                world.gateway.set_faults(faults).map_err(|error| error.to_string())?;
            }
            "mail_down" => world.mailbox.down(),
            "mail_up" => world.mailbox.up().map_err(|error| error.to_string())?,
            "mail_busy" => world.mailbox.fail_next(MailFault::Defer, 1),
            "mail" => return mail(world, &text("to")).await,
            "paid_at_crm" => {
                let paid = world.crm.payments(HARBOUR_CRM_TOKEN);
                let accounts: Vec<&str> = paid.iter().map(|payment| payment.account.as_str()).collect();
                return Ok(json!({ "accounts": accounts }));
            }
            other => return Err(format!("nobody knows how to {other}")),
        }
        Ok(json!({}))
    }

    async fn place(&mut self, caller: Option<&str>) -> Result<Value, String> {
        let caller = caller.map_or_else(fresh_caller, str::to_owned);
        let plan = CallPlan { caller: caller.clone(), ..harbour_call() };
        let mut call = SimCall::start(self.stage, plan).map_err(|error| error.to_string())?;
        call.wait_secured().await.map_err(|error| error.to_string())?;
        let id = call.id().map_err(|error| error.to_string())?;
        self.call = Some(call);
        Ok(json!({ "id": id, "caller": caller }))
    }

    /// When each key so far began at the customer's socket, in ms since 1970 on this machine's clock.
    fn onsets(&self) -> Result<Value, String> {
        let call = self.call.as_ref().ok_or("there is no call")?;
        let (now, wall) = (Instant::now(), SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970"));
        let ms = |at: Instant| (wall - now.saturating_duration_since(at)).as_secs_f64() * 1_000.0;
        Ok(json!({ "ms": call.onsets().into_iter().map(|at| at.map(ms)).collect::<Vec<_>>() }))
    }

    async fn press(&self, keys: &str) -> Result<(), String> {
        let call = self.call.as_ref().ok_or("there is no call")?;
        call.press(keys).await.map_err(|error| error.to_string())
    }
}

/// The mail to `to`, once it is there.
async fn mail(world: &World, to: &str) -> Result<Value, String> {
    let wanted = |message: &tonewall_loadtest::mailbox::Message| message.to.iter().any(|own| own == to);
    let message = world.mailbox.wait(Duration::from_secs(20), wanted).await.ok_or("no mail came")?;
    Ok(json!({ "subject": message.subject(), "text": message.text, "html": message.html }))
}
