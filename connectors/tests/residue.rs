//! After an authorisation no copy of the card is left in this process: heap, stacks, everything that
//! can be written is searched. One test in a process of its own, with a card number that is nowhere
//! spelt out.

#![cfg(target_os = "linux")]

mod world;

use std::fs::File;
use std::hint::black_box;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tonewall_connectors::gateways::Sandbox;
use tonewall_model::card::Kept;
use tonewall_model::payment::{Outcome, UnknownWhy};
use tonewall_secret::wipe;
use world::{Act, PATIENT, ScriptedGateway, account, card_of, client, declined, order, payment};

/// The published test number 5555555555554444, each digit plus 0x80: the search must not find itself.
const VEILED: [u8; 16] = *b"\xb5\xb5\xb5\xb5\xb5\xb5\xb5\xb5\xb5\xb5\xb5\xb5\xb4\xb4\xb4\xb4";

/// Bytes that are read at a time.
const CHUNK_LEN: usize = 1 << 20;

/// Payments at once.
const CROWD: usize = 25;

fn digits() -> impl Iterator<Item = char> {
    black_box(VEILED).into_iter().map(|veiled| char::from(veiled & 0x7f))
}

/// Places in this process's writable memory where the part `from..to` of the number stands.
fn copies(from: usize, to: usize) -> usize {
    let veiled = black_box(VEILED);
    let part = &veiled[from..to];
    let memory = File::open("/proc/self/mem").expect("own memory");
    let maps = std::fs::read_to_string("/proc/self/maps").expect("own memory map");
    let mut chunk = vec![0_u8; CHUNK_LEN];
    let own = chunk.as_ptr() as u64;
    let mut hits = 0;
    for line in
        maps.lines().filter(|line| line.split(' ').nth(1).is_some_and(|flags| flags.starts_with("rw")))
    {
        let (start, end) = line.split(' ').next().and_then(|range| range.split_once('-')).expect("a range");
        let parse = |text| u64::from_str_radix(text, 16).expect("an address");
        let (mut at, end) = (parse(start), parse(end));
        while at < end {
            let len = CHUNK_LEN.min((end - at) as usize);
            let Ok(len) = memory.read_at(&mut chunk[..len], at) else { break };
            let is_hit = |(place, window): (usize, &[u8])| {
                let address = at + place as u64;
                let elsewhere = address < own || address >= own + CHUNK_LEN as u64;
                elsewhere
                    && window.iter().zip(part).all(|(byte, veiled)| byte | 0x80 == *veiled && *byte < 0x80)
            };
            hits += chunk[..len].windows(part.len()).enumerate().filter(|hit| is_hit(*hit)).count();
            if len < part.len() {
                break;
            }
            // A copy across the seam of two chunks is seen by the next one; the last one ends here.
            at += if at + len as u64 == end { len } else { len - part.len() + 1 } as u64;
        }
    }
    chunk.fill(0);
    hits
}

async fn pay(act: Vec<Act>, timeout: Duration, horizon: Duration) -> (Outcome, usize) {
    let (outcome, kept, sends) = pay_keeping(act, timeout, horizon).await;
    assert!(kept.is_none(), "something was kept after {outcome:?}");
    (outcome, sends)
}

async fn pay_keeping(act: Vec<Act>, timeout: Duration, horizon: Duration) -> (Outcome, Option<Kept>, usize) {
    let gateway = ScriptedGateway::start(act).await;
    let client = client(|pace| pace.authorisation_horizon = horizon);
    let account = account(gateway.url(), timeout);
    let (outcome, kept) = client.authorise(&Sandbox, &account, &order(), card_of(digits())).await;
    (outcome, kept, gateway.forget())
}

/// After a no that leaves the card usable there is one copy of its number, in its own slot, wherever the
/// handle is moved meanwhile; none once it is dropped.
async fn keep_and_drop(after: &str, code: &str, class: &str) {
    let no = Act::Answer(200, declined(code, class));
    let (outcome, kept, sends) = pay_keeping(vec![no], PATIENT, PATIENT).await;
    assert!(matches!(outcome, Outcome::Declined(_)) && sends == 1 && kept.is_some());
    wipe::scrub_registers();
    assert_eq!((copies(0, 16), copies(3, 13)), (1, 1), "{after}: one slot");
    // As the payment task hands it to the call: through a queue and a box.
    let (sender, mut receiver) = tokio::sync::mpsc::channel(1);
    let sending = tokio::spawn(async move { sender.send(kept).await.is_ok() });
    let kept = receiver.recv().await.map(Box::new);
    assert!(sending.await.expect("no panic"));
    wipe::scrub_registers();
    assert_eq!((copies(0, 16), copies(3, 13)), (1, 1), "{after}: still one slot");
    drop(kept);
    assert_none_left(after);
}

