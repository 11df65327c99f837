//! A secured line that cannot be vouched for: the agent hears nothing, reads why, and the field is keyed
//! again before anything is paid.

use super::till::{CODE, card, finish, order, secured, send, stands};
use crate::support::{ServerPlan, World, harbour_call};
use std::collections::BTreeSet;
use tonewall_loadtest::api::CallView;
use tonewall_loadtest::call::{CallPlan, STEP_MAX, SimCall};
use tonewall_loadtest::g711::Law;
use tonewall_loadtest::leg::SipError;
use tonewall_loadtest::party::Keys;
use tonewall_loadtest::rtp::Packet;
use tonewall_loadtest::sandbox::SandboxOptions;
use tonewall_loadtest::screen::AgentScreen;
use tonewall_loadtest::sdp::{Direction, Sdp};
use tonewall_loadtest::voice::Press;

const PAN: &str = "4242424242424242";

fn by_event() -> CallPlan {
    let press = Press { on_ms: 60, off_ms: 60, ..Press::default() };
    CallPlan { keys: Keys::Event, press, ..harbour_call() }
}

/// Whether a packet holds something else than one code over and over, as silence is.
fn is_sound(packet: &Packet) -> bool {
    packet.payload.iter().collect::<BTreeSet<_>>().len() > 1
}

/// How many of the next packets at the agent's phone hold sound.
async fn sounding(call: &SimCall<'_>, packets: usize) -> usize {
    let peer = &call.agent().expect("an agent").peer;
    let before = peer.received().packets.len();
    assert!(peer.wait_packets(packets as u64, STEP_MAX).await, "nothing arrives any more");
    peer.received().packets[before..].iter().take(packets).filter(|packet| is_sound(packet)).count()
}

async fn screen_of(world: &World) -> AgentScreen {
    AgentScreen::sign_in(&world.server.api(), "ada@harbour", "harbour-ada-demo").await.expect("signed in")
}

/// Opens a payment and keys the first five digits of its card.
async fn five_digits(call: &SimCall<'_>, account: &str) {
    call.open_payment(account, 1_250, "GBP").await.expect("open");
    call.press(&PAN[..5]).await.expect("pressed");
    let five = |view: &CallView| view.capture.filled == 5;
    call.wait_view("five digits", STEP_MAX, five).await.expect("five digits");
}

/// Waits until the line is unwell for this reason: the field is empty by then. Then nothing is heard, the
/// screen says why, no key counts, nothing is opened; and the field waits for its keys when it is over.
async fn asked_again(call: &SimCall<'_>, screen: &AgentScreen, why: &str) {
    let unwell = |view: &CallView| view.unwell.as_deref() == Some(why);
    let view = call.wait_view("an unwell line", STEP_MAX, unwell).await.expect("unwell");
    assert_eq!((view.capture.field.as_deref(), view.capture.filled), (Some("pan"), 0));
    // Of the second that it lasts at least.
    assert_eq!(sounding(call, 20).await, 0, "the customer is heard on a line that is not clear");
    let shown = screen.screen(&call.id().expect("listed")).await.expect("a screen");
    assert_eq!(
        (&shown["line"]["state"], &shown["line"]["words"]),
        (&"unclear".into(), &"Line not clear".into())
    );
    assert!(shown["line"]["unwell"].as_str().is_some_and(|words| words.len() > 20), "{}", shown["line"]);
    assert_eq!(shown["fields"][0]["state"], "paused");
    let refused = call.command("take").await.map(drop).expect_err("not complete").to_string();
    assert!(refused.contains("not_complete"), "{refused}");
    let clear = |view: &CallView| view.unwell.is_none();
    let view = call.wait_view("a clear line", STEP_MAX, clear).await.expect("clear");
    assert_eq!((view.capture.field.as_deref(), view.capture.filled), (Some("pan"), 0));
    assert!(sounding(call, 50).await > 10, "the customer is not heard any more");
}

