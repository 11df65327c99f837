//! Packets from where none should come, and packets that none should send.

use super::till::{CODE, card, finish, order, paid, quick, secured, send, stands};
use crate::support::{HARBOUR_DIAL, World, eventually, free_address, fresh_caller, harbour_call};
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tonewall_loadtest::call::STEP_MAX;
use tonewall_loadtest::g711::Law;
use tonewall_loadtest::leg::Leg;
use tonewall_loadtest::party::{Keys, Party};
use tonewall_loadtest::rng::Rng;
use tonewall_loadtest::rtp::{Packet, TelephoneEvent};
use tonewall_loadtest::sdp::{Direction, Sdp};
use tonewall_loadtest::stage::Stage;
use tonewall_loadtest::ua::{Invite, Ua};
use tonewall_loadtest::voice::Press;

const STRANGER: u32 = 0x5742_4e47;

/// Where Tonewall takes the media of a leg.
fn port_of(leg: &Leg) -> SocketAddr {
    leg.remote_sdp().borrow().as_ref().expect("an answer").rtp
}

fn audio(ssrc: u32, seq: u16) -> Packet {
    let ts = u32::from(seq) * 160;
    Packet {
        at: Instant::now(),
        marker: false,
        payload_type: 8,
        seq,
        ts,
        ssrc,
        payload: vec![0xd5; 160].into(),
    }
}

fn event(key: u8, seq: u16, end: bool) -> Packet {
    let payload = TelephoneEvent { event: key, end, volume: 10, duration: 800 }.to_payload();
    Packet {
        marker: !end,
        payload_type: 101,
        ts: 900_000 + u32::from(key) * 1_600,
        payload,
        ..audio(STRANGER, seq)
    }
}

/// The probe: audio of three types, 9999# on three types, RTCP, STUN, DTLS, headers that lie, noise.
fn probe(seed: u64) -> Vec<Vec<u8>> {
    let mut rng = Rng::named(seed, "probe");
    let mut all = Vec::new();
    for seq in 0..20 {
        for payload_type in [0, 8, 13] {
            all.push(Packet { payload_type, ..audio(STRANGER, seq) }.to_bytes());
        }
    }
    for (at, key) in [9, 9, 9, 9, 11, 10].into_iter().enumerate() {
        for payload_type in [96, 100, 101] {
            for end in [false, true, true, true] {
                let seq = 100 + at as u16 * 4 + u16::from(end);
                all.push(Packet { payload_type, ..event(key, seq, end) }.to_bytes());
            }
        }
    }
    all.push([&[0x81, 203, 0, 1], STRANGER.to_be_bytes().as_slice()].concat());
    all.push([&[0x80, 201, 0, 1], STRANGER.to_be_bytes().as_slice()].concat());
    all.push([&[0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42], [7; 12].as_slice()].concat());
    all.push([&[22, 254, 253, 0, 0], [1; 40].as_slice()].concat());
    let plain = audio(STRANGER, 7).to_bytes();
    for first in [0x8f, 0x90, 0xa0, 0xbf, 0x00, 0x40, 0xc0, 0xff] {
        all.push([&[first], &plain[1..]].concat());
    }
    all.extend([Vec::new(), vec![0x80]]);
    all.extend((0..100).map(|_| noise(&mut rng, 200)));
    all
}

fn noise(rng: &mut Rng, len_max: u64) -> Vec<u8> {
    let len = rng.bits() % (len_max + 1);
    (0..len).map(|_| rng.bits() as u8).collect()
}

/// A number in the counts that were logged at the end of the last call.
fn counted(world: &World, name: &str) -> u64 {
    let log = world.log();
    let line = log.lines().rev().find(|line| line.contains("media of the call")).expect("counts");
    let rest = line.split(&format!("{name}: ")).nth(1).expect("a count");
    rest.chars().take_while(char::is_ascii_digit).collect::<String>().parse().expect("a number")
}

