//! The product's own ears and mask on recorded sound, for others to judge them by.

use super::config::{EventPts, PipelineConfig};
use super::detector::Tone;
use super::g711::Law;
use super::hold::PACKET_SAMPLES_MAX;
use super::pipeline::Pipeline;
use super::presses::Presses;
use super::rtp::{HEADER_LEN, Header};
use super::tones::Tones;
use crate::tenant::MaskStyle;
use tonewall_secret::Key;

/// Finds the keys in 8 kHz PCM: `found` gets the number of samples that had been given when a
/// key was reported, and the key.
pub fn scan(pcm: &[i16], found: &mut dyn FnMut(usize, Key)) {
    let mut tones = Tones::new();
    let mut presses = Presses::default();
    let mut given = 0;
    while given < pcm.len() {
        let (taken, heard) = tones.take(f32::from, &pcm[given..]);
        given += taken;
        // The clock of RTP: 32 bits that wrap.
        let (at, now_us) = (given as u32, given as u64 * 125);
        match heard {
            Some((_, Tone::Began { code, ago })) => {
                tones.alert();
                let key = Key::from_event(code);
                let press = key.and_then(|key| presses.in_band(now_us, key, at.wrapping_sub(ago), at));
                if let Some(press) = press {
                    found(given, press.key);
                }
            }
            Some((_, Tone::Goes)) => presses.in_band_until(now_us, at),
            Some((_, Tone::Nothing)) | None => presses.expire(now_us),
        }
    }
}

/// Passes a G.711 stream packet by packet through a secured line, as a call would: every packet
/// arrives on time. Output and input are of equal length; what does not fill a packet at the end
/// is masked like the rest, as if its mirror image followed. The packets that begin in the first 30 ms are
/// mute: a detector that has heard less vouches for nothing. So is the last packet, or as many shorter than
/// 20 ms as make the last 30 ms, for not enough follows them. With [`MaskStyle::Closed`] a field is open all
/// the time.
///
/// `ptime_ms` is 5 to 60; anything else is taken for the nearest of these.
pub fn mask_g711(codes: &[u8], law: Law, ptime_ms: u8, style: MaskStyle) -> Vec<u8> {
    let ptime_ms = ptime_ms.clamp(5, (PACKET_SAMPLES_MAX / 8) as u8);
    let samples = usize::from(ptime_ms) * 8;
    let payload_type = match law {
        Law::A => 8,
        Law::Mu => 0,
    };
    let mut pipeline = Pipeline::new(PipelineConfig {
        law,
        audio_pt: payload_type,
        event_pts: EventPts::default(),
        out_audio_pt: payload_type,
        out_event_pt: None,
        style,
        dial_tone_hz: None,
        ptime_ms,
    });
    pipeline.set_secured(true);
    pipeline.set_field_open(style == MaskStyle::Closed);
    let mut masked = vec![law.silence(); codes.len()];
    let mut keep = |rtp: &[u8]| {
        let Some((header, payload)) = Header::read(rtp) else { return };
        let place = masked.iter_mut().skip(header.timestamp as usize);
        for (code, own) in place.zip(&rtp[payload]) {
            *code = *own;
        }
    };
    let silence = law.silence();
    let mut datagram = [0; HEADER_LEN + PACKET_SAMPLES_MAX];
    for (index, payload) in codes.chunks(samples).enumerate() {
        let header = Header {
            marker: index == 0,
            payload_type,
            sequence: index as u16,
            timestamp: (index * samples) as u32,
            ssrc: 1,
        };
        datagram[..HEADER_LEN].copy_from_slice(&header.write());
        // The end goes on as its mirror image: silence would look as if the sound had broken off.
        let mirrored = codes.iter().rev().chain(std::iter::repeat(&silence));
        for (place, code) in datagram[HEADER_LEN..].iter_mut().zip(payload.iter().chain(mirrored)) {
            *place = *code;
        }
        let now_us = (index as u64 + 1) * u64::from(ptime_ms) * 1_000;
        pipeline.packet(now_us, &datagram[..HEADER_LEN + samples], &mut keep, &mut |_| ());
    }
    while let Some(due_us) = pipeline.next_timeout_us() {
        pipeline.timer(due_us, &mut keep);
    }
    masked
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A key to the last sample, at every length of what remains behind whole packets.
    #[test]
    fn what_fills_no_packet_is_masked_like_the_rest() {
        let wave = |hz: f32, n: usize| (std::f32::consts::TAU * hz * n as f32 / 8_000.0).sin();
        let tone = |n: usize| (7_000.0 * (wave(941.0, n) + wave(1_477.0, n))) as i16;
        for (law, ptime_ms) in [(Law::A, 10), (Law::Mu, 20), (Law::A, 60), (Law::Mu, 0), (Law::A, 255)] {
            for len in [0, 1, 7, 39, 159, 1_600, 1_601, 1_679, 1_759, 1_919, 2_000] {
                let codes: Vec<u8> = (0..len).map(|n| law.encode(tone(n))).collect();
                for style in [MaskStyle::Silence, MaskStyle::Tone, MaskStyle::Comfort, MaskStyle::Closed] {
                    let masked = mask_g711(&codes, law, ptime_ms, style);
                    assert_eq!(masked.len(), len);
                    let mut run = 0;
                    for (own, left) in codes.iter().zip(&masked) {
                        run = if own == left { run + 1 } else { 0 };
                        assert!(run < 8, "{law:?}, {ptime_ms} ms, {len} samples, {style:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn talk_passes_unchanged_but_for_the_first_and_the_last_packets() {
        let noise = |n: usize| (n.wrapping_mul(2_654_435_761) >> 12) as u8 & 0x1F | 0x40;
        let codes: Vec<u8> = (0..8_075).map(noise).collect();
        // Samples that are mute before and behind.
        for (ptime_ms, before, behind) in
            [(5, 240, 235), (10, 240, 235), (17, 272, 187), (20, 320, 75), (30, 240, 155), (60, 480, 395)]
        {
            let masked = mask_g711(&codes, Law::Mu, ptime_ms, MaskStyle::Silence);
            let (head, rest) = masked.split_at(before);
            let (talk, tail) = rest.split_at(rest.len() - behind);
            assert_eq!(talk, &codes[before..codes.len() - behind], "{ptime_ms} ms");
            assert!(head.iter().chain(tail).all(|code| *code == Law::Mu.silence()), "{ptime_ms} ms");
        }
    }
}
