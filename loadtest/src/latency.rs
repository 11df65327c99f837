//! From a key at the customer's socket to the frame that an agent's screen reads.

use std::time::Instant;

use crate::api::Count;
use crate::g711::Law;
use crate::rtp::Packet;
use crate::voice::{Carrier, FRAME_SAMPLES, Keyed};

/// Milliseconds from the beginning of each press (its first packet's sending; for INFO alone, the sending of INFO) to
/// the frame that first counted it, in order of the presses.
///
/// Presses and counts are matched by order, which holds only if each press was counted once: otherwise nothing is said.
pub fn key_to_event_ms(sent: &[Packet], keyed: &[Keyed], counts: &[Count]) -> Vec<f64> {
    let (Some((_, base)), Some((_, last))) = (counts.first(), counts.last()) else { return Vec::new() };
    if (last.wrapping_sub(*base)) as usize != keyed.len() {
        return Vec::new();
    }
    let measured = keyed.iter().enumerate().map(|(order, press)| {
        let counted = counts.iter().find(|(_, keys)| keys.wrapping_sub(*base) as usize > order)?;
        let begun = begun_at(sent, press)?;
        Some(counted.0.saturating_duration_since(begun).as_secs_f64() * 1_000.0)
    });
    measured.collect::<Option<Vec<f64>>>().unwrap_or_default()
}

/// When each press began, as above, in order; `None` for one whose packet is not on record.
pub fn onsets(sent: &[Packet], keyed: &[Keyed]) -> Vec<Option<Instant>> {
    keyed.iter().map(|press| begun_at(sent, press)).collect()
}

/// When the packet that holds a press's first sample, or reports its beginning, was sent.
fn begun_at(sent: &[Packet], press: &Keyed) -> Option<Instant> {
    let is_sound = |packet: &Packet| Law::from_payload_type(packet.payload_type).is_some();
    let holds = |packet: &Packet| press.start_ts.wrapping_sub(packet.ts) < FRAME_SAMPLES;
    let first = match press.carrier {
        None => return press.noted_at,
        Some(Carrier::Tone) => sent.iter().find(|packet| is_sound(packet) && holds(packet)),
        Some(Carrier::Event) => sent.iter().find(|packet| !is_sound(packet) && packet.ts == press.start_ts),
        Some(Carrier::Both) => sent.iter().find(|packet| holds(packet)),
    };
    first.map(|packet| packet.at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::voice::{Format, Press, Talk, Voice};
    use std::time::Duration;

    /// Two presses as `carrier`, sent at 20 ms a frame from `start` on.
    fn play(carrier: Carrier, start: Instant) -> (Vec<Packet>, Vec<Keyed>) {
        let mut voice = Voice::new(4, Format { law: Law::A, event_payload_type: Some(101) }, Talk::Speech);
        let mut sent: Vec<Packet> = Vec::new();
        for frame in 0..60u32 {
            if frame == 10 || frame == 30 {
                voice.press('5', carrier, &Press::default()).expect("queued");
            }
            let at = start + Duration::from_millis(20) * frame;
            sent.extend(voice.frame().into_iter().map(|packet| Packet { at, ..packet }));
        }
        (sent, voice.keyed().to_vec())
    }

    #[test]
    fn from_the_first_packet_to_the_first_count() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        for carrier in [Carrier::Tone, Carrier::Event, Carrier::Both] {
            let (sent, keyed) = play(carrier, start);
            let counts = [(at(0), 7), (at(270), 8), (at(700), 9)];
            let measured = key_to_event_ms(&sent, &keyed, &counts);
            // A tone may begin in the frame after the one in which it was asked for.
            let expected = [70.0, 100.0];
            for (measured, expected) in measured.iter().zip(expected) {
                let early = expected - measured;
                assert!((-0.01..20.01).contains(&early), "{carrier:?}: {measured} for {expected}");
            }
            assert_eq!(measured.len(), 2, "{carrier:?}");
            let both_at_once = key_to_event_ms(&sent, &keyed, &[(at(0), 0), (at(900), 2)]);
            assert!(both_at_once[0] > both_at_once[1] + 300.0, "{both_at_once:?}");
        }
    }

    #[test]
    fn a_press_that_was_missed_or_doubled_spoils_the_order() {
        let start = Instant::now();
        let (sent, keyed) = play(Carrier::Tone, start);
        assert!(key_to_event_ms(&sent, &keyed, &[(start, 0), (start, 1)]).is_empty());
        assert!(key_to_event_ms(&sent, &keyed, &[(start, 0), (start, 3)]).is_empty());
        assert!(key_to_event_ms(&sent, &keyed, &[]).is_empty());
        assert!(key_to_event_ms(&[], &keyed, &[(start, 0), (start, 2)]).is_empty());
    }

    #[test]
    fn info_alone_is_measured_from_its_sending() {
        let start = Instant::now();
        let noted_at = Some(start);
        let press = Keyed { key: '1', carrier: None, start_ts: 0, end_ts: 0, noted_at };
        let counts = [(start, 0), (start + Duration::from_millis(9), 1)];
        assert_eq!(key_to_event_ms(&[], &[press], &counts), [9.0]);
    }
}
