//! A stereo WAV file that is a valid one at any moment.
//!
//! Audio waits in a window of two seconds, so that each channel can still fill its place. What leaves
//! the window is written at its offset, then the sizes in the header are made to say so: a program
//! that dies leaves a file that ends at most 1.5 s early and whose header is true. Places that
//! nobody filled are holes, which read as zeros: silence.

use super::control::Side;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::Path;
use tonewall_model::dtmf::Law;

/// Frames (a sample of each channel) in the window.
const WINDOW_FRAMES: usize = 16_000;

/// Frames that stay in the window: twice the drift that a stream may have, so that what comes late
/// still finds its place.
const STAY_FRAMES: u64 = 2 * super::tap::DRIFT_SAMPLES as u64;

const HEADER_BYTES: usize = 44;
const FRAME_BYTES: usize = 4;

/// Frames that the 32-bit sizes of the format can tell of: 37 h.
const FRAMES_MAX: u64 = (u32::MAX as u64 - HEADER_BYTES as u64) / FRAME_BYTES as u64;

/// A file that is being written.
pub(crate) struct Wav {
    file: File,
    /// Left: the customer. Right: the agent.
    window: Vec<[i16; 2]>,
    /// Frame of the file that the window begins with.
    base: u64,
    /// Frame after the last that was placed.
    end: u64,
}

impl Wav {
    /// Makes the file, for the eyes of this user alone. It must not exist, not even as a link.
    pub fn create(path: &Path) -> io::Result<Wav> {
        if let Some(folder) = path.parent() {
            DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        }
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all_at(&header(0), 0)?;
        Ok(Wav { file, window: vec![[0; 2]; WINDOW_FRAMES], base: 0, end: 0 })
    }

    /// Puts samples at their place; `false` if some of them had none any more, or could not be written.
    pub fn place(&mut self, side: Side, at: u64, law: Law, codes: &[u8]) -> bool {
        let after = at + codes.len() as u64;
        if after > FRAMES_MAX {
            return false;
        }
        let mut written = true;
        if after > self.base + WINDOW_FRAMES as u64 {
            written = self.write_until(after.saturating_sub(STAY_FRAMES).max(self.base));
        }
        let gone = self.base.saturating_sub(at).min(codes.len() as u64) as usize;
        let from = at.max(self.base).saturating_sub(self.base) as usize;
        let channel = usize::from(side == Side::Agent);
        for (frame, code) in self.window.iter_mut().skip(from).zip(&codes[gone..]) {
            frame[channel] = law.decode(*code);
        }
        self.end = self.end.max(after);
        gone == 0 && written
    }

    /// Writes what nothing can be added to any more.
    pub fn flush(&mut self) -> bool {
        self.write_until(self.end.saturating_sub(STAY_FRAMES).max(self.base))
    }

    /// Writes all that there is.
    pub fn finish(mut self) -> bool {
        self.write_until(self.end)
    }

    /// Writes the window up to frame `until`, which the window then begins with. What the disk does not
    /// take is left out: it stays silent.
    fn write_until(&mut self, until: u64) -> bool {
        let filled = (self.end.min(until).saturating_sub(self.base) as usize).min(WINDOW_FRAMES);
        let written = filled == 0 || self.write(filled).is_ok();
        let moved = (until - self.base).min(WINDOW_FRAMES as u64) as usize;
        self.window.copy_within(moved.., 0);
        self.window[WINDOW_FRAMES - moved..].fill([0; 2]);
        self.base = until;
        written
    }

    fn write(&self, frames: usize) -> io::Result<()> {
        let mut bytes = [0; 2_000 * FRAME_BYTES];
        let mut offset = HEADER_BYTES as u64 + self.base * FRAME_BYTES as u64;
        for part in self.window[..frames].chunks(bytes.len() / FRAME_BYTES) {
            for (place, sample) in bytes.chunks_exact_mut(2).zip(part.iter().flatten()) {
                place.copy_from_slice(&sample.to_le_bytes());
            }
            let bytes = &bytes[..part.len() * FRAME_BYTES];
            self.file.write_all_at(bytes, offset)?;
            offset += bytes.len() as u64;
        }
        self.file.write_all_at(&header(self.base + frames as u64), 0)
    }
}

