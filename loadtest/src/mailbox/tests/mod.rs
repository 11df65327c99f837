//! The mailbox over real sockets, and hostile messages.

mod hostile;
mod protocol;

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

/// A client that says exactly what it is told.
struct Client {
    reader: BufReader<OwnedReadHalf>,
    writer: OwnedWriteHalf,
}

impl Client {
    async fn connect(addr: SocketAddr) -> Self {
        let stream = TcpStream::connect(addr).await.expect("the mailbox listens");
        stream.set_nodelay(true).expect("a socket");
        let (reader, writer) = stream.into_split();
        let mut client = Self { reader: BufReader::new(reader), writer };
        assert_eq!(client.answer().await, "220");
        client
    }

    /// With EHLO said.
    async fn greeted(addr: SocketAddr) -> Self {
        let mut client = Self::connect(addr).await;
        assert_eq!(client.say("EHLO there").await, "250");
        client
    }

    async fn send(&mut self, bytes: &[u8]) {
        self.writer.write_all(bytes).await.expect("written");
    }

    /// The code of an answer; empty when the connection is closed.
    async fn answer(&mut self) -> String {
        loop {
            let mut line = String::new();
            let read = self.reader.read_line(&mut line);
            let read = tokio::time::timeout(Duration::from_secs(10), read).await.expect("an answer");
            if !matches!(read, Ok(1..)) {
                return String::new();
            }
            assert!(line.ends_with("\r\n"), "{line:?}");
            if line.as_bytes().get(3) == Some(&b' ') {
                return line[..3].to_owned();
            }
        }
    }

    async fn say(&mut self, line: &str) -> String {
        self.send(format!("{line}\r\n").as_bytes()).await;
        self.answer().await
    }

    /// A whole message; the answer to its last byte, or to the recipient.
    async fn mail(&mut self, to: &str, body: &[u8]) -> String {
        assert_eq!(self.say("MAIL FROM:<a@b.test>").await, "250");
        let taken = self.say(&format!("RCPT TO:<{to}>")).await;
        if taken != "250" {
            return taken;
        }
        assert_eq!(self.say("DATA").await, "354");
        self.send(body).await;
        self.send(b"\r\n.\r\n").await;
        self.answer().await
    }
}
