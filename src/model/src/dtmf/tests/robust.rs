//! Whatever comes: no panic, no growth, no tone.

use super::sound::{Rng, Train};
use super::wire::{Sent, config, encode, packet, packets};
use crate::dtmf::rtp::Header;
use crate::dtmf::{Law, Pipeline, fuzz};
use crate::tenant::MaskStyle;
use proptest::prelude::*;
use std::sync::LazyLock;

#[test]
fn a_leg_fits_into_four_kibibytes() {
    assert!(size_of::<Pipeline>() <= 4_096, "{}", size_of::<Pipeline>());
}

/// A file of the folder by the name of its module.
macro_rules! sources {
    ($($module:literal)*) => { [$(($module, include_str!(concat!("../", $module, ".rs")))),*] };
}

/// A leg has no heap: what makes it is arrays, numbers and tables that all legs share.
#[test]
fn a_leg_allocates_nothing() {
    let sources = sources! {
        "config" "detector" "ear" "event" "filters" "fit" "front" "g711" "health" "hold" "mask" "order"
        "pipeline" "presses" "rtp" "shares" "stats" "steady" "suspicion" "tones" "verdict"
    };
    // What no packet of a call runs through.
    const OUTSIDE: [(&str, &str); 3] = [
        ("doors", "takes a whole recording and gives one back"),
        ("fuzz", "makes packets of a script"),
        ("tests", "judge from outside"),
    ];
    let declared = include_str!("../mod.rs")
        .lines()
        .filter_map(|line| line.strip_prefix("pub ").unwrap_or(line).strip_prefix("mod ")?.strip_suffix(';'));
    let mut declared: Vec<&str> = declared.collect();
    let mut known: Vec<&str> =
        sources.iter().map(|source| source.0).chain(OUTSIDE.map(|outside| outside.0)).collect();
    declared.sort_unstable();
    known.sort_unstable();
    assert_eq!(declared, known, "a module is neither looked at nor excepted");
    for (module, source) in sources {
        let product = source.split("#[cfg(test)]\nmod tests").next().expect("a first part");
        for word in ["Vec", "String", "Box<dyn", "Rc<", "Arc<", "VecDeque", "HashMap", ".to_vec()", "format!"]
        {
            assert!(!product.contains(word), "{word} in {module}");
        }
    }
}

/// The bodies that the fuzz targets run, on scripts from a seed.
#[test]
fn no_script_breaks_a_promise() {
    for seed in 0..600 {
        let mut rng = Rng::new(seed, "scripts");
        let len = rng.below(2_000);
        let script: Vec<u8> = (0..len).map(|_| rng.next() as u8).collect();
        let broken = std::panic::catch_unwind(|| {
            fuzz::rtp(&script);
            fuzz::telephone_event(&script);
            fuzz::sdp(&script);
        });
        assert!(broken.is_ok(), "seed {seed}");
    }
}

/// SDP that is nearly right, some of its bytes changed, dropped or doubled.
#[test]
fn no_change_of_an_sdp_breaks_a_promise() {
    const OFFER: &str = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n\
        m=video 5000 RTP/AVP 99\r\nm=audio 4000 RTP/AVP 9 8 0 13 118 101 96\r\na=rtpmap:118 CN/8000\r\n\
        a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\na=sendrecv\r\n";
    fuzz::sdp(OFFER.as_bytes());
    for seed in 0..3_000 {
        let mut rng = Rng::new(seed, "sdp");
        let mut bytes = OFFER.as_bytes().to_vec();
        for _ in 0..=rng.below(4) {
            let at = rng.below(bytes.len());
            match rng.below(4) {
                0 => bytes[at] = rng.next() as u8,
                1 => bytes[at] = b" 0123456789/:=\r\n-"[rng.below(17)],
                2 => drop(bytes.drain(at..(at + rng.below(20)).min(bytes.len()))),
                _ => bytes
                    .extend_from_within(at..(at + rng.below(60)).min(OFFER.len()).max(at).min(bytes.len())),
            }
        }
        assert!(std::panic::catch_unwind(|| fuzz::sdp(&bytes)).is_ok(), "seed {seed}");
    }
}

/// A key held for a second, in packets.
static HELD: LazyLock<Vec<Sent>> = LazyLock::new(|| {
    let sound = Train::new(1, 1_000.0, 0.0, -10.0).make(&mut Rng::new(5, "held"));
    let digit = sound.truth[0];
    packets(Law::A, &encode(Law::A, &sound.samples[digit.start + 4..digit.end - 4]), 20)
});

