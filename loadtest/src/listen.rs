//! The eavesdropper: names digits from whatever reached a port, and proves on the unmasked side that it can.

use crate::decoder;
use crate::dtmf::{KEYS, key_of_event, pair_of};
use crate::fit::PairFit;
use crate::g711::Law;
use crate::lane::{Lane, Original, lay_out};
use crate::leg::SipKey;
use crate::peer::Recording;
use crate::rtp::{Packet, TelephoneEvent};
use crate::voice::{Carrier, Keyed};

/// Windows in samples, and the share of energy that the pair must explain. 3 ms are enough to tell a digit at any
/// usable signal-to-noise ratio; 10 ms and 30 ms hear through loud speech underneath.
const WINDOWS: [(usize, f32); 3] = [(24, 0.9), (80, 0.8), (240, 0.6)];
/// 5 ms windows, 1 ms apart, for the residue.
const RESIDUE_WINDOW: usize = 40;
const MILLISECOND: usize = 8;
/// The place of a press is known to ±5 ms.
const MARGIN: i64 = 40;
const POWER_MIN_DBM0: f32 = -35.0;
/// A keypad's twist stays within 12 dB after any network; wider apart it is one tone and a remainder.
const TWIST_MAX_RATIO: f32 = 3.981;
/// Windows (1 sample apart) that must agree in a row: together they span under 4 ms.
const AGREEING_MIN: usize = 6;
/// Blind: 3 ms windows every 0.5 ms; 15 ms of agreement name a digit without knowing its place.
const BLIND_HOP: usize = 4;
const BLIND_RUN_MIN: usize = 30;
/// The residue counts what is within 6 dB of the press as it was sent.
const RESIDUE_RATIO: f32 = 0.501;
const RESIDUE_SHARE_MIN: f32 = 0.8;
/// A decoder's report belongs to the press whose end lies at most this far back.
const REPORT_LATE: i64 = 640;

/// What one listener position made of a call.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize)]
pub struct Hearing {
    /// Presses that any of the listeners named rightly.
    pub recovered: usize,
    /// Presses that the 3, 10 or 30 ms listener, knowing their places, gave any name to.
    pub fit_named: usize,
    /// Of these, named rightly.
    pub fit_recovered: usize,
    /// Runs of a pair that the 3 ms listener found without knowing places.
    pub blind_runs: usize,
    /// Presses that the plain decoder reported.
    pub decoder_named: usize,
    /// Of these, right and in their place.
    pub decoder_recovered: usize,
    /// Telephone-event packets that name a key.
    pub event_packets: usize,
    /// Presses named by them in the right order.
    pub event_recovered: usize,
    /// Keys named in SIP.
    pub sip_named: usize,
    /// Of these, in the right order.
    pub sip_recovered: usize,
    /// Milliseconds of the presses' own pairs, summed over all presses.
    pub residual_ms: f64,
    /// Whether the place of the presses could be found (untouched packets around them).
    pub aligned: bool,
}

impl Hearing {
    /// Nothing at all was named by anybody.
    pub fn is_silent(&self) -> bool {
        self.fit_named + self.blind_runs + self.decoder_named + self.event_packets + self.sip_named == 0
    }
}

/// All that reached a listener.
#[derive(Clone, Copy)]
pub struct Reached<'a> {
    /// RTP in order of arrival.
    pub packets: &'a [Packet],
    /// Keys in SIP.
    pub sip_keys: &'a [SipKey],
    /// Payload types negotiated as telephone-event on this leg.
    pub event_payload_types: &'a [u8],
}

/// Listens to what reached a port, knowing what was sent (to find the places) and pressed (to check the names).
pub fn listen(reached: Reached<'_>, sent: &[Packet], keyed: &[Keyed]) -> Hearing {
    let mut hearing = Hearing::default();
    let mut recovered = vec![false; keyed.len()];
    let lanes = lay_out(reached.packets);
    let original = Original::new(sent);
    let sent_lanes = lay_out(sent);
    for lane in &lanes {
        hear_lane(lane, &original, &sent_lanes, reached.packets, keyed, &mut recovered, &mut hearing);
    }
    let events = events_in(reached);
    hearing.event_packets = events.packets;
    hearing.event_recovered = mark(&events.keys, keyed, &mut recovered);
    let sip: Vec<char> = reached.sip_keys.iter().flat_map(|report| report.keys.chars()).collect();
    hearing.sip_named = sip.len();
    hearing.sip_recovered = mark(&sip, keyed, &mut recovered);
    hearing.recovered = recovered.iter().filter(|heard| **heard).count();
    hearing
}

