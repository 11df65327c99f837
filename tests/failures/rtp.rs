//! Packets from where none should come, and packets that none should send.

use super::till::{CODE, card, order, paid, quick, secured};
use crate::support::{HARBOUR_DIAL, World, eventually, free_udp, fresh_caller, harbour_call};
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tonewall_loadtest::call::{STEP_MAX, SimCall};
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
    Packet { at: Instant::now(), marker: false, payload_type: 8, seq, ts, ssrc, payload: vec![0xd5; 160].into() }
}

fn event(key: u8, seq: u16, end: bool) -> Packet {
    let payload = TelephoneEvent { event: key, end, volume: 10, duration: 800 }.to_payload();
    Packet { marker: !end, payload_type: 101, ts: 900_000 + u32::from(key) * 1_600, payload, ..audio(STRANGER, seq) }
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
    assert!(agent.peer.wait_packets(50, STEP_MAX).await && call.customer().peer.wait_packets(50, STEP_MAX).await);
    let mut back = [0; 2_048];
    assert!(socket.recv_from(&mut back).is_err(), "a datagram came back: that is a bleed");
    assert_eq!((heard_stranger(agent), heard_stranger(call.customer())), (0, 0));
    let after = call.view().expect("a view");
    assert_eq!((after.keys, after.capture), (before.keys, before.capture), "no digit of 9999#");
    // The keying goes on as if nothing had been.
    let view = paid(&call, &order("STRANGE-1"), &card("4242424242424242")).await_or_open(&call).await;
    assert_eq!(view, "approved");
    call.hangup().await.expect("hung up");
    eventually("the counts", async || world.log().contains("media of the call").then_some(())).await;
    assert!(counted(&world, "strangers") > sent, "{} of {sent}", counted(&world, "strangers"));
    world.sweep(&[("4242424242424242", CODE)]);
}
