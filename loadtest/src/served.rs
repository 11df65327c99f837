//! A server on a thread of its own, as long as somebody holds it.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

/// Pause after a failed accept (the process is out of file descriptors).
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A runtime on a thread of its own. Dropping it stops it, and waits for its end.
pub(crate) struct OwnThread {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl OwnThread {
    /// Works until dropped, or until `work` is done.
    pub(crate) fn start<F>(name: &str, runtime: Runtime, work: F) -> io::Result<OwnThread>
    where
        F: Future + Send + 'static,
    {
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    _done = work => {}
                    _stop = stopped => {}
                }
            });
        })?;
        Ok(OwnThread { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for OwnThread {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic on that thread has been reported by the panic hook; there is nobody to hand it to here.
            let _ended = thread.join();
        }
    }
}

/// Listens on `addr` and serves on a thread of its own. Returns once connections are accepted, with the real port.
pub(crate) fn serve<F>(
    name: &str,
    addr: SocketAddr,
    work: impl FnOnce(TcpListener) -> F,
) -> io::Result<(SocketAddr, OwnThread)>
where
    F: Future + Send + 'static,
{
    let listener = std::net::TcpListener::bind(addr)?;
    listener.set_nonblocking(true)?;
    let addr = listener.local_addr()?;
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let listener = {
        let _context = runtime.enter();
        TcpListener::from_std(listener)?
    };
    Ok((addr, OwnThread::start(name, runtime, work(listener))?))
}

/// Accepts until dropped: so many connections at once, the next ones wait in the listener's backlog. A connection gives
/// its place back by dropping it.
pub(crate) async fn accept<F>(
    listener: TcpListener,
    at_once: usize,
    connection: impl Fn(TcpStream, OwnedSemaphorePermit) -> F,
) -> Infallible
where
    F: Future<Output: Send> + Send + 'static,
{
    let places = Arc::new(Semaphore::new(at_once));
    loop {
        let place = Arc::clone(&places).acquire_owned().await.expect("the semaphore is never closed");
        match listener.accept().await {
            Ok((stream, _)) => drop(tokio::spawn(connection(stream, place))),
            Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
        }
    }
}
