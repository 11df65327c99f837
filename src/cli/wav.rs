//! WAV files of telephone sound → 16-bit samples: 8 kHz, one channel, PCM or G.711.

use std::fmt;
use tonewall_model::dtmf::Law;

/// Format tags of the `fmt ` chunk (RFC 2361), and the one that says "see the sub-format".
const PCM: u16 = 1;
const A_LAW: u16 = 6;
const MU_LAW: u16 = 7;
const EXTENSIBLE: u16 = 0xFFFE;

/// What follows the format tag in the GUID of an extensible format's sub-format.
const GUID_TAIL: [u8; 14] = [0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xAA, 0, 0x38, 0x9B, 0x71];

/// Why bytes are not such a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unfit {
    NotWav,
    NoFormat,
    NoData,
    Rate(u32),
    Channels(u16),
    Coding { tag: u16, bits: u16 },
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Unfit::NotWav => write!(f, "not a WAV file"),
            Unfit::NoFormat => write!(f, "a WAV file without a whole format chunk before its data"),
            Unfit::NoData => write!(f, "a WAV file without a data chunk"),
            Unfit::Rate(hz) => write!(f, "{hz} samples a second; 8000 are wanted"),
            Unfit::Channels(count) => write!(f, "{count} channels; one is wanted"),
            Unfit::Coding { tag, bits } => {
                write!(f, "format {tag} with {bits} bits; PCM of 8 or 16 bits, A-law or µ-law are wanted")
            }
        }
    }
}

#[derive(Clone, Copy)]
enum Coding {
    Pcm8,
    Pcm16,
    G711(Law),
}

/// The samples of a whole file.
pub(super) fn samples(file: &[u8]) -> Result<Vec<i16>, Unfit> {
    let Some((head, mut rest)) = file.split_at_checked(12) else { return Err(Unfit::NotWav) };
    if !head.starts_with(b"RIFF") || !head.ends_with(b"WAVE") {
        return Err(Unfit::NotWav);
    }
    let is_unfinished = head[4..8] == [0; 4];
    let mut coding = None;
    while let Some((&[a, b, c, d, l0, l1, l2, l3], body)) = rest.split_first_chunk() {
        let said = u32::from_le_bytes([l0, l1, l2, l3]) as usize;
        let here = &body[..said.min(body.len())];
        match &[a, b, c, d] {
            b"fmt " => coding = Some(format(here)?),
            b"data" => {
                // A writer into a pipe cannot come back to fill the lengths in: all that follows is sound.
                let sound = if said == 0 && is_unfinished { body } else { here };
                return Ok(decoded(coding.ok_or(Unfit::NoFormat)?, sound));
            }
            _ => {}
        }
        rest = body.get(said.saturating_add(said & 1)..).unwrap_or_default();
    }
    Err(if coding.is_some() { Unfit::NoData } else { Unfit::NoFormat })
}

