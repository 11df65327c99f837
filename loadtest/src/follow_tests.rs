//! A customer who follows an agent, over real SIP and RTP.

use std::net::SocketAddr;
use std::time::Duration;

use super::*;
use crate::api::Api;
use crate::call::CallPlan;
use crate::fake::{DECLINED_PAN, Fake};
use crate::party::Keys;
use crate::stage::{Stage, StageConfig};

const SEED: u64 = 11;
const PATIENCE: Duration = Duration::from_secs(30);
const VISA: &str = "4111111111111111";
const MASTERCARD: &str = "5555555555554444";

/// What the agent does at the screen.
struct Agent {
    api: Api,
    caller: String,
}

impl Agent {
    async fn wait(&self, wanted: impl Fn(&CallView) -> bool) -> CallView {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            let calls = self.api.live_calls(&self.caller).await.expect("the fake answers");
            if let Some(first) = calls.into_iter().next() {
                let follower = self.api.follow(first);
                return follower.wait(PATIENCE, wanted).await.expect("it comes to that");
            }
            assert!(tokio::time::Instant::now() < deadline, "no call of {}", self.caller);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn collect(&self) {
        let view = self.wait(|view| view.state == "connected").await;
        self.api.payment(&view.id, "INV-1001", 1_250, "GBP").await.expect("opened");
    }

    /// Takes the payment when the card is complete; the state that follows.
    async fn take(&self) -> CallView {
        let view = self.wait(|view| view.capture.state == "complete").await;
        self.api.command(&view.id, "take").await.expect("taken");
        self.wait(|view| view.payment.is_final()).await
    }

    async fn hang_up(&self) {
        let view = self.wait(|_| true).await;
        self.api.command(&view.id, "hangup").await.expect("hung up");
    }
}

/// Plays a call of `caller`; what came of it, what was keyed, and the longest press in ms.
async fn play(
    caller: &str,
    script: Script,
    agent: impl AsyncFn(&Agent),
) -> (Followed, Vec<(&'static str, String)>, u32) {
    println!("seed {SEED}");
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let config = StageConfig {
        sip: any,
        pbx_bind: any,
        carrier_bind: Some(any),
        api: String::new(),
        token: "t".into(),
        seed: SEED,
    };
    let mut stage = Stage::open(config).await.expect("loopback sockets");
    let fake = Fake::start(stage.pbx_addr(), false).await;
    stage.config.sip = fake.sip;
    stage.api = Api::new(&fake.api, "t").expect("a client");
    let plan = CallPlan {
        dial: "100".into(),
        caller: caller.into(),
        keys: Keys::Event,
        press: Press { on_ms: 40, off_ms: 20, ..Press::default() },
        ..CallPlan::default()
    };
    let mut call = SimCall::start(&stage, script.behaviour.adapt(plan)).expect("a call");
    let person = Agent { api: stage.api.clone(), caller: caller.into() };
    let (followed, ()) = tokio::join!(follow(&mut call, &script), agent(&person));
    let keyed = call.customer().peer.keyed();
    let longest = keyed.iter().map(|press| press.end_ts.wrapping_sub(press.start_ts) / 8).max();
    (followed.expect("followed"), fake.log(caller), longest.unwrap_or(0))
}

fn card(pan: &str) -> TestCard {
    TestCard { pan: pan.into(), ..TestCard::default() }
}

fn script(behaviour: Behaviour) -> Script {
    let cards = vec![card(VISA), card(MASTERCARD)];
    let speaks_for = Duration::from_millis(400);
    Script { behaviour, cards, pause: Duration::ZERO, speaks_for, stay_max: PATIENCE, ..Script::default() }
}

fn fields<'a>(log: &'a [(&'static str, String)]) -> Vec<(&'static str, &'a str)> {
    log.iter().map(|(field, digits)| (*field, digits.as_str())).collect()
}

async fn pays(agent: &Agent) {
    agent.collect().await;
    assert_eq!(agent.take().await.payment.state, "approved");
    agent.hang_up().await;
}

const CARD: [(&str, &str); 3] = [("pan", VISA), ("expiry", "1230"), ("cvc", "123")];

#[tokio::test]
async fn keys_what_is_asked_and_stays_until_the_agent_ends_the_call() {
    for (caller, behaviour) in [
        ("+447700900201", Behaviour::Normal),
        ("+447700900202", Behaviour::DuplicateKeys),
        ("+447700900203", Behaviour::ShortTones),
        ("+447700900204", Behaviour::SpeaksNumber),
    ] {
        let (followed, log, longest) = play(caller, script(behaviour), pays).await;
        assert_eq!((followed.to, followed.fields_keyed, followed.cards_begun), (FollowedTo::TheEnd, 3, 1));
        assert_eq!((followed.view.state.as_str(), fields(&log)), ("ended", CARD.to_vec()), "{behaviour:?}");
        assert_eq!(longest, 40, "{behaviour:?}");
    }
}

#[tokio::test]
async fn holds_the_last_key_of_each_field() {
    let (_, log, longest) = play("+447700900205", script(Behaviour::HeldKey), pays).await;
    assert_eq!((fields(&log), longest), (CARD.to_vec(), HELD_MS));
}

#[tokio::test]
async fn mistypes_the_number_and_keys_it_again_when_asked() {
    let (followed, log, _) = play("+447700900206", script(Behaviour::WrongLuhnFirst), pays).await;
    assert_eq!(fields(&log[..2]), [("pan", "4111111111111112"), ("pan", VISA)]);
    assert_eq!((log.len(), followed.fields_keyed), (4, 4));
}

#[tokio::test]
async fn keys_the_right_code_when_the_wrong_one_was_declined() {
    let agent = async |agent: &Agent| {
        agent.collect().await;
        let view = agent.take().await;
        assert_eq!(view.payment.state, "declined");
        agent.api.reask(&view.id, "cvc").await.expect("asked again");
        agent.wait(|view| view.capture.state == "open").await;
        assert_eq!(agent.take().await.payment.state, "approved");
        agent.hang_up().await;
    };
    let (followed, log, _) = play("+447700900207", script(Behaviour::WrongCodeFirst), agent).await;
    assert_eq!(fields(&log), [("pan", VISA), ("expiry", "1230"), ("cvc", "200"), ("cvc", "123")]);
    assert_eq!(followed.cards_begun, 1);
}

#[tokio::test]
async fn takes_the_next_card_after_a_decline() {
    let agent = async |agent: &Agent| {
        agent.collect().await;
        assert_eq!(agent.take().await.payment.state, "declined");
        agent.collect().await;
        agent.wait(|view| view.capture.state == "open").await;
        assert_eq!(agent.take().await.payment.state, "approved");
        agent.hang_up().await;
    };
    let script = Script { cards: vec![card(DECLINED_PAN), card(MASTERCARD)], ..script(Behaviour::Normal) };
    let (followed, log, _) = play("+447700900208", script, agent).await;
    let numbers: Vec<_> =
        log.iter().filter(|(field, _)| *field == "pan").map(|(_, digits)| digits.as_str()).collect();
    assert_eq!(
        (numbers, followed.cards_begun, followed.fields_keyed),
        (vec![DECLINED_PAN, MASTERCARD], 2, 6)
    );
}

#[tokio::test]
async fn hangs_up_at_the_code() {
    let agent = async |agent: &Agent| agent.collect().await;
    let (followed, log, _) = play("+447700900209", script(Behaviour::HangsUpAtCode), agent).await;
    assert_eq!((followed.to, fields(&log)), (FollowedTo::HungUp, CARD[..2].to_vec()));
}

#[tokio::test]
async fn is_silent_until_the_agent_gives_up_or_patience_ends() {
    let agent = async |agent: &Agent| {
        agent.collect().await;
        agent.wait(|view| view.capture.state == "open").await;
        agent.hang_up().await;
    };
    let (followed, log, _) = play("+447700900210", script(Behaviour::Silent), agent).await;
    assert_eq!((followed.to, followed.fields_keyed, log.len()), (FollowedTo::TheEnd, 0, 0));
    let impatient = Script { stay_max: Duration::from_millis(600), ..script(Behaviour::Silent) };
    let (followed, ..) = play("+447700900211", impatient, async |agent: &Agent| agent.collect().await).await;
    assert_eq!((followed.to, followed.view.state.as_str()), (FollowedTo::TooLong, "ended"));
}

#[tokio::test]
async fn the_agent_may_hang_up_while_keys_are_pressed() {
    let agent = async |agent: &Agent| {
        agent.collect().await;
        agent.wait(|view| view.capture.filled >= 4).await;
        agent.hang_up().await;
    };
    let (followed, log, _) = play("+447700900212", script(Behaviour::Normal), agent).await;
    assert_eq!((followed.to, log.len(), followed.view.state.as_str()), (FollowedTo::TheEnd, 0, "ended"));
}
