//! A program of somebody else, as a child process that cannot outlive its test.

use crate::support::PATIENCE;
use std::net::{SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

/// How often a child is asked whether it is done.
const LOOK: Duration = Duration::from_millis(20);

/// What a failed program has to say for itself, at most.
const SAID_BYTES_MAX: usize = 2_000;

/// A running program; dropping it kills it.
pub(super) struct Program {
    child: Child,
    name: String,
    folder: PathBuf,
}

impl Program {
    /// Starts it in `folder`, where its output goes to `NAME.out`.
    pub(super) fn start(name: &str, folder: &Path, command: &mut Command) -> Program {
        std::fs::create_dir_all(folder).expect("folder");
        let out = std::fs::File::create(folder.join(format!("{name}.out"))).expect("output");
        let err = out.try_clone().expect("output");
        let child = command
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(err)
            .spawn()
            .unwrap_or_else(|error| panic!("{name} does not start: {error}"));
        Program { child, name: name.to_owned(), folder: folder.to_owned() }
    }

    /// Waits for its end; anything but exit status 0 is an error, with what it said.
    pub(super) async fn done(&mut self, within: Duration) -> Result<(), String> {
        let until = Instant::now() + within;
        loop {
            match self.child.try_wait().expect("child") {
                Some(status) if status.success() => return Ok(()),
                Some(status) => return Err(format!("{}: {status}: {}", self.name, self.said())),
                None if Instant::now() > until => {
                    self.kill();
                    return Err(format!("{}: no end within {within:?}: {}", self.name, self.said()));
                }
                None => tokio::time::sleep(LOOK).await,
            }
        }
    }

    /// Whether it has not ended.
    pub(super) fn runs(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Asks it to end.
    pub(super) fn terminate(&self) {
        let _ = Command::new("kill").arg("-TERM").arg(self.child.id().to_string()).status();
    }

    /// Its output.
    pub(super) fn output(&self) -> String {
        std::fs::read_to_string(self.folder.join(format!("{}.out", self.name))).unwrap_or_default()
    }

    /// The end of what it wrote: its own error file, if it has one, says more than its screen.
    fn said(&self) -> String {
        let id = self.child.id().to_string();
        let errors = std::fs::read_dir(&self.folder).into_iter().flatten().flatten().find(|entry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            name.contains(&id) && name.ends_with("_errors.log")
        });
        let text = errors.and_then(|entry| std::fs::read_to_string(entry.path()).ok());
        let text = text.unwrap_or_else(|| self.output());
        text.chars().take(SAID_BYTES_MAX).collect()
    }

    fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Waits until somebody has bound a datagram port; these programs do not say when they are ready.
pub(super) async fn bound(address: SocketAddr) {
    let until = Instant::now() + PATIENCE;
    while UdpSocket::bind(address).is_ok() {
        assert!(Instant::now() < until, "nobody listens on {address}");
        tokio::time::sleep(LOOK).await;
    }
}

/// An even port with some free ones above it, for the media of a program.
pub(super) fn media_port() -> u16 {
    const FIRST: u16 = 12_000;
    const STEP: u16 = 40;
    const PLACES: u16 = 190;
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Processes that start one after the other begin far apart.
    let own = (std::process::id().wrapping_mul(37) % u32::from(PLACES)) as u16;
    for _ in 0..PLACES {
        let place = (own + NEXT.fetch_add(1, Ordering::Relaxed)) % PLACES;
        let port = FIRST + place * STEP;
        if (0..4).all(|above| UdpSocket::bind(("127.0.0.1", port + above)).is_ok()) {
            return port;
        }
    }
    panic!("no free media port");
}
