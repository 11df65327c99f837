//! The SIP datagram socket, with the doorman in front.

use super::doorman::{Verdict, judge};
use super::info::InfoInlets;
use rsipstack::platform::net::UdpSocket as StackSocket;
use std::net::SocketAddr;
use std::sync::Mutex;
use tokio::net::UdpSocket;
use tracing::debug;

type StackResult<T> = Result<T, rsipstack::Error>;

/// Longest datagram there can be.
const DATAGRAM_BYTES_MAX: usize = 65_535;

/// A socket that hands the stack only what the doorman lets through.
pub(crate) struct GuardedSocket {
    socket: UdpSocket,
    inlets: InfoInlets,
    /// One task reads; a buffer a call would cost 64 KiB each time.
    buffer: Mutex<Vec<u8>>,
}

impl GuardedSocket {
    pub fn new(socket: UdpSocket, inlets: InfoInlets) -> GuardedSocket {
        GuardedSocket { socket, inlets, buffer: Mutex::new(vec![0; DATAGRAM_BYTES_MAX]) }
    }

    /// Puts the next acceptable datagram into `out`; `None` when this one was not.
    fn admit(&self, received: &[u8], source: SocketAddr, out: &mut [u8]) -> Option<usize> {
        match judge(received, true) {
            Verdict::Pass(bytes, signalled) => {
                if let Some(signalled) = signalled {
                    self.inlets.bring(signalled);
                }
                let room = out.get_mut(..bytes.len())?;
                room.copy_from_slice(&bytes);
                Some(bytes.len())
            }
            Verdict::Answer(bytes) => {
                // A full send buffer loses an error answer; the peer retransmits and gets it then.
                let _ = self.socket.try_send_to(&bytes, source);
                None
            }
            Verdict::Drop(why) => {
                debug!(%source, why, "datagram dropped");
                None
            }
        }
    }
}

#[async_trait::async_trait]
impl StackSocket for GuardedSocket {
    async fn recv_from(&self, out: &mut [u8]) -> StackResult<(usize, SocketAddr)> {
        loop {
            self.socket.readable().await?;
            let Ok(mut buffer) = self.buffer.lock() else {
                return Err(rsipstack::Error::Error("receive buffer poisoned".to_owned()));
            };
            let (len, source) = match self.socket.try_recv_from(&mut buffer) {
                Ok(received) => received,
                // Nothing there after all, or an ICMP error of an earlier send.
                Err(_) => continue,
            };
            let admitted = self.admit(&buffer[..len], source, out);
            tonewall_secret::wipe::zero(&mut buffer[..len]);
            if let Some(len) = admitted {
                return Ok((len, source));
            }
        }
    }

    async fn send_to(&self, bytes: &[u8], to: SocketAddr) -> StackResult<usize> {
        Ok(self.socket.send_to(bytes, to).await?)
    }

    fn local_addr(&self) -> StackResult<SocketAddr> {
        Ok(self.socket.local_addr()?)
    }
}