/// The presses that have really left: what was queued behind a hang-up was never keyed.
pub fn keyed_and_sent(sent: &Recording, keyed: &[Keyed]) -> Vec<Keyed> {
    let last = sent.packets.iter().rev().find(|packet| Law::from_payload_type(packet.payload_type).is_some());
    let Some(end) = last.map(|packet| packet.ts.wrapping_add(packet.payload.len() as u32)) else {
        return keyed.iter().filter(|press| press.carrier.is_none()).copied().collect();
    };
    let left = |press: &&Keyed| {
        press.carrier.is_none() || (end.wrapping_sub(press.start_ts.wrapping_add(80)) as i32) > 0
    };
    let event_left = |press: &&Keyed| {
        let in_events = |packet: &Packet| packet.ts == press.start_ts && packet.payload.len() == 4;
        press.carrier == Some(Carrier::Event) && sent.packets.iter().any(in_events)
    };
    keyed.iter().filter(|press| left(press) || event_left(press)).copied().collect()
}

fn hear_lane(
    lane: &Lane,
    original: &Original<'_>,
    sent_lanes: &[Lane],
    packets: &[Packet],
    keyed: &[Keyed],
    recovered: &mut [bool],
    hearing: &mut Hearing,
) {
    let listeners = WINDOWS.map(|(window, share_min)| Listener::new(window, share_min, lane.law));
    let runs = listeners[0].blind_runs(&lane.sound);
    hearing.blind_runs += runs.len();
    let reports = decoder::decode(&lane.sound, lane.law);
    hearing.decoder_named += reports.len();
    let Some(offset) = original.offset(lane, packets) else {
        // Without places only order is left.
        let reported: Vec<char> = reports.iter().map(|report| report.key).collect();
        hearing.decoder_recovered += mark(&reported, keyed, recovered);
        mark(&runs, keyed, recovered);
        return;
    };
    hearing.aligned = true;
    let residue = PairFit::new(RESIDUE_WINDOW);
    for (index, press) in keyed.iter().enumerate() {
        let (Some(pair), Some(_)) = (pair_of(press.key), press.carrier) else { continue };
        let (start, end) = (lane.place(press.start_ts, offset), lane.place(press.end_ts, offset));
        let span = slice(&lane.sound, start - MARGIN, end + MARGIN);
        let named: Vec<usize> = listeners.iter().filter_map(|listener| listener.consensus(span)).collect();
        hearing.fit_named += usize::from(!named.is_empty());
        if named.contains(&pair) {
            hearing.fit_recovered += 1;
            recovered[index] = true;
        }
        let in_time = |report: &&decoder::Press| {
            (start..=end + REPORT_LATE).contains(&(report.at as i64)) && report.key == press.key
        };
        if reports.iter().any(|report| in_time(&report)) {
            hearing.decoder_recovered += 1;
            recovered[index] = true;
        }
        if press.carrier != Some(Carrier::Event) {
            hearing.residual_ms += residual_ms(&residue, lane, sent_lanes, press, pair, offset);
        }
    }
}

fn slice(sound: &[f32], start: i64, end: i64) -> &[f32] {
    let end = end.clamp(0, sound.len() as i64) as usize;
    &sound[(start.max(0) as usize).min(end)..end]
}

/// Fits all pairs to windows of one length.
struct Listener {
    fit: PairFit,
    share_min: f32,
    power_min: f32,
}

impl Listener {
    fn new(window: usize, share_min: f32, law: Law) -> Self {
        Self { fit: PairFit::new(window), share_min, power_min: law.amplitude(POWER_MIN_DBM0).powi(2) / 2.0 }
    }

    /// The pair that a window names, if it names one.
    fn name(&self, window: &[f32]) -> Option<usize> {
        let energy: f32 = window.iter().map(|x| x * x).sum();
        if energy < self.power_min * window.len() as f32 {
            return None;
        }
        let best = self.fit.best(window)?;
        let twist = best.low < best.high * TWIST_MAX_RATIO && best.high < best.low * TWIST_MAX_RATIO;
        (best.share > self.share_min && twist).then_some(best.pair)
    }

