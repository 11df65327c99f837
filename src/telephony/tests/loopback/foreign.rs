//! Foreign bytes at all four sockets of a live call.

use super::phone::{DEADLINE, talk};
use super::tones::noise;
use super::world::World;
use proptest::collection::vec;
use proptest::prelude::*;
use std::time::{Duration, Instant};

/// Anything, or RTP of a type that was settled with everything else of it in doubt.
fn datagram() -> impl Strategy<Value = Vec<u8>> {
    let anything = vec(any::<u8>(), 0..1_600);
    let rtp =
        (0x80..=0xBF_u8, prop_oneof![Just(8_u8), Just(101), Just(13), Just(0x88)], vec(any::<u8>(), 10..700))
            .prop_map(|(flags, payload_type, rest)| [&[flags, payload_type][..], &rest].concat());
    prop_oneof![anything, rtp]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_end_the_thread_or_are_heard_on_a_secured_line(
        datagrams in vec((0..6_u8, datagram()), 150),
    ) {
        let mut world = World::new(None).secured();
        let stranger = std::net::UdpSocket::bind("127.0.0.1:0").expect("a free port");
        for (place, bytes) in &datagrams {
            let (customer, agent) = (&world.customer, &world.agent);
            let (socket, to) = match place {
                0 | 1 => (&customer.rtp, customer.to),
                2 => (&customer.rtcp, customer.rtcp_to()),
                3 => (&agent.rtp, agent.to),
                4 => (&agent.rtcp, agent.rtcp_to()),
                _ => (&stranger, customer.to),
            };
            socket.send_to(bytes, to).expect("sent");
        }
        world.agent.hear(Instant::now() + Duration::from_millis(100), |_| false);
        for packet in &world.agent.got {
            prop_assert!(packet.len() >= 12 && packet[0] == 0x80 && packet[1] & 0x7F == 8);
            prop_assert!(packet[12..].iter().all(|code| *code == 0xD5), "heard: {:?}", &packet[12..]);
        }
        // The thread is alive, and a call that is talked on carries talk.
        let until = Instant::now() + DEADLINE;
        let passes = |world: &mut World| {
            world.agent.got.clear();
            talk([&mut world.customer, &mut world.agent], [&noise(300, 8_000), &[]]);
            world.agent.heard().iter().any(|sample| sample.unsigned_abs() > 500)
        };
        while !passes(&mut world) {
            prop_assert!(Instant::now() < until, "no talk any more");
        }
    }
}
