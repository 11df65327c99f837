//! G.711 sample coding (ITU-T G.711), 8,000 samples a second, one byte a sample.

/// Companding law of a G.711 stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Law {
    /// A-law: PCMA, static payload type 8.
    A,
    /// µ-law: PCMU, static payload type 0.
    Mu,
}

/// Peak of a sine at 0 dBm0, in 16-bit units.
///
/// ITU-T G.711 puts it 3.14 dB (A-law) and 3.17 dB (µ-law) under a full-scale sine; both laws end
/// up within 0.05 dB of this.
pub const PEAK_0DBM0: f32 = 22_400.0;

impl Law {
    /// All 256 code words as 16-bit linear samples.
    pub fn table(self) -> &'static [f32; 256] {
        match self {
            Law::A => &A_TABLE,
            Law::Mu => &MU_TABLE,
        }
    }

    /// The code word nearest to zero: what silence is made of.
    pub const fn silence(self) -> u8 {
        match self {
            Law::A => 0xD5,
            Law::Mu => 0xFF,
        }
    }

    /// The code word of a 16-bit linear sample.
    pub fn encode(self, sample: i16) -> u8 {
        match self {
            Law::A => encode_a(sample),
            Law::Mu => encode_mu(sample),
        }
    }

    /// The 16-bit linear sample of a code word.
    pub const fn decode(self, code: u8) -> i16 {
        match self {
            Law::A => decode_a(code),
            Law::Mu => decode_mu(code),
        }
    }
}

static A_TABLE: [f32; 256] = build(Law::A);
static MU_TABLE: [f32; 256] = build(Law::Mu);

const fn build(law: Law) -> [f32; 256] {
    let mut table = [0.0; 256];
    let mut code = 0;
    while code < 256 {
        table[code] = law.decode(code as u8) as f32;
        code += 1;
    }
    table
}

const fn decode_a(code: u8) -> i16 {
    let code = code ^ 0x55;
    let segment = (code >> 4) & 7;
    let step = ((code & 0x0F) as i16) << 4;
    let magnitude = match segment {
        0 => step + 8,
        _ => (step + 0x108) << (segment - 1),
    };
    if code & 0x80 != 0 { magnitude } else { -magnitude }
}

const fn decode_mu(code: u8) -> i16 {
    const BIAS: i16 = 0x84;
    let code = !code;
    let magnitude = ((((code & 0x0F) as i16) << 3) + BIAS) << ((code >> 4) & 7);
    if code & 0x80 != 0 { BIAS - magnitude } else { magnitude - BIAS }
}

fn encode_a(sample: i16) -> u8 {
    let (sign, magnitude) = if sample >= 0 { (0x80, sample) } else { (0, !sample) };
    let code = match magnitude >> 8 {
        0 => magnitude >> 4,
        top => {
            let segment = 16 - top.leading_zeros() as i16;
            (segment << 4) | ((magnitude >> (segment + 3)) & 0x0F)
        }
    };
    (code as u8 | sign) ^ 0x55
}

fn encode_mu(sample: i16) -> u8 {
    const BIAS: i32 = 0x84;
    const CLIP: i32 = 32_635;
    let sign = if sample < 0 { 0x80 } else { 0 };
    let magnitude = i32::from(sample).abs().min(CLIP) + BIAS;
    let segment = 24 - magnitude.leading_zeros() as i32;
    let step = (magnitude >> (segment + 3)) & 0x0F;
    !(sign | (segment << 4) as u8 | step as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_word_survives_decoding_and_encoding() {
        for law in [Law::A, Law::Mu] {
            for code in 0..=255u8 {
                // µ-law has two zeros; the negative one decodes to the positive one's value.
                let expected = if law == Law::Mu && code == 0x7F { 0xFF } else { code };
                assert_eq!(law.encode(law.decode(code)), expected, "{law:?} {code:#04x}");
            }
        }
    }

    #[test]
    fn known_code_words_of_the_recommendation() {
        assert_eq!((Law::Mu.decode(0x80), Law::Mu.decode(0x00)), (32_124, -32_124));
        assert_eq!((Law::A.decode(0xAA), Law::A.decode(0x2A)), (32_256, -32_256));
        assert_eq!((Law::Mu.decode(0xFF), Law::A.decode(0xD5)), (0, 8));
        assert_eq!((Law::Mu.encode(0), Law::A.encode(0)), (0xFF, 0xD5));
    }

    #[test]
    fn coding_error_stays_within_half_a_step() {
        for law in [Law::A, Law::Mu] {
            for sample in (-32_000..=32_000i16).step_by(7) {
                let error = (f32::from(law.decode(law.encode(sample))) - f32::from(sample)).abs();
                let bound = 20.0 + f32::from(sample).abs() / 31.0;
                assert!(error <= bound, "{law:?} {sample}: off by {error}");
            }
        }
    }
}