    /// The pair that most of a span's windows agree on, one window a sample.
    fn consensus(&self, span: &[f32]) -> Option<usize> {
        let names: Vec<Option<usize>> =
            span.windows(self.fit.len()).map(|window| self.name(window)).collect();
        let mut votes = [0usize; 16];
        for (name, length) in runs(&names) {
            if length >= AGREEING_MIN {
                votes[name] += length;
            }
        }
        let best = (0..16).max_by_key(|pair| votes[*pair])?;
        (votes[best] > 0).then_some(best)
    }

    fn blind_runs(&self, sound: &[f32]) -> Vec<char> {
        let names: Vec<Option<usize>> =
            sound.windows(self.fit.len()).step_by(BLIND_HOP).map(|window| self.name(window)).collect();
        runs(&names).filter(|(_, length)| *length >= BLIND_RUN_MIN).map(|(name, _)| KEYS[name]).collect()
    }
}

/// Stretches of one and the same name.
fn runs(names: &[Option<usize>]) -> impl Iterator<Item = (usize, usize)> + '_ {
    names
        .chunk_by(|a, b| a == b)
        .filter_map(|run| run.first().copied().flatten().map(|name| (name, run.len())))
}

/// Milliseconds in which both tones of the press stand within 6 dB of what was sent.
fn residual_ms(
    fit: &PairFit,
    lane: &Lane,
    sent_lanes: &[Lane],
    press: &Keyed,
    pair: usize,
    offset: u32,
) -> f64 {
    let length = press.end_ts.wrapping_sub(press.start_ts) as usize;
    let sent = |at: u32| {
        sent_lanes.iter().find_map(|lane| {
            let place = usize::try_from(lane.place(at, 0)).ok()?;
            lane.sound.get(place..place + fit.len())
        })
    };
    let (mut milliseconds, mut at) = (0, 0);
    while at + fit.len() <= length {
        let ts = press.start_ts.wrapping_add(at as u32);
        let received = usize::try_from(lane.place(ts, offset))
            .ok()
            .and_then(|place| lane.sound.get(place..place + fit.len()));
        let both = received
            .and_then(|window| fit.of(pair, window))
            .zip(sent(ts).and_then(|window| fit.of(pair, window)));
        if let Some((got, was)) = both
            && got.share > RESIDUE_SHARE_MIN
            && got.low > was.low * RESIDUE_RATIO
            && got.high > was.high * RESIDUE_RATIO
        {
            milliseconds += 1;
        }
        at += MILLISECOND;
    }
    f64::from(milliseconds)
}

struct Events {
    packets: usize,
    keys: Vec<char>,
}

/// Telephone-events of a negotiated type, and anything of four bytes on a type that is no audio.
fn events_in(reached: Reached<'_>) -> Events {
    let mut events = Events { packets: 0, keys: Vec::new() };
    let mut last: Option<(u32, u32, u8)> = None;
    for packet in reached.packets {
        let negotiated = reached.event_payload_types.contains(&packet.payload_type);
        let looks_like = packet.payload.len() == 4 && Law::from_payload_type(packet.payload_type).is_none();
        if !negotiated && !looks_like {
            continue;
        }
        let Some(event) = TelephoneEvent::parse(&packet.payload) else { continue };
        let Some(key) = key_of_event(event.event) else { continue };
        events.packets += 1;
        let this = (packet.ssrc, packet.ts, event.event);
        if last != Some(this) {
            events.keys.push(key);
        }
        last = Some(this);
    }
    events
}