#[derive(Clone, Debug)]
enum Step {
    Bytes(Vec<u8>),
    /// A packet of the held key.
    Tone(usize),
    /// A telephone-event, well formed or not.
    Event(u16, u32, Vec<u8>),
    Wait(u32),
    Secure(bool),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        1 => proptest::collection::vec(any::<u8>(), 0..700).prop_map(Step::Bytes),
        1 => (proptest::collection::vec(any::<u8>(), 0..700), 0..130u8).prop_map(|(mut bytes, kind)| {
            if let [first, second, ..] = &mut bytes[..] {
                (*first, *second) = (0x80 | (*first & 0x3F), kind);
            }
            Step::Bytes(bytes)
        }),
        8 => (0..50usize).prop_map(Step::Tone),
        1 => (any::<u16>(), any::<u32>(), proptest::collection::vec(any::<u8>(), 0..20))
            .prop_map(|(sequence, timestamp, payload)| Step::Event(sequence, timestamp, payload)),
        2 => (0..60_000u32).prop_map(Step::Wait),
        1 => any::<bool>().prop_map(Step::Secure),
    ]
}

/// Runs steps; returns whether a packet of the key came out while the line was secured.
fn run(steps: &[Step], always_secured: bool) -> Result<bool, TestCaseError> {
    let mut pipeline = Pipeline::new(config(Law::A, MaskStyle::Silence, 20));
    pipeline.set_secured(true);
    let (mut now_us, mut given, mut left, mut leaked) = (0, 0, 0, false);
    for step in steps {
        let mut out = |bytes: &[u8]| {
            left += 1;
            let Some((header, payload)) = Header::read(bytes) else { return };
            let is_tone = |sent: &&Sent| {
                let own = Header::read(&sent.bytes).expect("RTP").0;
                own.timestamp == header.timestamp && sent.bytes[12..] == bytes[payload.clone()]
            };
            leaked |= HELD.iter().any(|sent| is_tone(&sent));
        };
        let datagram = match step {
            Step::Bytes(bytes) => bytes.clone(),
            Step::Tone(index) => HELD[*index % HELD.len()].bytes.clone(),
            Step::Event(sequence, timestamp, payload) => packet(101, *sequence, *timestamp, false, payload),
            Step::Wait(us) => {
                now_us += u64::from(*us);
                pipeline.timer(now_us, &mut out);
                continue;
            }
            Step::Secure(on) => {
                pipeline.set_secured(*on || always_secured);
                continue;
            }
        };
        given += 1;
        pipeline.packet(now_us, &datagram, &mut out, &mut |_| ());
    }
    pipeline.timer(u64::MAX, &mut |_| left += 1);
    prop_assert_eq!(pipeline.next_timeout_us(), None);
    prop_assert!(left <= given, "{} in, {} out", given, left);
    prop_assert_eq!((pipeline.stats().packets_in, pipeline.stats().packets_out), (given, left));
    Ok(leaked)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_input_never_panics_or_multiplies(steps in proptest::collection::vec(step(), 0..80)) {
        run(&steps, false)?;
    }

    #[test]
    fn a_key_in_any_order_never_leaves_a_secured_line(steps in proptest::collection::vec(step(), 0..80)) {
        prop_assert!(!run(&steps, true)?);
    }

    /// Mostly in order, with loss, repetition and swaps: where a detector is most easily fooled.
    #[test]
    fn a_key_on_a_bad_network_never_leaves_a_secured_line(
        changes in proptest::collection::vec((0..50usize, 0..50usize, 0..3u8), 0..12),
        waits in proptest::collection::vec(0..40_000u32, 50),
    ) {
        let mut order: Vec<usize> = (0..50).collect();
        for (a, b, kind) in changes {
            let (a, b) = (a % order.len(), b % order.len());
            match kind {
                0 => order.swap(a, b),
                1 => { order.remove(a); }
                _ => order.insert(a, order[b]),
            }
        }
        let steps: Vec<Step> =
            order.into_iter().zip(waits).flat_map(|(index, us)| [Step::Tone(index), Step::Wait(us)]).collect();
        prop_assert!(!run(&steps, true)?);
    }
}
