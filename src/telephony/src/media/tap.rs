//! What a call gives to its tap: pieces of audio as they left, each with its place in the file.
//!
//! The media thread copies a piece into a slot of a queue and never waits. The slots exist from the
//! start; where none is free the piece is dropped and counted, and the file has silence there.

use super::control::{MediaNote, Side};
use super::shared::Shared;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::SyncSender;
use tonewall_model::dtmf::Law;
use tonewall_model::dtmf::rtp::Header;

/// Samples in a piece: a usual packet.
const PIECE_SAMPLES: usize = 160;

/// Pieces that may wait for the writer: 3 MiB, 1.6 s of a hundred calls. Larger rides over a slower
/// disk; smaller drops sooner.
pub(crate) const PIECES_MAX: usize = 16_384;

/// How far a stream's own clock may be from ours before it is laid anew: 500 ms. Larger lets the two
/// channels drift further apart; smaller cuts into a stream that was only late.
pub(crate) const DRIFT_SAMPLES: i64 = 4_000;

/// How the owner of a call hears of it from whichever thread.
pub(crate) type Note = Arc<dyn Fn(MediaNote) + Send + Sync>;

/// A piece of audio on its way to the file.
pub(crate) struct Piece {
    pub tap: usize,
    /// Sample of the file at which it begins.
    pub at: u64,
    pub from: Side,
    pub law: Law,
    /// Whether the line was secured when it left.
    pub secured: bool,
    len: u8,
    codes: [u8; PIECE_SAMPLES],
}

impl Piece {
    /// The coded samples.
    pub fn codes(&self) -> &[u8] {
        &self.codes[..usize::from(self.len)]
    }
}

/// What a call and the writer share of one tap.
pub(crate) struct TapState {
    /// The call is over: nothing more will come.
    pub ended: AtomicBool,
    /// There is no file to write to.
    pub failed: AtomicBool,
    pub call: Arc<Shared>,
    pub note: Note,
}

/// A stream's place on the clock of the file.
#[derive(Clone, Copy, Default)]
struct Lane {
    ssrc: u32,
    timestamp: u32,
    at: i64,
    is_laid: bool,
}

impl Lane {
    /// Where a packet belongs that leaves at sample `clock`: where its timestamp puts it after the one
    /// before, unless that is too far from now.
    fn place(&mut self, clock: i64, header: &Header) -> i64 {
        let since = i64::from(header.timestamp.wrapping_sub(self.timestamp) as i32);
        let by_rtp = self.at + since;
        let follows = self.is_laid && self.ssrc == header.ssrc && (by_rtp - clock).abs() <= DRIFT_SAMPLES;
        let at = if follows { by_rtp.max(0) } else { clock };
        *self = Lane { ssrc: header.ssrc, timestamp: header.timestamp, at, is_laid: true };
        at
    }
}

/// A call's end of its tap.
pub(crate) struct Feed {
    id: usize,
    pieces: SyncSender<Piece>,
    state: Arc<TapState>,
    start_us: u64,
    lanes: [Lane; 2],
}

impl Feed {
    pub fn new(id: usize, pieces: SyncSender<Piece>, state: Arc<TapState>) -> Feed {
        Feed { id, pieces, state, start_us: 0, lanes: [Lane::default(); 2] }
    }

    /// The call begins: sample zero of the file.
    pub fn begin(&mut self, now_us: u64) {
        self.start_us = now_us;
    }

    /// Takes a packet as it left, of either direction.
    pub fn take(
        &mut self,
        now_us: u64,
        from: Side,
        secured: bool,
        law: Law,
        header: &Header,
        payload: &[u8],
    ) {
        let clock = i64::try_from(now_us.saturating_sub(self.start_us) / 125).unwrap_or(i64::MAX);
        let lane = &mut self.lanes[usize::from(from == Side::Agent)];
        let mut at = lane.place(clock, header).unsigned_abs();
        for part in payload.chunks(PIECE_SAMPLES) {
            let mut codes = [0; PIECE_SAMPLES];
            codes[..part.len()].copy_from_slice(part);
            let piece = Piece { tap: self.id, at, from, law, secured, len: part.len() as u8, codes };
            if self.state.failed.load(Ordering::Relaxed) || self.pieces.try_send(piece).is_err() {
                self.state.call.count(|own| &own.tap_dropped);
            }
            at += part.len() as u64;
        }
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.state.ended.store(true, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(ssrc: u32, timestamp: u32) -> Header {
        Header { marker: false, payload_type: 0, sequence: 0, timestamp, ssrc }
    }

    #[test]
    fn a_stream_is_laid_by_its_own_clock_while_that_is_near_ours() {
        let mut lane = Lane::default();
        let mut place = |clock, ssrc, timestamp| lane.place(clock, &header(ssrc, timestamp));
        assert_eq!(place(800, 1, u32::MAX - 159), 800, "the first where it left");
        assert_eq!(place(1_100, 1, 0), 960, "late by jitter");
        assert_eq!(place(1_110, 1, 320), 1_280, "one packet lost: silence in between");
        assert_eq!(place(1_130, 1, 160), 1_120, "and if it comes late, at its place");
        assert_eq!(place(9_000, 1, 480), 9_000, "a stream that stood still");
        assert_eq!(place(9_160, 2, 77), 9_160, "another source");
        assert_eq!(place(9_320, 2, 900_000), 9_320, "a clock that jumps");
    }

    #[test]
    fn what_finds_no_slot_is_dropped_and_counted() {
        let (sender, receiver) = std::sync::mpsc::sync_channel(2);
        let call = Arc::new(Shared::new(Arc::default(), true));
        let state = Arc::new(TapState {
            ended: false.into(),
            failed: false.into(),
            call: Arc::clone(&call),
            note: Arc::new(|_| ()),
        });
        let mut feed = Feed::new(1, sender, Arc::clone(&state));
        feed.take(0, Side::Customer, true, Law::A, &header(1, 0), &[0xD5; 480]);
        assert_eq!(call.counts().tap_dropped, 1);
        let pieces: Vec<(u64, usize)> = receiver.try_iter().map(|p| (p.at, p.codes().len())).collect();
        assert_eq!(pieces, [(0, 160), (160, 160)]);
        drop(feed);
        assert!(state.ended.load(Ordering::Acquire));
    }
}