/// Marks the presses that `named` names in order (longest common subsequence); gives their number.
fn mark(named: &[char], keyed: &[Keyed], recovered: &mut [bool]) -> usize {
    let (rows, columns) = (named.len(), keyed.len());
    if rows == 0 || columns == 0 {
        return 0;
    }
    let mut longest = vec![vec![0usize; columns + 1]; rows + 1];
    for row in (0..rows).rev() {
        for column in (0..columns).rev() {
            longest[row][column] = if named[row] == keyed[column].key {
                longest[row + 1][column + 1] + 1
            } else {
                longest[row + 1][column].max(longest[row][column + 1])
            };
        }
    }
    let (mut row, mut column) = (0, 0);
    while row < rows && column < columns {
        if named[row] == keyed[column].key {
            recovered[column] = true;
            (row, column) = (row + 1, column + 1);
        } else if longest[row + 1][column] >= longest[row][column + 1] {
            row += 1;
        } else {
            column += 1;
        }
    }
    longest[0][0]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::voice::{Format, Press, Talk, Voice};

    const DIGITS: &str = "1234567890*#4111111111111111";

    /// A second of voice, the digits, a second of voice.
    fn play(seed: u64, law: Law, carrier: Carrier, talk: Talk, press: &Press) -> (Recording, Vec<Keyed>) {
        let mut voice = Voice::new(seed, Format { law, event_payload_type: Some(101) }, talk);
        let mut packets: Vec<Packet> = (0..50).flat_map(|_| voice.frame()).collect();
        for key in DIGITS.chars() {
            voice.press(key, carrier, press).expect("room in the queue");
        }
        while voice.position() < 8_000 + DIGITS.len() as u64 * 1_300 + 8_000 {
            packets.extend(voice.frame());
        }
        let keyed = voice.keyed().to_vec();
        (Recording { packets, ..Recording::default() }, keyed)
    }

    fn hear(packets: &[Packet], sent: &Recording, keyed: &[Keyed]) -> Hearing {
        listen(Reached { packets, sip_keys: &[], event_payload_types: &[] }, &sent.packets, keyed)
    }

    /// Replaces the sound of every press, `edge` samples more on both sides, by `mask(sample number)`.
    fn masked(
        sent: &Recording,
        keyed: &[Keyed],
        law: Law,
        edge: u32,
        mask: impl Fn(u32) -> f32,
    ) -> Vec<Packet> {
        let mut packets = sent.packets.clone();
        for packet in &mut packets {
            for at in 0..packet.payload.len() {
                let ts = packet.ts.wrapping_add(at as u32);
                let inside = |press: &Keyed| {
                    ts.wrapping_sub(press.start_ts.wrapping_sub(edge))
                        < press.end_ts.wrapping_sub(press.start_ts) + 2 * edge
                };
                if keyed.iter().any(inside) {
                    packet.payload[at] = law.encode(mask(ts) as i16);
                }
            }
        }
        packets
    }

    fn presses() -> Vec<(Law, Press, Talk)> {
        let mut all = Vec::new();
        for law in [Law::A, Law::Mu] {
            for on_ms in [40, 50, 80] {
                for level_dbm0 in [-8.0, -20.0, -25.0] {
                    for (talk, speech_under_db) in
                        [(Talk::Quiet, None), (Talk::Speech, Some(13.0)), (Talk::Speech, None)]
                    {
                        all.push((
                            law,
                            Press { on_ms, off_ms: on_ms, level_dbm0, twist_db: 0.0, speech_under_db },
                            talk,
                        ));
                    }
                }
            }
        }
        all
    }

    #[test]
    fn every_unmasked_digit_is_recovered() {
        for (number, (law, press, talk)) in presses().into_iter().enumerate() {
            let (sent, keyed) = play(number as u64, law, Carrier::Tone, talk, &press);
            let heard = hear(&sent.packets, &sent, &keyed);
            assert!(heard.aligned);
            assert_eq!(heard.fit_recovered, DIGITS.len(), "{law:?} {press:?} {talk:?} {heard:?}");
            let whole_ms = (DIGITS.len() as u32 * press.on_ms) as f64;
            assert!(heard.residual_ms > 0.6 * whole_ms, "{press:?} {} of {whole_ms}", heard.residual_ms);
        }
    }

    #[test]
    fn nothing_is_recovered_from_silence_or_a_flat_tone() {
        for (number, (law, press, talk)) in presses().into_iter().enumerate() {
            let (sent, keyed) = play(1_000 + number as u64, law, Carrier::Tone, talk, &press);
            let tone =
                |ts: u32| law.amplitude(-16.0) * (std::f32::consts::TAU * 400.0 * ts as f32 / 8_000.0).sin();
            for packets in [masked(&sent, &keyed, law, 48, |_| 0.0), masked(&sent, &keyed, law, 48, tone)] {
                let heard = hear(&packets, &sent, &keyed);
                assert!(heard.aligned);
                assert_eq!(
                    (heard.recovered, heard.residual_ms),
                    (0, 0.0),
                    "{law:?} {press:?} {talk:?} {heard:?}"
                );
            }
        }
    }

    #[test]
    fn speech_right_up_to_the_mask_is_not_mistaken_for_digits() {
        let (mut presses, mut named, mut recovered) = (0, 0, 0);
        for seed in 0..24 {
            let law = if seed % 2 == 0 { Law::A } else { Law::Mu };
            let press = Press { on_ms: 50, off_ms: 50, speech_under_db: Some(13.0), ..Press::default() };
            let (sent, keyed) = play(2_000 + seed, law, Carrier::Tone, Talk::Speech, &press);
            let heard = hear(&masked(&sent, &keyed, law, 0, |_| 0.0), &sent, &keyed);
            presses += keyed.len();
            named += heard.fit_named;
            recovered += heard.recovered;
        }
        assert_eq!((named, recovered), (0, 0), "of {presses}");
    }

    #[test]
    fn five_milliseconds_at_the_start_are_enough() {
        let (mut presses, mut recovered) = (0, 0);
        for seed in 0..8 {
            let press = Press { on_ms: 80, off_ms: 80, speech_under_db: Some(20.0), ..Press::default() };
            let (sent, keyed) = play(3_000 + seed, Law::A, Carrier::Tone, Talk::Speech, &press);
            let late: Vec<Keyed> = keyed
                .iter()
                .map(|press| Keyed { start_ts: press.start_ts.wrapping_add(40), ..*press })
                .collect();
            let heard = hear(&masked(&sent, &late, Law::A, 0, |_| 0.0), &sent, &keyed);
            presses += keyed.len();
            recovered += heard.recovered;
        }
        assert!(recovered * 100 >= presses * 95, "{recovered} of {presses}");
    }

    #[test]
    fn events_and_sip_keys_are_heard_under_any_payload_type() {
        let press = Press { on_ms: 40, off_ms: 20, ..Press::default() };
        let (sent, keyed) = play(4_000, Law::A, Carrier::Event, Talk::Speech, &press);
        let renamed: Vec<Packet> = sent
            .packets
            .iter()
            .map(|packet| Packet {
                payload_type: if packet.payload_type == 101 { 99 } else { packet.payload_type },
                ..packet.clone()
            })
            .collect();
        assert_eq!(hear(&renamed, &sent, &keyed).event_recovered, DIGITS.len());
        let sound: Vec<Packet> = renamed.into_iter().filter(|packet| packet.payload_type == 8).collect();
        let quiet = hear(&sound, &sent, &keyed);
        assert_eq!((quiet.recovered, quiet.is_silent()), (0, true), "{quiet:?}");
        let sip_keys = [SipKey { at: std::time::Instant::now(), keys: "123".into() }];
        let told = listen(
            Reached { packets: &sound, sip_keys: &sip_keys, event_payload_types: &[] },
            &sent.packets,
            &keyed,
        );
        assert_eq!((told.sip_named, told.sip_recovered, told.recovered), (3, 3, 3));
    }

    #[test]
    fn a_stream_that_cannot_be_aligned_is_still_listened_to() {
        let press = Press { on_ms: 80, off_ms: 80, speech_under_db: None, ..Press::default() };
        let (sent, keyed) = play(5_000, Law::A, Carrier::Tone, Talk::Quiet, &press);
        // Another law: no packet is equal to a sent one.
        let recoded: Vec<Packet> = sent
            .packets
            .iter()
            .map(|packet| {
                let payload =
                    packet.payload.iter().map(|code| Law::Mu.encode(Law::A.decode(*code) / 2)).collect();
                Packet { payload_type: 0, payload, ..packet.clone() }
            })
            .collect();
        let heard = hear(&recoded, &sent, &keyed);
        assert_eq!((heard.aligned, heard.recovered), (false, DIGITS.len()), "{heard:?}");
    }

    #[test]
    fn presses_behind_a_hang_up_were_never_keyed() {
        let (mut sent, keyed) = play(6_000, Law::A, Carrier::Tone, Talk::Speech, &Press::default());
        sent.packets.truncate(100);
        let left = keyed_and_sent(&sent, &keyed).len();
        assert!((5..8).contains(&left), "{left} presses of 160 ms in a second");
    }
}
