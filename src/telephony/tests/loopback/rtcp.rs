//! What of RTCP crosses.

use super::phone::DEADLINE;
use super::world::World;

#[test]
fn reports_cross_without_a_word_of_the_peer_and_nothing_else_does() {
    let world = World::new(None).secured();
    let report = [&[0x80, 201, 0, 1][..], b"\0\0\0\x07"].concat();
    let told = [&[0x81, 202, 0, 4][..], b"\0\0\0\x07\x02\x08", b"41114111\0\0"].concat();
    let own = [&[0x81, 202, 0, 4][..], b"\0\0\0\x07\x01\x08tonewall\0\0"].concat();
    let defined = [&[0x80, 204, 0, 2][..], b"\0\0\0\x074111"].concat();
    for (from, to) in [(&world.customer, &world.agent), (&world.agent, &world.customer)] {
        let send = |parts: &[&[u8]]| from.rtcp.send_to(&parts.concat(), from.rtcp_to()).expect("sent");
        send(&[&report, &defined]);
        send(&[&report, &told]);
        let mut buffer = [0; 2_048];
        to.rtcp.set_read_timeout(Some(DEADLINE)).expect("a time-out");
        let len = to.rtcp.recv(&mut buffer).expect("a report in time");
        assert_eq!(
            buffer[..len],
            [&report[..], &own].concat(),
            "the first that comes is the second that was sent"
        );
    }
}
