//! The one thread that writes the taps of all calls, and listens to what it writes.

use super::control::Side;
use super::shared::Shared;
use super::tap::{Feed, Note, PIECES_MAX, Piece, TapState};
use super::watch::Watch;
use super::wav::Wav;
use std::collections::HashMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;
use tracing::warn;

/// Taps that may wait to be begun. More waiting means a disk that does not turn.
const BEGINS_MAX: usize = 1_024;

/// How often the queue is emptied. Nobody wakes the writer for audio: a wake-up a packet would cost
/// the media threads a system call each. Longer needs more slots.
const TURN: Duration = Duration::from_millis(50);

/// Turns between two writes of a tap: 0.5 s.
const WRITE_TURNS: u32 = 10;

struct Begin {
    id: usize,
    path: PathBuf,
    state: Arc<TapState>,
}

/// The taps of a runtime.
pub(crate) struct Taps {
    begins: SyncSender<Begin>,
    pieces: SyncSender<Piece>,
    join: JoinHandle<()>,
}

impl Taps {
    /// Starts the thread.
    pub fn start() -> io::Result<Taps> {
        let (begins, waiting) = sync_channel(BEGINS_MAX);
        let (pieces, queue) = sync_channel(PIECES_MAX);
        let writer = Writer { waiting, queue, taps: HashMap::new() };
        let join = std::thread::Builder::new().name("tap".to_owned()).spawn(move || writer.run())?;
        Ok(Taps { begins, pieces, join })
    }

    /// Begins a tap. Of one that the writer cannot take, every piece is counted as dropped.
    pub fn begin(&self, id: usize, path: PathBuf, call: Arc<Shared>, note: Note) -> Feed {
        let state = Arc::new(TapState { ended: false.into(), failed: false.into(), call, note });
        let begun = self.begins.try_send(Begin { id, path, state: Arc::clone(&state) });
        if begun.is_err() {
            warn!("tap writer takes no more calls");
            state.failed.store(true, Ordering::Relaxed);
        }
        Feed::new(id, self.pieces.clone(), state)
    }

    /// Writes what is left and ends the thread. Media threads have to have stopped.
    pub fn stop(self) {
        drop((self.begins, self.pieces));
        let _ = self.join.join();
    }
}

/// A tap that is being written.
struct Tap {
    wav: Wav,
    ears: [Watch; 2],
    state: Arc<TapState>,
    turns: u32,
    told: bool,
}

struct Writer {
    waiting: Receiver<Begin>,
    queue: Receiver<Piece>,
    taps: HashMap<usize, Tap>,
}

impl Writer {
    fn run(mut self) {
        loop {
            let stopped = match self.waiting.recv_timeout(TURN) {
                Ok(begin) => {
                    self.begin(begin);
                    false
                }
                Err(RecvTimeoutError::Timeout) => false,
                Err(RecvTimeoutError::Disconnected) => true,
            };
            self.turn();
            if stopped {
                return;
            }
        }
    }

    fn begin(&mut self, Begin { id, path, state }: Begin) {
        match Wav::create(&path) {
            Ok(wav) => {
                let ears = [Watch::default(), Watch::default()];
                self.taps.insert(id, Tap { wav, ears, state, turns: 0, told: false });
            }
            Err(error) => {
                warn!(path = %path.display(), %error, "tap cannot be made; the call goes on without");
                state.failed.store(true, Ordering::Relaxed);
            }
        }
    }

    fn turn(&mut self) {
        // Looked at before the queue is: whatever such a call gave is in the queue by now.
        let is_over = |tap: &Tap| tap.state.ended.load(Ordering::Acquire);
        let over: Vec<usize> = self.taps.iter().filter(|(_, tap)| is_over(tap)).map(|(id, _)| *id).collect();
        for _ in 0..PIECES_MAX {
            let Ok(piece) = self.queue.try_recv() else { break };
            self.write(&piece);
        }
        for tap in self.taps.values_mut() {
            tap.turns += 1;
            if tap.turns == WRITE_TURNS {
                tap.turns = 0;
                let written = tap.wav.flush();
                tap.lost(!written);
            }
        }
        for tap in over.iter().filter_map(|id| self.taps.remove(id)) {
            tap.finish();
        }
    }

    fn write(&mut self, piece: &Piece) {
        // Its call may have been begun since this turn started.
        while !self.taps.contains_key(&piece.tap) {
            match self.waiting.try_recv() {
                Ok(begin) => self.begin(begin),
                Err(TryRecvError::Empty | TryRecvError::Disconnected) => break,
            }
        }
        if let Some(tap) = self.taps.get_mut(&piece.tap) {
            let written = tap.wav.place(piece.from, piece.at, piece.law, piece.codes());
            tap.lost(!written);
            tap.hear(piece);
        }
    }
}

impl Tap {
    fn hear(&mut self, piece: &Piece) {
        let ear = &mut self.ears[usize::from(piece.from == Side::Agent)];
        if !piece.secured {
            return ear.pause();
        }
        let turned = ear.listen(piece.law, 0, piece.at as u32, piece.codes());
        self.state.call.tap_heard(&self.ears);
        if turned {
            self.state.call.tell_leak(&*self.state.note);
        }
    }

    /// A disk that is full says so with every write: told once, counted each time.
    fn lost(&mut self, lost: bool) {
        if lost {
            self.state.call.count(|own| &own.tap_dropped);
            if !std::mem::replace(&mut self.told, true) {
                warn!("tap of a call has lost audio: it came late, or the disk is full");
            }
        }
    }

    fn finish(self) {
        let Tap { wav, state, .. } = self;
        if !wav.finish() {
            state.call.count(|own| &own.tap_dropped);
        }
    }
}