/// RIFF header of 16-bit PCM, two channels, 8 kHz.
fn header(frames: u64) -> [u8; HEADER_BYTES] {
    const RATE_HZ: u32 = 8_000;
    let data = frames.min(FRAMES_MAX) as u32 * FRAME_BYTES as u32;
    let mut header = [0; HEADER_BYTES];
    let mut at = 0;
    let mut put = |bytes: &[u8]| {
        header[at..at + bytes.len()].copy_from_slice(bytes);
        at += bytes.len();
    };
    put(b"RIFF");
    put(&(data + HEADER_BYTES as u32 - 8).to_le_bytes());
    put(b"WAVEfmt ");
    put(&16_u32.to_le_bytes());
    put(&1_u16.to_le_bytes());
    put(&2_u16.to_le_bytes());
    put(&RATE_HZ.to_le_bytes());
    put(&(RATE_HZ * FRAME_BYTES as u32).to_le_bytes());
    put(&(FRAME_BYTES as u16).to_le_bytes());
    put(&16_u16.to_le_bytes());
    put(b"data");
    put(&data.to_le_bytes());
    header
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;
    use std::path::PathBuf;

    /// A folder of one test, gone with it.
    struct Scratch(PathBuf);

    impl Scratch {
        fn new(name: &str) -> Scratch {
            let folder = std::env::temp_dir().join(format!("tonewall-{name}-{}", std::process::id()));
            let _ = std::fs::remove_dir_all(&folder);
            Scratch(folder)
        }

        fn path(&self, name: &str) -> PathBuf {
            self.0.join(name)
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    /// Frames of a file, after its header has been held against its length.
    fn frames(path: &Path) -> Vec<[i16; 2]> {
        let bytes = std::fs::read(path).expect("a file");
        let word = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four")) as usize;
        assert_eq!(
            (&bytes[..4], &bytes[8..16], &bytes[36..40]),
            (&b"RIFF"[..], &b"WAVEfmt "[..], &b"data"[..])
        );
        assert_eq!((word(4) + 8, word(40) + 44), (bytes.len(), bytes.len()));
        let sample = |pair: &[u8]| i16::from_le_bytes([pair[0], pair[1]]);
        bytes[44..].chunks_exact(4).map(|frame| [sample(&frame[..2]), sample(&frame[2..])]).collect()
    }

    #[test]
    fn both_channels_are_laid_where_they_belong_and_gaps_are_silent() {
        let scratch = Scratch::new("laid");
        let path = scratch.path("tap.wav");
        let mut wav = Wav::create(&path).expect("a file");
        let (loud, soft) = (Law::A.encode(8_000), Law::A.encode(-500));
        assert!(wav.place(Side::Customer, 0, Law::A, &[loud; 160]));
        assert!(wav.place(Side::Agent, 50_000, Law::A, &[soft; 160]), "over a gap longer than the window");
        assert!(wav.place(Side::Customer, 43_000, Law::A, &[loud; 10]), "late by less than a second");
        assert!(!wav.place(Side::Customer, 41_000, Law::A, &[loud; 10]), "too late");
        assert!(wav.finish());
        let frames = frames(&path);
        assert_eq!(frames.len(), 50_160);
        let expected = |at: usize| match at {
            0..160 | 43_000..43_010 => [Law::A.decode(loud), 0],
            50_000.. => [0, Law::A.decode(soft)],
            _ => [0, 0],
        };
        assert!(frames.iter().enumerate().all(|(at, frame)| *frame == expected(at)));
    }

    #[test]
    fn the_file_is_a_valid_one_before_its_end() {
        let scratch = Scratch::new("dies");
        let path = scratch.path("tap.wav");
        let mut wav = Wav::create(&path).expect("a file");
        assert!(frames(&path).is_empty());
        for packet in 0..100 {
            wav.place(Side::Customer, packet * 160, Law::Mu, &[0; 160]);
        }
        assert!(wav.flush());
        assert_eq!(frames(&path).len(), 16_000 - 8_000);
        std::mem::forget(wav);
        assert_eq!(frames(&path).len(), 8_000);
    }

    #[test]
    fn a_disk_that_takes_nothing_costs_audio_and_no_more() {
        let scratch = Scratch::new("full");
        let path = scratch.path("tap.wav");
        drop(Wav::create(&path).expect("a file"));
        let file = File::open(&path).expect("to read only");
        let mut wav = Wav { file, window: vec![[0; 2]; WINDOW_FRAMES], base: 0, end: 0 };
        let placed = (0..1_000).filter(|packet| wav.place(Side::Agent, packet * 160, Law::A, &[0; 160]));
        assert_eq!(placed.count(), 1_000 - 18, "a write fails each time that the window is full");
        assert!(wav.base > 140_000 && !wav.flush() && !wav.finish());
        assert!(frames(&path).is_empty());
    }

    #[test]
    fn nobody_else_may_read_it_and_nothing_is_overwritten() {
        let scratch = Scratch::new("mine");
        let path = scratch.path("tap.wav");
        drop(Wav::create(&path).expect("a file"));
        assert_eq!(std::fs::metadata(&path).expect("a file").permissions().mode() & 0o777, 0o600);
        let exists = |path: &Path| Wav::create(path).err().map(|error| error.kind());
        assert_eq!(exists(&path), Some(io::ErrorKind::AlreadyExists));
        let link = scratch.path("link.wav");
        std::os::unix::fs::symlink(scratch.path("elsewhere.wav"), &link).expect("a link");
        assert_eq!(exists(&link), Some(io::ErrorKind::AlreadyExists));
    }
}
