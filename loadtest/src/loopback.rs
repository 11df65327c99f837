//! The phones against each other, without anything between them: everything has to be heard.

use std::net::SocketAddr;
use std::time::Duration;

use crate::agent::Answer;
use crate::call::{CallError, CallPlan, SimCall};
use crate::leg::{End, LegState, SipError};
use crate::party::{Keys, PressError};
use crate::sdp::{Direction, Sdp};
use crate::stage::{Stage, StageConfig};
use crate::voice::Press;

const WITHIN: Duration = Duration::from_secs(15);

async fn stage() -> Stage {
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let config = StageConfig {
        sip: any,
        pbx_bind: any,
        carrier_bind: Some(any),
        api: "http://127.0.0.1:9".into(),
        token: String::new(),
        seed: 42,
    };
    let mut stage = Stage::open(config).await.expect("loopback sockets");
    stage.config.sip = stage.pbx_addr();
    stage
}

fn plan(keys: Keys) -> CallPlan {
    CallPlan {
        dial: "100".into(),
        keys,
        press: Press { on_ms: 60, off_ms: 60, ..Press::default() },
        ..CallPlan::default()
    }
}

async fn connected(stage: &Stage, plan: CallPlan) -> SimCall<'_> {
    let mut call = SimCall::start(stage, plan).expect("a media port");
    call.wait_agent(WITHIN).await.expect("the agent answers");
    call.wait_answered(WITHIN).await.expect("answered");
    call.wait_audio(WITHIN).await.expect("audio to the agent");
    assert!(call.customer().peer.wait_packets(25, WITHIN).await, "audio to the customer");
    call
}

#[tokio::test]
async fn unmasked_keys_are_heard_on_every_transport() {
    let stage = stage().await;
    for keys in [Keys::InBand, Keys::Event, Keys::Info, Keys::All] {
        let call = connected(&stage, plan(keys)).await;
        call.press("4111*").await.expect("pressed");
        assert!(call.agent().expect("claimed").peer.wait_packets(25, WITHIN).await);
        let heard = call.hear();
        assert_eq!(
            (heard.digits_keyed, heard.digits_recovered, heard.control_recovered),
            (5, 5, Some(5)),
            "{keys:?} {heard:?}"
        );
        assert!(!heard.is_clean());
        assert!(
            heard.agent.aligned && heard.packets_lost == 0 && heard.secured_ms.is_some(),
            "{keys:?} {heard:?}"
        );
        assert_eq!(heard.residual_ms > 100.0, matches!(keys, Keys::InBand | Keys::All), "{keys:?} {heard:?}");
        let by = (heard.agent.fit_recovered, heard.agent.event_recovered, heard.agent.sip_recovered);
        match keys {
            Keys::InBand => assert_eq!(by, (5, 0, 0)),
            Keys::Event => assert_eq!(by, (0, 5, 0)),
            Keys::Info => assert_eq!(by, (0, 0, 5)),
            Keys::All => assert_eq!(by, (5, 5, 5)),
        }
        assert!(
            call.agent_hears(Duration::from_millis(500)) > 10
                && call.customer_hears(Duration::from_millis(500)) > 10
        );
        call.hangup().await.expect("both legs end");
        assert_eq!(call.agent().expect("claimed").leg.end(), Some(End::ByeReceived));
        assert_eq!(call.customer().leg.end(), Some(End::ByeSent));
    }
    assert_eq!(stage.live_legs(), 0);
}

#[tokio::test]
async fn a_call_without_keys_is_clean() {
    let stage = stage().await;
    let call = connected(&stage, plan(Keys::InBand)).await;
    let heard = call.hear();
    assert!(heard.is_clean() && heard.digits_keyed == 0, "{heard:?}");
    call.agent_hangup().await.expect("both legs end");
    assert_eq!(call.customer().leg.end(), Some(End::ByeReceived));
}

