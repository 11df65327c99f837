//! Ledgers that are locked, and the other kind of database.

use super::till::{CODE, card, charge, key, order, paid, quick, row, secured, send, settle, stands};
use crate::support::postgres::Postgres;
use crate::support::{ServerPlan, World, eventually, harbour_call};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tonewall_loadtest::sandbox::SandboxOptions;
use tonewall_model::ids::{CallId, TenantId};

const PAN: &str = "4242424242424242";

/// Longer than the ledger's own patience with a lock: three tries of two seconds.
const LONG: Duration = Duration::from_secs(8);

const LOCK: &str = "\
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=10)
db.execute('BEGIN EXCLUSIVE')
print('locked', flush=True)
sys.stdin.read()
db.execute('ROLLBACK')
";

/// Another process that holds the database; lets go when dropped.
struct Lock(Child);

impl Lock {
    fn on(world: &World) -> Lock {
        let file: &Path = &world.folder.path.join("tonewall.db");
        let mut python = Command::new("python3");
        python.args(["-c", LOCK]).arg(file).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = python.spawn().expect("python3");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("stdout")).read_line(&mut line).expect("a line");
        assert_eq!(line, "locked\n");
        Lock(child)
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_ledger_sends_nothing_and_works_when_the_lock_goes() {
    let mut world = World::new("locked");
    let stage = world.harbour().await;
    let call = secured(&stage, quick(harbour_call())).await;
    key(&call, &order("LOCK-1"), &card(PAN)).await.expect("keyed");
    let lock = Lock::on(&world);
    let began = Instant::now();
    let attempt = send(&call).await;
    assert!(began.elapsed() < Duration::from_secs(2), "the call does not wait for the ledger");
    let view = stands(&call, &attempt, &["rejected"]).await;
    let say = view.payment.say.unwrap_or_default();
    assert!(say.contains("could not be started. Nothing was taken: please try again"), "{say}");
    assert!(world.gateway.ledger().is_empty(), "nothing was sent");
    assert!(began.elapsed() < Duration::from_secs(12), "{:?}", began.elapsed());
    drop(lock);
    let error = stage.api.attempt(&attempt).await.expect_err("there is no row");
    assert!(error.to_string().contains("404"), "{error}");
    let view = paid(&call, &order("LOCK-1"), &card(PAN)).await;
    assert_eq!(view.payment.state, "approved");
    let attempt = view.payment.attempt_id.expect("an attempt");
    assert_eq!(charge(&world.gateway, &attempt).expect("charged").times_charged, 1);
    world.sweep(&[(PAN, CODE)]);
    settle(&mut world, "harbour", &[attempt]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn locked_after_the_charge_the_outcome_is_written_when_the_lock_goes() {
    let options = SandboxOptions { slow_ms: 1_500, ..SandboxOptions::default() };
    let mut world = World::with("locked-late", ServerPlan::default(), options);
    let (stage, slow) = (world.harbour().await, "4000000000000077");
    let call = secured(&stage, quick(harbour_call())).await;
    key(&call, &order("LOCK-2"), &card(slow)).await.expect("keyed");
    let attempt = send(&call).await;
    row(&stage, &attempt, "sending").await;
    let lock = Lock::on(&world);
    let charged = eventually("the charge", async || charge(&world.gateway, &attempt)).await;
    assert_eq!(charged.times_charged, 1);
    let until = Instant::now() + LONG;
    eventually("the ledger's patience to run out", async || (Instant::now() > until).then_some(())).await;
    let state = call.view().expect("a view").payment.state;
    assert_eq!(state, "sending", "what is not written is not told");
    drop(lock);
    let view = stands(&call, &attempt, &["approved"]).await;
    assert!(view.payment.auth_code.is_some());
    row(&stage, &attempt, "approved").await;
    world.sweep(&[(slow, CODE)]);
    settle(&mut world, "harbour", &[attempt]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_is_the_card_number_is_never_written_down() {
    let mut world = World::new("account");
    let stage = world.harbour().await;
    let call = secured(&stage, quick(harbour_call())).await;
    let refused = call.open_payment("4242 4242 4242 4242", 1_250, "GBP").await.expect_err("a card number");
    let words = format!("{refused:?}");
    assert!(words.contains("card_number") && !words.contains("4242"), "{words}");
    assert!(world.gateway.ledger().is_empty(), "nothing was sent");
    // Sixty-four characters are allowed, whatever their length in bytes.
    let view = paid(&call, &order(&"é".repeat(64)), &card(PAN)).await;
    assert_eq!(view.payment.state, "approved");
    world.sweep(&[(PAN, CODE)]);
    settle(&mut world, "harbour", &[view.payment.attempt_id.expect("an attempt")]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_postgresql_a_payment_and_one_whose_sender_died() {
    let postgres = Postgres::start();
    let plan = ServerPlan { database: Some(postgres.url()), ..ServerPlan::default() };
    let options = SandboxOptions { hang_ms: 3_000, ..SandboxOptions::default() };
    let mut world = World::with("postgresql", plan, options);
    let (stage, charged) = (world.harbour().await, "4000000000000259");
    let call = secured(&stage, quick(harbour_call())).await;
    let view = paid(&call, &order("PG-1"), &card(PAN)).await;
    assert_eq!(view.payment.state, "approved");
    let first = view.payment.attempt_id.expect("an attempt");
    row(&stage, &first, "approved").await;
    key(&call, &order("PG-2"), &card(charged)).await.expect("keyed");
    let second = send(&call).await;
    eventually("the charge", async || charge(&world.gateway, &second)).await;
    drop(call);
    drop(stage);
    world.cut_power();
    // Another node might still be sending it, until its deadline has passed: which is now.
    let stage = world.harbour().await;
    row(&stage, &second, "sending").await;
    let past = "UPDATE attempt SET deadline_at = created_at WHERE state = 'sending'";
    assert_eq!(postgres.ask(past), "UPDATE 1");
    row(&stage, &second, "approved").await;
    std::fs::write(world.folder.path.join("postgres.db"), postgres.dump()).expect("dump");
    world.sweep(&[(PAN, CODE), (charged, CODE)]);
    settle(&mut world, "harbour", &[first, second]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn evidence_of_a_call_that_ended_on_a_locked_ledger_is_written_when_the_lock_goes() {
    let mut world = World::new("locked-evidence");
    let stage = world.harbour().await;
    let call = secured(&stage, quick(harbour_call())).await;
    let lock = Lock::on(&world);
    call.hangup().await.expect("hung up");
    eventually("a write that was refused", async || {
        world.log().contains("evidence not written yet").then_some(())
    })
    .await;
    drop(lock);
    eventually("the evidence", async || world.log().contains("evidence recorded").then_some(())).await;
    let id = CallId::parse(&call.id().expect("id")).expect("an id");
    drop(call);
    let harbour = TenantId::parse("harbour").expect("a slug");
    let record = world.ledger().await.tenant(&harbour).evidence(&id).await.expect("recorded");
    assert!(record.body.contains("\"observed\":true"), "{}", record.body);
}
