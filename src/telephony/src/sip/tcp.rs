//! SIP over TCP, with the doorman in front.
//!
//! Each accepted connection is pumped through a private loop-back pair: the peer's bytes are framed
//! and judged message by message, and the stack reads what is left. The stack is told the peer's
//! own address, so that routing and trunk rules see the truth.

use super::doorman::{Verdict, judge};
use super::head::{self, Head};
use super::info::InfoInlets;
use rsipstack::transaction::endpoint::EndpointInnerRef;
use rsipstack::transport::stream::StreamConnectionInner;
use rsipstack::transport::tcp::TcpConnection;
use rsipstack::transport::{SipAddr, SipConnection};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

/// Connections at once. More would let one host hold all descriptors; fewer would refuse a trunk
/// that opens one a call.
const CONNECTIONS_MAX: usize = 2_048;

/// Silence after which a connection is closed. Longer keeps dead peers; shorter than a call's
/// refresh would cut live dialogs off.
const IDLE: Duration = Duration::from_secs(3_600);

/// Largest message over a stream.
const MESSAGE_BYTES_MAX: usize = 65_535;

/// Answers of the doorman that may wait for a slow peer.
const ANSWERS_MAX: usize = 16;

/// Accepts connections until the token is cancelled.
pub(crate) async fn accept_loop(
    listener: TcpListener,
    stack: EndpointInnerRef,
    inlets: InfoInlets,
    stop: CancellationToken,
) {
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        let (Ok((stream, peer)), Ok(local)) = (accepted, listener.local_addr()) else { continue };
        let Ok(permit) = Arc::clone(&room).try_acquire_owned() else {
            warn!(%peer, "too many SIP connections: refused");
            continue;
        };
        let (stack, inlets, stop) = (stack.clone(), inlets.clone(), stop.child_token());
        tokio::spawn(async move {
            if let Err(error) = serve(stream, local, peer, &stack, &inlets, stop).await {
                debug!(%peer, %error, "SIP connection ended");
            }
            drop(permit);
        });
    }
}

async fn serve(
    stream: TcpStream,
    local: SocketAddr,
    peer: SocketAddr,
    stack: &EndpointInnerRef,
    inlets: &InfoInlets,
    stop: CancellationToken,
) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let (stack_side, our_side) = private_pair().await?;
    let (stack_read, stack_write) = tokio::io::split(stack_side);
    let address =
        |addr: SocketAddr| SipAddr { r#type: Some(rsipstack::sip::Transport::Tcp), addr: addr.into() };
    let inner = StreamConnectionInner::new(address(local), address(peer), stack_read, stack_write);
    let connection = TcpConnection { inner: Arc::new(inner), cancel_token: Some(stop.child_token()) };
    stack.transport_layer.add_connection(SipConnection::Tcp(connection));

    let (peer_read, peer_write) = tokio::io::split(stream);
    let (our_read, our_write) = tokio::io::split(our_side);
    let (answer, answers) = mpsc::channel(ANSWERS_MAX);
    tokio::select! {
        () = stop.cancelled() => Ok(()),
        done = inward(peer_read, our_write, inlets, answer) => done,
        done = outward(our_read, peer_write, answers) => done,
    }
}

/// Two ends of one connection on the loop-back interface that nobody else can have opened.
async fn private_pair() -> io::Result<(TcpStream, TcpStream)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let ours = TcpStream::connect(listener.local_addr()?).await?;
    loop {
        let (theirs, from) = listener.accept().await?;
        if from == ours.local_addr()? {
            ours.set_nodelay(true)?;
            theirs.set_nodelay(true)?;
            return Ok((theirs, ours));
        }
    }
}