fn format(chunk: &[u8]) -> Result<Coding, Unfit> {
    let word = |at: usize| chunk.get(at..at + 2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
    let (Some(tag), Some(channels), Some(low), Some(high), Some(bits)) =
        (word(0), word(2), word(4), word(6), word(14))
    else {
        return Err(Unfit::NoFormat);
    };
    let tag = match (tag, chunk.get(26..40)) {
        (EXTENSIBLE, Some(tail)) if tail == GUID_TAIL => word(24).unwrap_or(tag),
        _ => tag,
    };
    let coding = match (tag, bits) {
        (PCM, 8) => Coding::Pcm8,
        (PCM, 16) => Coding::Pcm16,
        (A_LAW, 8) => Coding::G711(Law::A),
        (MU_LAW, 8) => Coding::G711(Law::Mu),
        _ => return Err(Unfit::Coding { tag, bits }),
    };
    match (channels, u32::from(high) << 16 | u32::from(low)) {
        (1, 8_000) => Ok(coding),
        (1, hz) => Err(Unfit::Rate(hz)),
        _ => Err(Unfit::Channels(channels)),
    }
}

fn decoded(coding: Coding, sound: &[u8]) -> Vec<i16> {
    match coding {
        Coding::Pcm8 => sound.iter().map(|byte| (i16::from(*byte) - 128) << 8).collect(),
        Coding::Pcm16 => sound.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect(),
        Coding::G711(law) => sound.iter().map(|code| law.decode(*code)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(id: &[u8; 4], body: &[u8]) -> Vec<u8> {
        let padding = vec![0; body.len() & 1];
        [&id[..], &(body.len() as u32).to_le_bytes(), body, &padding].concat()
    }

    fn file(chunks: &[Vec<u8>]) -> Vec<u8> {
        let body = chunks.concat();
        [&b"RIFF"[..], &(body.len() as u32 + 4).to_le_bytes(), b"WAVE", &body].concat()
    }

    fn plain(tag: u16, channels: u16, hz: u32, bits: u16) -> Vec<u8> {
        let block = channels * bits / 8;
        let mut body = [tag.to_le_bytes(), channels.to_le_bytes()].concat();
        body.extend([hz.to_le_bytes(), (hz * u32::from(block)).to_le_bytes()].concat());
        body.extend([block.to_le_bytes(), bits.to_le_bytes()].concat());
        body
    }

    fn extensible(tag: u16, bits: u16) -> Vec<u8> {
        let mut body = plain(EXTENSIBLE, 1, 8_000, bits);
        body.extend([22u16.to_le_bytes(), bits.to_le_bytes()].concat());
        body.extend(4u32.to_le_bytes());
        body.extend(tag.to_le_bytes());
        body.extend(GUID_TAIL);
        body
    }

    #[test]
    fn every_coding_is_read() {
        let of = |format: &[u8], data: &[u8]| samples(&file(&[chunk(b"fmt ", format), chunk(b"data", data)]));
        assert_eq!(of(&plain(PCM, 1, 8_000, 16), &[1, 0, 0xFF, 0xFF]), Ok(vec![1, -1]));
        assert_eq!(of(&plain(PCM, 1, 8_000, 8), &[128, 0, 255]), Ok(vec![0, -32_768, 32_512]));
        assert_eq!(of(&plain(A_LAW, 1, 8_000, 8), &[0xD5, 0xAA]), Ok(vec![8, 32_256]));
        assert_eq!(of(&plain(MU_LAW, 1, 8_000, 8), &[0xFF, 0x00]), Ok(vec![0, -32_124]));
        assert_eq!(of(&extensible(PCM, 16), &[2, 0]), Ok(vec![2]));
        assert_eq!(of(&extensible(MU_LAW, 8), &[0x80]), Ok(vec![32_124]));
    }

    #[test]
    fn other_chunks_are_passed_over_and_missing_lengths_forgiven() {
        let format = chunk(b"fmt ", &plain(PCM, 1, 8_000, 16));
        let odd = chunk(b"LIST", b"odd");
        assert_eq!(samples(&file(&[odd.clone(), format.clone(), odd, chunk(b"data", &[5, 0])])), Ok(vec![5]));
        // Lengths that a writer could not know: all ones, or zero all over.
        let mut endless = file(&[format.clone(), chunk(b"data", &[5, 0, 6, 0])]);
        let at = endless.len() - 8;
        endless[at..at + 4].fill(0xFF);
        assert_eq!(samples(&endless), Ok(vec![5, 6]));
        endless[at..at + 4].fill(0);
        assert_eq!(samples(&endless), Ok(vec![]));
        endless[4..8].fill(0);
        assert_eq!(samples(&endless), Ok(vec![5, 6]));
    }

    #[test]
    fn everything_else_says_why() {
        let of = |format: Vec<u8>| samples(&file(&[chunk(b"fmt ", &format), chunk(b"data", &[0; 4])]));
        assert_eq!(of(plain(PCM, 1, 16_000, 16)), Err(Unfit::Rate(16_000)));
        assert_eq!(of(plain(PCM, 2, 8_000, 16)), Err(Unfit::Channels(2)));
        assert_eq!(of(plain(PCM, 1, 8_000, 24)), Err(Unfit::Coding { tag: PCM, bits: 24 }));
        assert_eq!(of(plain(3, 1, 8_000, 32)), Err(Unfit::Coding { tag: 3, bits: 32 }));
        assert_eq!(of(plain(A_LAW, 1, 8_000, 16)), Err(Unfit::Coding { tag: A_LAW, bits: 16 }));
        assert_eq!(of(vec![1, 0, 1]), Err(Unfit::NoFormat));
        let mut foreign = extensible(PCM, 16);
        foreign[30] ^= 1;
        assert_eq!(of(foreign), Err(Unfit::Coding { tag: EXTENSIBLE, bits: 16 }));
        assert_eq!(samples(&file(&[chunk(b"data", &[0; 4])])), Err(Unfit::NoFormat));
        assert_eq!(samples(&file(&[chunk(b"fmt ", &plain(PCM, 1, 8_000, 16))])), Err(Unfit::NoData));
        for bytes in [&b""[..], b"RIFF", b"ID3 and something else", b"RIFX\0\0\0\0WAVEfmt "] {
            assert_eq!(samples(bytes), Err(Unfit::NotWav));
        }
    }

    #[test]
    fn no_cut_or_flipped_file_panics() {
        let whole = file(&[chunk(b"fmt ", &extensible(PCM, 16)), chunk(b"data", &[7; 64])]);
        for len in 0..whole.len() {
            let _ = samples(&whole[..len]);
        }
        for at in 0..whole.len() {
            for byte in [0, 1, 0x7F, 0x80, 0xFF] {
                let mut other = whole.clone();
                other[at] = byte;
                assert!(samples(&other).is_ok_and(|samples| samples.len() <= 64) || samples(&other).is_err());
            }
        }
    }
}