async fn pays(call: &SimCall<'_>, account: &str) {
    let keyed = finish(call, &order(account), &card(PAN)).await.expect("keyed");
    assert_eq!(keyed[0], "pan", "the number was keyed again");
    let attempt = send(call).await;
    stands(call, &attempt, &["approved"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_source_in_the_middle_of_a_field_has_it_keyed_again() {
    let mut world = World::new("source");
    let (stage, screen) = (world.harbour().await, screen_of(&world).await);
    let call = secured(&stage, by_event()).await;
    five_digits(&call, "SOURCE-1").await;
    // The control: nothing has happened, and the agent hears the customer.
    assert!(sounding(&call, 50).await > 10, "the customer is not heard on a good line");
    assert_eq!(call.view().expect("a view").unwell, None);
    call.customer().peer.change_source();
    asked_again(&call, &screen, "source").await;
    pays(&call, "SOURCE-1").await;
    // Between fields another source is no more than another phone.
    call.customer().peer.change_source();
    assert!(sounding(&call, 100).await > 10);
    assert_eq!(call.view().expect("a view").unwell, None);
    call.hangup().await.expect("hung up");
    world.sweep(&[(PAN, CODE)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_coding_in_the_middle_of_a_field_is_refused_or_has_it_keyed_again() {
    let mut world = World::new("coding");
    let (stage, screen) = (world.harbour().await, screen_of(&world).await);
    let call = secured(&stage, by_event()).await;
    five_digits(&call, "CODING-1").await;
    let (leg, rtp) = (&call.customer().leg, call.customer().peer.rtp());
    let offer =
        |law, pt| Sdp { rtp, laws: vec![law], event_payload_type: Some(pt), direction: Direction::SendRecv };
    // Nothing is transcoded: what the legs have settled on stays.
    let refused = leg.reinvite(offer(Law::Mu, 101)).await.expect_err("another law");
    assert_eq!(refused, SipError::Refused(488));
    let view = call.view().expect("a view");
    assert_eq!((view.capture.filled, view.secured, view.unwell), (5, true, None), "the field goes on");
    assert!(sounding(&call, 50).await > 10, "and so does the line");
    // Another type for events is taken, and nobody knows what went by in between.
    leg.reinvite(offer(Law::A, 97)).await.expect("another type");
    asked_again(&call, &screen, "coding").await;
    assert_eq!(call.customer().peer.format().event_payload_type, Some(97));
    pays(&call, "CODING-1").await;
    call.hangup().await.expect("hung up");
    world.sweep(&[(PAN, CODE)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_field_passes_nothing_and_the_complete_card_opens_it() {
    let manifests = vec![("mask = \"tone\"".to_owned(), "mask = \"closed\"".to_owned())];
    let plan = ServerPlan { manifests, ..ServerPlan::default() };
    let mut world = World::with("closed", plan, SandboxOptions::default());
    let (stage, screen) = (world.harbour().await, screen_of(&world).await);
    let call = secured(&stage, by_event()).await;
    assert!(sounding(&call, 50).await > 10, "no field is open yet");
    call.open_payment("CLOSED-1", 1_250, "GBP").await.expect("open");
    // What was on its way passes.
    sounding(&call, 5).await;
    assert_eq!(sounding(&call, 50).await, 0, "the customer is heard while a field is open");
    let shown = screen.screen(&call.id().expect("listed")).await.expect("a screen");
    let detail = shown["line"]["detail"].as_str().expect("words");
    assert!(detail.starts_with("You cannot hear the customer while they key."), "{detail}");
    finish(&call, &order("CLOSED-1"), &card(PAN)).await.expect("keyed");
    sounding(&call, 5).await;
    assert!(sounding(&call, 50).await > 10, "the card is complete, and the customer is not heard");
    let attempt = send(&call).await;
    stands(&call, &attempt, &["approved"]).await;
    call.hangup().await.expect("hung up");
    world.sweep(&[(PAN, CODE)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn doubled_keys_count_once_while_slow_keys_are_on() {
    let world = World::new("slow-keys");
    let stage = world.harbour().await;
    let call = secured(&stage, by_event()).await;
    let filled = async |digits: u32| {
        let there = |view: &CallView| view.capture.filled == digits;
        call.wait_view("so many digits", STEP_MAX, there).await.expect("so many digits")
    };
    call.open_payment("SLOW-1", 1_250, "GBP").await.expect("open");
    // The control: two presses are two.
    call.press("44").await.expect("pressed");
    assert!(!filled(2).await.slow_keys);
    assert!(call.command("slow-keys").await.expect("on").slow_keys);
    call.command("slow-keys").await.expect("no change");
    call.press("2255").await.expect("pressed");
    let view = filled(4).await;
    assert_eq!((view.keys, view.slow_keys), (4, true));
    // A pause makes two presses of two.
    let peer = &call.customer().peer;
    assert!(peer.wait_sent(peer.position() + 8_000, STEP_MAX).await, "a second of sound");
    call.press("5").await.expect("pressed");
    filled(5).await;
    assert!(!call.command("usual-keys").await.expect("off").slow_keys);
    call.press("11").await.expect("pressed");
    assert_eq!(filled(7).await.keys, 7);
    call.hangup().await.expect("hung up");
    assert!(call.command("slow-keys").await.is_err_and(|error| error.to_string().contains("410")));
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_key_was_heard_nothing_more_is_asked_for_on_the_call() {
    let world = World::new("leaked");
    let (stage, screen) = (world.harbour().await, screen_of(&world).await);
    let call = secured(&stage, CallPlan { keys: Keys::InBand, ..by_event() }).await;
    five_digits(&call, "LEAKED-1").await;
    assert!(!call.view().expect("a view").leaked, "a good line does not leak");
    // Answered with no content, which is no view.
    let _ = call.command("fault-leak").await;
    call.press("159").await.expect("pressed");
    let leaked = |view: &CallView| view.leaked && view.capture.state == "failed";
    call.wait_view("the end of the field", STEP_MAX, leaked).await.expect("leaked");
    let refused = call.open_payment("LEAKED-1", 1_250, "GBP").await.expect_err("no other field").to_string();
    assert!(refused.contains("409 line_not_secure"), "{refused}");
    let shown = screen.screen(&call.id().expect("listed")).await.expect("a screen");
    assert_eq!((&shown["line"]["state"], &shown["line"]["leaked"]), (&"leaked".into(), &true.into()));
    assert!(
        shown["offers"].as_array().is_some_and(|offers| offers.iter().all(|own| own["action"] == "means"))
    );
    call.hangup().await.expect("hung up");
}
