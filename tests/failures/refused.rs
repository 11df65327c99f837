//! Calls that are not taken, each with its code and its reason, and what is left of a PIN: nothing.

use super::sip::{GOOD_OFFER, Wire};
use super::till::{quick, secured};
use crate::support::{HARBOUR_DIAL, NORTHWIND_DIAL, ServerPlan, Sweep, World, fresh_caller, harbour_call};
use tonewall_loadtest::call::{CallError, CallPlan, STEP_MAX, SimCall};
use tonewall_loadtest::leg::SipError;
use tonewall_loadtest::sandbox::SandboxOptions;

fn limited(rate: u32) -> World {
    let plan = ServerPlan {
        manifests: vec![("calls_per_s_max = 10".to_owned(), format!("calls_per_s_max = {rate}"))],
        ..ServerPlan::default()
    };
    World::with("refused", plan, SandboxOptions::default())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_a_call_is_refused_with_its_code() {
    let mut world = World::new("codes");
    let (sip, wire) = (world.server.sip, Wire::bind("127.0.0.1"));
    let codec = GOOD_OFFER.replace("8 0 101", "18 101");
    let video = GOOD_OFFER.replace("m=audio", "m=video");
    let multicast = GOOD_OFFER.replace("c=IN IP4 127.0.0.1", "c=IN IP4 239.1.2.3");
    let broken = GOOD_OFFER.replace("m=audio 4000", "m=audio banana");
    for (what, dial, body, code) in [
        ("a number that nobody has", "+441134960999", GOOD_OFFER, 404),
        ("no number at all", "nobody", GOOD_OFFER, 404),
        ("a codec that we do not speak", NORTHWIND_DIAL, &codec, 488),
        ("no audio", NORTHWIND_DIAL, &video, 488),
        ("media to everybody", NORTHWIND_DIAL, &multicast, 488),
        ("a port that is no number", NORTHWIND_DIAL, &broken, 400),
        ("no SDP", NORTHWIND_DIAL, "hello", 400),
        ("the same behind a PIN", HARBOUR_DIAL, "v=0\r\nv=0\r\n", 400),
        ("a codec that we do not speak, behind a PIN", HARBOUR_DIAL, &codec, 488),
    ] {
        let answer = wire.call(sip, dial, &fresh_caller(), body.as_bytes());
        assert_eq!(answer.code, code, "{what}: {}", answer.text);
    }
    let foreign = Wire::bind("127.0.0.2").call(sip, HARBOUR_DIAL, &fresh_caller(), GOOD_OFFER.as_bytes());
    assert_eq!(foreign.code, 403, "no trunk has this address");
    assert!(foreign.text.contains("Source not allowed"), "{}", foreign.text);
    // None of them has hurt anything.
    let stage = world.harbour().await;
    secured(&stage, quick(harbour_call())).await.hangup().await.expect("hung up");
    world.server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_pin_is_refused_counted_and_never_written_down() {
    let mut world = World::new("pin");
    let (sip, wire, caller) = (world.server.sip, Wire::bind("127.0.0.1"), fresh_caller());
    let wrong = ["482914", "913047", "777381", "640285", "519736"];
    for pin in wrong {
        let answer = wire.call(sip, &format!("8500{pin}"), &caller, GOOD_OFFER.as_bytes());
        assert_eq!(answer.code, 403);
        assert!(answer.text.contains("PIN not accepted"), "{}", answer.text);
    }
    let locked = wire.call(sip, HARBOUR_DIAL, &caller, GOOD_OFFER.as_bytes());
    assert_eq!(locked.code, 403, "five wrong ones lock the right one out");
    for short in ["8500", "85004", "850048291"] {
        assert_eq!(wire.call(sip, short, &fresh_caller(), GOOD_OFFER.as_bytes()).code, 403, "{short}");
    }
    let stage = world.harbour().await;
    // Another caller is not locked out, nor is the agent.
    secured(&stage, quick(harbour_call())).await.hangup().await.expect("hung up");
    let mut same = SimCall::start(&stage, CallPlan { caller, ..harbour_call() }).expect("call");
    let refused = same.wait_agent(STEP_MAX).await;
    let locked = |error: &CallError| matches!(error, CallError::Customer(SipError::Ended(_)));
    assert!(refused.as_ref().is_err_and(locked), "{refused:?}");
    assert_eq!(world.log().matches("PIN not accepted").count(), 10);
    world.server.stop();
    for secret in wrong.iter().chain(&["482913"]) {
        let places = Sweep::of_folder(&world.folder.path).words(&[secret, &format!("8500{secret}")]);
        // The manifests are where PINs come from.
        let leaks: Vec<_> =
            places.iter().filter(|place| !place.file.to_string_lossy().contains("/tenants/")).collect();
        assert!(leaks.is_empty(), "{leaks:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_over_the_rate_of_a_trunk_wait_their_turn_outside() {
    let mut world = limited(3);
    let (sip, wire) = (world.server.sip, Wire::bind("127.0.0.1"));
    let calls: Vec<String> =
        (0..12).map(|_| wire.invite(sip, HARBOUR_DIAL, &fresh_caller(), GOOD_OFFER.as_bytes())).collect();
    let codes: Vec<u16> = calls.iter().map(|call| wire.answer(sip, HARBOUR_DIAL, call).code).collect();
    let taken = codes.iter().filter(|code| **code == 200).count();
    // The burst may lie across the edge of a second.
    assert!((3..=6).contains(&taken), "{codes:?}");
    assert!(codes.iter().all(|code| matches!(code, 200 | 503)), "{codes:?}");
    crate::support::eventually("room for a call", async || {
        (wire.call(sip, HARBOUR_DIAL, &fresh_caller(), GOOD_OFFER.as_bytes()).code == 200).then_some(())
    })
    .await;
    world.server.stop();
}
