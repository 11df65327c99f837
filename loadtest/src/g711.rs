//! ITU-T G.711 both ways, by tables that are built once from the coding law.

use std::sync::LazyLock;

/// The coding law of an audio stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Law {
    /// A-law, RTP payload type 8 (RFC 3551).
    A,
    /// µ-law, RTP payload type 0 (RFC 3551).
    Mu,
}

struct Table {
    linear: [i16; 256],
    code: Vec<u8>,
}

static A_LAW: LazyLock<Table> = LazyLock::new(|| Table::new(a_law_to_linear));
static MU_LAW: LazyLock<Table> = LazyLock::new(|| Table::new(mu_law_to_linear));

impl Law {
    /// The static RTP payload type.
    pub fn payload_type(self) -> u8 {
        match self {
            Law::A => 8,
            Law::Mu => 0,
        }
    }

    /// The law of a static RTP payload type; `None` for every other type.
    pub fn from_payload_type(payload_type: u8) -> Option<Self> {
        match payload_type {
            8 => Some(Law::A),
            0 => Some(Law::Mu),
            _ => None,
        }
    }

    /// The encoding name in SDP.
    pub fn name(self) -> &'static str {
        match self {
            Law::A => "PCMA",
            Law::Mu => "PCMU",
        }
    }

    /// Linear 16-bit sample to code word (nearest level).
    pub fn encode(self, sample: i16) -> u8 {
        self.table().code[(i32::from(sample) + 32_768) as usize]
    }

    /// Code word to linear 16-bit sample.
    pub fn decode(self, code: u8) -> i16 {
        self.table().linear[usize::from(code)]
    }

    /// Peak amplitude of a sine of `dbm0`: 0 dBm0 lies 3.14 dB (A-law) or 3.17 dB (µ-law) under a full-scale sine.
    pub fn amplitude(self, dbm0: f32) -> f32 {
        // Hundredths of a decibel (G.711 §4).
        let headroom = match self {
            Law::A => 314.0,
            Law::Mu => 317.0,
        };
        32_768.0 * 10f32.powf((dbm0 - headroom / 100.0) / 20.0)
    }

    fn table(self) -> &'static Table {
        match self {
            Law::A => &A_LAW,
            Law::Mu => &MU_LAW,
        }
    }
}

impl Table {
    fn new(to_linear: fn(u8) -> i16) -> Self {
        let mut linear = [0i16; 256];
        // µ-law has two codes for zero: the higher one is positive zero, so it is visited last and kept.
        let mut levels: Vec<(i16, u8)> = Vec::with_capacity(256);
        for code in 0..=255u8 {
            linear[usize::from(code)] = to_linear(code);
            levels.push((to_linear(code), code));
        }
        levels.sort_unstable();
        levels.dedup_by(|next, kept| {
            let same = next.0 == kept.0;
            if same {
                kept.1 = next.1;
            }
            same
        });
        let mut code = Vec::with_capacity(65_536);
        let mut nearest = 0;
        for sample in -32_768i32..=32_767 {
            while nearest + 1 < levels.len()
                && (i32::from(levels[nearest + 1].0) - sample).abs()
                    <= (sample - i32::from(levels[nearest].0)).abs()
            {
                nearest += 1;
            }
            code.push(levels[nearest].1);
        }
        Self { linear, code }
    }
}

/// G.711 table 1a: even bits inverted, sign bit 1 is positive.
fn a_law_to_linear(code: u8) -> i16 {
    let code = code ^ 0x55;
    let mantissa = i16::from(code & 0x0f) << 4;
    let magnitude = match (code & 0x70) >> 4 {
        0 => mantissa + 8,
        segment => (mantissa + 0x108) << (segment - 1),
    };
    if code & 0x80 != 0 { magnitude } else { -magnitude }
}

/// G.711 table 2a: all bits inverted, bias 33 (132 in 16 bits).
fn mu_law_to_linear(code: u8) -> i16 {
    let code = !code;
    let mantissa = (i16::from(code & 0x0f) << 3) + 0x84;
    let magnitude = (mantissa << ((code & 0x70) >> 4)) - 0x84;
    if code & 0x80 != 0 { -magnitude } else { magnitude }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_word_survives_the_round_trip() {
        for code in 0..=255u8 {
            assert_eq!(Law::A.encode(Law::A.decode(code)), code, "A-law {code:#04x}");
            // 0x7f is negative zero: it comes back as positive zero.
            let expected = if code == 0x7f { 0xff } else { code };
            assert_eq!(Law::Mu.encode(Law::Mu.decode(code)), expected, "µ-law {code:#04x}");
        }
    }

    #[test]
    fn known_points_of_the_recommendation() {
        assert_eq!((Law::A.decode(0xd5), Law::A.decode(0x55)), (8, -8));
        assert_eq!((Law::A.decode(0xaa), Law::A.decode(0x2a)), (32_256, -32_256));
        assert_eq!((Law::Mu.decode(0xff), Law::Mu.decode(0x80)), (0, 32_124));
        assert_eq!(Law::Mu.encode(i16::MIN), 0x00);
        assert_eq!(Law::A.encode(i16::MAX), 0xaa);
    }

    #[test]
    fn quantisation_stays_within_half_a_step() {
        for law in [Law::A, Law::Mu] {
            for sample in (-32_000i32..32_000).step_by(7) {
                let back = i32::from(law.decode(law.encode(sample as i16)));
                let allowed = 16 + sample.abs() / 32;
                assert!((back - sample).abs() <= allowed, "{law:?} {sample} -> {back}");
            }
        }
    }
}