async fn pay_in_a_crowd() {
    let gateway = ScriptedGateway::start([Act::Answer(200, payment("approved", false))]).await;
    let account = Arc::new(account(gateway.url(), PATIENT));
    let client = Arc::new(client(|_| {}));
    let payments: Vec<_> = (0..CROWD)
        .map(|_| {
            let (client, account) = (Arc::clone(&client), Arc::clone(&account));
            tokio::spawn(
                async move { client.authorise(&Sandbox, &account, &order(), card_of(digits())).await },
            )
        })
        .collect();
    for payment in payments {
        assert!(matches!(payment.await.expect("no panic"), (Outcome::Approved(_), None)));
    }
    assert_eq!(gateway.forget(), CROWD);
}

async fn pay_and_abandon() {
    let gateway = ScriptedGateway::start([Act::Stall]).await;
    let account = account(gateway.url(), PATIENT);
    let client = client(|_| {});
    let task =
        tokio::spawn(async move { client.authorise(&Sandbox, &account, &order(), card_of(digits())).await });
    while gateway.seen_count() == 0 {
        tokio::task::yield_now().await;
    }
    task.abort();
    assert!(task.await.err().expect("aborted").is_cancelled());
    assert_eq!(gateway.forget(), 1);
    // Nobody waits for an aborted task's connection to give its handle up: it does so by itself.
    let deadline = Instant::now() + PATIENT;
    while copies(0, 16) > 0 && Instant::now() < deadline {
        tokio::task::yield_now().await;
    }
}

fn assert_none_left(after: &str) {
    wipe::scrub_registers();
    assert_eq!(copies(0, 16), 0, "copies of the number {after}");
    assert_eq!(copies(3, 13), 0, "copies of its middle ten digits {after}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_copy_of_a_card_is_left() {
    let mut planted: Vec<u8> = digits().map(|digit| digit as u8).collect();
    assert!(copies(0, 16) >= 1, "a copy that is there is found");
    assert!(copies(3, 13) >= 1, "and its middle too");
    wipe::zero(&mut planted);
    assert_none_left("before any payment");

    let short = Duration::from_millis(300);
    let approved = Act::Answer(200, payment("approved", false));
    let (outcome, sends) = pay(vec![approved.clone()], PATIENT, PATIENT).await;
    assert!(matches!(outcome, Outcome::Approved(_)) && sends == 1);
    assert_none_left("after an approval");

    let no = Act::Answer(200, payment("declined", false));
    let (outcome, sends) = pay(vec![no], PATIENT, PATIENT).await;
    assert!(matches!(outcome, Outcome::Declined(_)) && sends == 1);
    assert_none_left("after a decline for good");
    keep_and_drop("after a wrong code", "incorrect_cvc", "fix_data").await;
    keep_and_drop("after a bank that was not reached", "processing_error", "retry_later").await;

    let (outcome, sends) = pay(vec![Act::Reset, Act::Close, approved], PATIENT, PATIENT).await;
    assert!(matches!(outcome, Outcome::Approved(_)) && sends == 3);
    assert_none_left("after two replays");

    let (outcome, sends) = pay(vec![Act::Stall], PATIENT, short).await;
    assert_eq!((outcome, sends), (Outcome::Unknown(UnknownWhy::TimedOut), 1));
    assert_none_left("after the horizon");

    let (outcome, _) = pay(vec![Act::ResetAndGo], PATIENT, short).await;
    assert_eq!(outcome, Outcome::Unknown(UnknownWhy::ConnectionLost));
    assert_none_left("after a closed port");

    pay_in_a_crowd().await;
    assert_none_left("after many at once");

    pay_and_abandon().await;
    assert_none_left("after a payment task that was aborted");
}