async fn inward(
    mut peer: ReadHalf<TcpStream>,
    mut stack: WriteHalf<TcpStream>,
    inlets: &InfoInlets,
    answer: mpsc::Sender<Vec<u8>>,
) -> io::Result<()> {
    let mut buffer = Vec::with_capacity(4_096);
    loop {
        let read = timeout(IDLE, peer.read_buf(&mut buffer)).await.map_err(|_| io::ErrorKind::TimedOut)??;
        if read == 0 {
            return Ok(());
        }
        while let Some(frame) = next_frame(&buffer)? {
            let mut message: Vec<u8> = buffer.drain(..frame).collect();
            match judge(&message, false) {
                Verdict::Pass(bytes, signalled) => {
                    if let Some(signalled) = signalled {
                        inlets.bring(signalled);
                    }
                    stack.write_all(&bytes).await?;
                }
                Verdict::Answer(bytes) => {
                    answer.send(bytes).await.map_err(|_| io::ErrorKind::BrokenPipe)?;
                }
                Verdict::Drop(why) => debug!(why, "message dropped"),
            }
            tonewall_secret::wipe::zero(&mut message);
        }
        // What was drained lies on behind the end, digits of an INFO too.
        for byte in buffer.spare_capacity_mut() {
            byte.write(0);
        }
    }
}

async fn outward(
    mut stack: ReadHalf<TcpStream>,
    mut peer: WriteHalf<TcpStream>,
    mut answers: mpsc::Receiver<Vec<u8>>,
) -> io::Result<()> {
    let mut buffer = vec![0; MESSAGE_BYTES_MAX];
    loop {
        tokio::select! {
            Some(bytes) = answers.recv() => peer.write_all(&bytes).await?,
            read = stack.read(&mut buffer) => match read? {
                0 => return Ok(()),
                len => peer.write_all(&buffer[..len]).await?,
            },
        }
    }
}

/// Length of the first whole message in the buffer (RFC 3261 §18.3); an error when the stream can
/// no longer be framed.
pub(super) fn next_frame(buffer: &[u8]) -> io::Result<Option<usize>> {
    let unframed = || io::Error::from(io::ErrorKind::InvalidData);
    let keepalive = buffer.iter().take_while(|b| matches!(b, b'\r' | b'\n')).count();
    if keepalive > 0 {
        // A lone CR or LF may still become a CRLF CRLF ping: pass on what is whole.
        return Ok((keepalive >= 2 && keepalive % 2 == 0 || keepalive < buffer.len()).then_some(keepalive));
    }
    let Some(head_len) = head::head_len(buffer) else {
        return if buffer.len() > MESSAGE_BYTES_MAX { Err(unframed()) } else { Ok(None) };
    };
    let head = Head::read(buffer).map_err(|_| unframed())?;
    let mut lengths = head.all("content-length").map(str::parse::<usize>);
    let body = match (lengths.next(), lengths.next()) {
        (None, _) => 0,
        (Some(Ok(length)), None) if length <= MESSAGE_BYTES_MAX => length,
        // Which length is true nobody knows, so neither does anybody where the next message starts.
        _ => return Err(unframed()),
    };
    match head_len + body {
        whole if whole > MESSAGE_BYTES_MAX => Err(unframed()),
        whole if whole <= buffer.len() => Ok(Some(whole)),
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &[u8] = b"OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/TCP h;branch=z9hG4bK1\r\nl: 2\r\n\r\nhi";

    #[test]
    fn frames_end_where_content_length_says() {
        let two = [ONE, ONE].concat();
        assert_eq!(next_frame(&two).expect("framed"), Some(ONE.len()));
        assert_eq!(next_frame(&ONE[..ONE.len() - 1]).expect("framed"), None);
        assert_eq!(next_frame(b"\r\n\r\nOPT").expect("framed"), Some(4));
        assert_eq!(next_frame(b"\r").expect("framed"), None);
    }

    #[test]
    fn a_stream_that_cannot_be_framed_is_given_up() {
        for length in ["-1", "99999999", "x", "2\r\nContent-Length: 3"] {
            let raw = String::from_utf8_lossy(ONE).replace("l: 2", &format!("Content-Length: {length}"));
            assert!(next_frame(raw.as_bytes()).is_err(), "{length}");
        }
    }
}