#[tokio::test]
async fn a_ringing_call_can_be_cancelled() {
    let stage = stage().await;
    stage.agents.set_answer(Answer::Never);
    let mut call = SimCall::start(&stage, plan(Keys::InBand)).expect("a media port");
    call.wait_ringing(WITHIN).await.expect("it rings");
    call.customer().leg.wait(WITHIN, |state| state == LegState::Ringing).await.expect("180");
    call.hangup().await.expect("cancelled");
    assert_eq!(call.customer().leg.end(), Some(End::Cancelled));
    assert_eq!(call.agent().expect("claimed").leg.end(), Some(End::Cancelled));
}

#[tokio::test]
async fn a_refusal_is_reported_with_its_code() {
    let stage = stage().await;
    stage.agents.set_answer(Answer::Refuse(486));
    let mut call = SimCall::start(&stage, plan(Keys::InBand)).expect("a media port");
    assert_eq!(call.wait_answered(WITHIN).await, Err(CallError::Customer(SipError::Refused(486))));
    assert!(call.wait_agent(Duration::from_millis(200)).await.is_err());
}

#[tokio::test]
async fn a_late_answer_still_connects() {
    let stage = stage().await;
    stage.agents.set_answer(Answer::After(Duration::from_millis(300)));
    let call = connected(&stage, plan(Keys::InBand)).await;
    call.hangup().await.expect("both legs end");
}

#[tokio::test]
async fn hold_stops_the_audio_and_resume_brings_it_back() {
    let stage = stage().await;
    let call = connected(&stage, plan(Keys::Event)).await;
    let ours = call.customer().leg.local_sdp().expect("offered");
    let answer = call
        .customer()
        .leg
        .reinvite(Sdp { direction: Direction::SendOnly, ..ours.clone() })
        .await
        .expect("held");
    assert_eq!(answer.direction, Direction::RecvOnly);
    assert!(
        !call.customer().peer.wait_packets(20, Duration::from_millis(600)).await,
        "the agent is silent while held"
    );
    let moved =
        call.customer().leg.reinvite(Sdp { event_payload_type: Some(96), ..ours }).await.expect("resumed");
    assert_eq!((moved.direction, moved.event_payload_type), (Direction::SendRecv, Some(96)));
    assert!(call.customer().peer.wait_packets(20, WITHIN).await, "audio is back");
    call.press("7").await.expect("pressed with the new payload type");
    assert!(call.agent().expect("claimed").peer.wait_packets(10, WITHIN).await);
    assert_eq!(call.hear().agent.event_recovered, 1);
    assert!(
        call.agent().expect("claimed").leg.requests().iter().filter(|method| *method == "INVITE").count()
            == 2
    );
    call.hangup().await.expect("both legs end");
}

#[tokio::test]
async fn impossible_presses_are_refused() {
    let stage = stage().await;
    let call = connected(&stage, CallPlan { event_payload_type: None, ..plan(Keys::Event) }).await;
    assert_eq!(call.press("1").await, Err(CallError::Press(PressError::NoTelephoneEvent)));
    assert_eq!(call.press("1x").await, Err(CallError::Press(PressError::NotAKey('x'))));
    call.hangup().await.expect("both legs end");
    let after = call.customer().press("1", Keys::InBand, &Press::default()).await;
    assert_eq!(after, Err(PressError::Ended));
}

#[tokio::test]
async fn ten_calls_share_the_sockets() {
    let stage = stage().await;
    let mut calls = Vec::new();
    for number in 0..10 {
        let caller = crate::stage::caller_number(number);
        calls.push(SimCall::start(&stage, CallPlan { caller, ..plan(Keys::InBand) }).expect("a media port"));
    }
    for call in &mut calls {
        call.wait_agent(WITHIN).await.expect("the agent answers");
        call.wait_audio(WITHIN).await.expect("audio");
    }
    assert_eq!((stage.live_legs(), stage.agents.rung()), (20, 10));
    for call in &calls {
        call.hangup().await.expect("both legs end");
    }
    assert_eq!(stage.live_legs(), 0);
}