fn heard_stranger(party: &Party) -> usize {
    party.peer.received().packets.iter().filter(|packet| packet.ssrc == STRANGER).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_strangers_packets_reach_nobody_and_are_counted() {
    let mut world = World::new("stranger");
    let stage = world.harbour().await;
    let call = secured(&stage, quick(harbour_call())).await;
    let agent = call.agent().expect("agent");
    let ports = [port_of(&call.customer().leg), port_of(&agent.leg)];
    call.open_payment("STRANGE-1", 100, "GBP").await.expect("open");
    let socket = UdpSocket::bind("127.0.0.1:0").expect("socket");
    socket.set_nonblocking(true).expect("non-blocking");
    let before = call.view().expect("a view");
    let mut sent = 0;
    for round in 0..3 {
        for datagram in probe(round) {
            for port in ports {
                socket.send_to(&datagram, port).expect("sent");
                let rtcp = SocketAddr::new(port.ip(), port.port() + 1);
                socket.send_to(&datagram, rtcp).expect("sent");
                sent += 1;
            }
        }
    }
    // Whatever was going to happen has happened when the legs' own later packets have arrived.
    assert!(
        agent.peer.wait_packets(50, STEP_MAX).await && call.customer().peer.wait_packets(50, STEP_MAX).await
    );
    let mut back = [0; 2_048];
    assert!(socket.recv_from(&mut back).is_err(), "a datagram came back: that is a bleed");
    assert_eq!((heard_stranger(agent), heard_stranger(call.customer())), (0, 0));
    let after = call.view().expect("a view");
    assert_eq!((after.keys, after.capture), (before.keys, before.capture), "no digit of 9999#");
    // The keying goes on as if nothing had been.
    finish(&call, &order("STRANGE-1"), &card("4242424242424242")).await.expect("keyed");
    let attempt = send(&call).await;
    stands(&call, &attempt, &["approved"]).await;
    call.hangup().await.expect("hung up");
    eventually("the counts", async || world.log().contains("media of the call").then_some(())).await;
    assert!(counted(&world, "strangers") > sent, "{} of {sent}", counted(&world, "strangers"));
    world.sweep(&[("4242424242424242", CODE)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_of_the_agents_phone_never_become_card_digits() {
    let mut world = World::new("agent-keys");
    let stage = world.harbour().await;
    let call = secured(&stage, quick(harbour_call())).await;
    let agent = call.agent().expect("agent");
    call.open_payment("AGENT-1", 100, "GBP").await.expect("open");
    call.press("4242").await.expect("keyed");
    let before =
        call.wait_view("four digits", STEP_MAX, |view| view.capture.filled == 4).await.expect("four digits");
    for keys in [Keys::Event, Keys::Info] {
        agent.press("9999#*79", keys, &Press::default()).await.expect("pressed");
    }
    let mark = call.customer().peer.received_count();
    eventually("the agent's later packets", async || {
        (call.customer().peer.received_count() > mark + 25).then_some(())
    })
    .await;
    let after = stage.api.call(&call.id().expect("id")).await.expect("a view");
    assert_eq!((after.keys, &after.capture), (before.keys, &before.capture));
    call.press("424242424242*").await.expect("keyed");
    finish(&call, &order("AGENT-1"), &card("4242424242424242")).await.expect("keyed");
    let attempt = send(&call).await;
    stands(&call, &attempt, &["approved"]).await;
    world.sweep(&[("4242424242424242", CODE)]);
}

/// A customer whose media socket is the test's own.
struct OwnPhone {
    _ua: Ua,
    leg: Arc<Leg>,
    rtp: UdpSocket,
    agent: Party,
    caller: String,
}

impl OwnPhone {
    async fn call(world: &World, stage: &Stage) -> OwnPhone {
        let ua = Ua::bind(free_address()).await.expect("socket").0;
        let rtp = UdpSocket::bind("127.0.0.1:0").expect("socket");
        let caller = fresh_caller();
        let leg = ua.invite(Invite {
            to: world.server.sip,
            dial: HARBOUR_DIAL.into(),
            caller: caller.clone(),
            offer: Sdp {
                rtp: rtp.local_addr().expect("address"),
                laws: vec![Law::A],
                event_payload_type: Some(101),
                direction: Direction::SendRecv,
            },
            headers: Vec::new(),
        });
        leg.wait_up(STEP_MAX).await.expect("answered");
        let agent = stage.agents.claim(&caller, STEP_MAX).await.expect("the agent is rung");
        agent.leg.wait_up(STEP_MAX).await.expect("answered");
        OwnPhone { _ua: ua, leg, rtp, agent, caller }
    }

    /// Sends audio at its own pace until some of it has reached the agent.
    async fn is_heard(&self, from_seq: u16) {
        let (to, mark, mut seq) = (port_of(&self.leg), self.agent.peer.received_count(), from_seq);
        eventually("audio at the agent's phone", async || {
            self.rtp.send_to(&audio(1, seq).to_bytes(), to).expect("sent");
            seq = seq.wrapping_add(1);
            (self.agent.peer.received_count() > mark + 5).then_some(())
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_from_the_right_address_harms_nothing() {
    /// Below the cap of 200 packets a second, so that none of it is thrown away unread.
    const PAUSE: Duration = Duration::from_millis(6);
    let mut world = World::new("garbage");
    let stage = world.harbour().await;
    let phone = OwnPhone::call(&world, &stage).await;
    phone.is_heard(1).await;
    let to = port_of(&phone.leg);
    let mut rng = Rng::named(5, "garbage");
    let good = audio(1, 500).to_bytes();
    let mut cases: Vec<Vec<u8>> = probe(9);
    // Every length up to two packets, every payload type, every length of a telephone-event, lies about
    // CSRCs, extension and padding, and packets longer than any buffer.
    cases.extend(
        (0..=350).step_by(3).map(|len| [good.as_slice(), good.as_slice(), &[0; 8]].concat()[..len].to_vec()),
    );
    cases.extend((0..128).map(|payload_type| Packet { payload_type, ..audio(1, 600) }.to_bytes()));
    cases.extend(
        (0..12).map(|len| Packet { payload: vec![0xff; len].into(), ..event(9, 700, true) }.to_bytes()),
    );
    cases.extend((0..16).map(|csrc| [&[0x80 | csrc], &good[1..20]].concat()));
    cases.extend((0..8).map(|last| [&[0xb0], &good[1..40], &[last * 31]].concat()));
    cases.extend([1_400, 2_047, 2_048, 2_049, 9_000, 65_000].map(|len| vec![0x80; len]));
    cases.extend((0..150).map(|_| noise(&mut rng, 2_000)));
    let mut pace = tokio::time::interval(PAUSE);
    for case in &cases {
        pace.tick().await;
        // The system itself refuses what is too long for a datagram.
        let _ = phone.rtp.send_to(case, to);
    }
    assert!(world.server.is_alive());
    phone.is_heard(2_000).await;
    let calls = stage.api.live_calls(&phone.caller).await.expect("calls");
    assert_eq!((calls.len(), calls[0].state.as_str()), (1, "connected"), "the call goes on");
    phone.leg.hangup().await.expect("hung up");
    assert!(!world.log().contains("panic"), "{}", world.log());
    world.server.stop();
    assert_eq!(counted(&world, "over_rate"), 0, "all of it was read");
    assert!(counted(&world, "dropped") > 300, "{}", counted(&world, "dropped"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_from_the_right_address_is_capped() {
    const RATE: u64 = 2_000;
    const SECONDS: u64 = 3;
    let mut world = World::new("flood");
    let stage = world.harbour().await;
    let phone = OwnPhone::call(&world, &stage).await;
    phone.is_heard(1).await;
    let (to, mark) = (port_of(&phone.leg), phone.agent.peer.received_count());
    let mut pace = tokio::time::interval(Duration::from_millis(10));
    for tick in 0..SECONDS * 100 {
        pace.tick().await;
        for n in 0..RATE / 100 {
            let seq = (1_000 + tick * (RATE / 100) + n) as u16;
            phone.rtp.send_to(&audio(1, seq).to_bytes(), to).expect("sent");
        }
    }
    let passed = phone.agent.peer.received_count() - mark;
    // The flood touches one second more than it lasts, and a slow machine makes it last longer.
    assert!((200..=200 * (SECONDS + 3)).contains(&passed), "{passed} of {}", RATE * SECONDS);
    phone.is_heard(30_000).await;
    phone.leg.hangup().await.expect("hung up");
    world.server.stop();
    let capped = counted(&world, "over_rate");
    assert!(capped + passed + 500 >= RATE * SECONDS, "{capped} capped, {passed} passed");
}

#[tokio::test(flavor = "multi_thread")]
async fn stray_packets_after_the_end_find_nobody() {
    let mut world = World::new("stray");
    let stage = world.harbour().await;
    let phone = OwnPhone::call(&world, &stage).await;
    phone.is_heard(1).await;
    let ports = [port_of(&phone.leg), port_of(&phone.agent.leg)];
    phone.leg.hangup().await.expect("hung up");
    phone.agent.leg.wait_end(STEP_MAX).await.expect("ended");
    for port in ports {
        let knock = UdpSocket::bind("127.0.0.1:0").expect("socket");
        knock.connect(port).expect("connected");
        // The system tells the next sender of a closed port.
        eventually("the port to close", async || knock.send(&[0]).is_err().then_some(())).await;
    }
    let mark = phone.agent.peer.received_count();
    for datagram in probe(3) {
        for port in ports {
            // A closed port may be told of by the system: that is as good as silence.
            let _ = phone.rtp.send_to(&datagram, port);
        }
    }
    let call = secured(&stage, quick(harbour_call())).await;
    let view = paid(&call, &order("AFTER-1"), &card("4242424242424242")).await;
    assert_eq!(view.payment.state, "approved", "the next call does not notice");
    assert_eq!(phone.agent.peer.received_count(), mark);
    world.sweep(&[("4242424242424242", CODE)]);
}
