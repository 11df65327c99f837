//! A mail server and a CRM with a script each: an answer a letter or a request, the last one for all
//! that follow.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tonewall_connectors::mail::{MailConfig, MailTls, Mailer};

type Seen = Arc<Mutex<Vec<String>>>;

async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("its address");
    (listener, address)
}

/// Answers each RCPT by its script; `drop` takes the letter and hangs up without an answer.
pub struct ScriptedMail {
    address: SocketAddr,
    letters: Seen,
    task: JoinHandle<()>,
}

impl Drop for ScriptedMail {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl ScriptedMail {
    pub async fn start(script: &'static [&'static str]) -> ScriptedMail {
        let (listener, address) = listen().await;
        let letters = Seen::default();
        let seen = Arc::clone(&letters);
        let task = tokio::spawn(async move {
            let mut turn = 0;
            loop {
                let Ok((stream, _)) = listener.accept().await else { return };
                let answer = script.get(turn).or(script.last()).copied().unwrap_or("250 OK");
                turn += 1;
                tokio::spawn(converse(stream, answer, Arc::clone(&seen)));
            }
        });
        ScriptedMail { address, letters, task }
    }

    pub fn letters(&self) -> Vec<String> {
        self.letters.lock().expect("no panic while held").clone()
    }

    pub fn mailer(&self) -> Mailer {
        let (host, port) = (self.address.ip().to_string(), self.address.port());
        let from = "receipts@pay.example".to_owned();
        Mailer::new(MailConfig { host, port, tls: MailTls::None, credentials: None, from }).expect("a mailer")
    }
}

async fn converse(stream: TcpStream, answer: &str, seen: Seen) -> Option<()> {
    let mut stream = BufReader::new(stream);
    stream.write_all(b"220 mail.example\r\n").await.ok()?;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        let words = match line.get(..4)? {
            "DATA" => "354 Go on",
            "RCPT" if answer != "drop" => answer,
            _ => "250 OK",
        };
        stream.write_all(format!("{words}\r\n").as_bytes()).await.ok()?;
        if words.starts_with("354") {
            let letter = letter(&mut stream).await?;
            seen.lock().expect("no panic while held").push(letter);
            if answer == "drop" {
                return None;
            }
            stream.write_all(b"250 Taken\r\n").await.ok()?;
        }
    }
}

async fn letter(stream: &mut BufReader<TcpStream>) -> Option<String> {
    let mut letter = String::new();
    while !letter.ends_with("\r\n.\r\n") {
        if stream.read_line(&mut letter).await.ok()? == 0 {
            return None;
        }
    }
    Some(letter)
}

/// The Message-ID of a letter.
pub fn message_id(letter: &str) -> String {
    let line = letter.lines().find(|line| line.starts_with("Message-ID: "));
    line.expect("a Message-ID").to_owned()
}

/// Answers each request with a status of its script; with 0 it never answers.
pub struct ScriptedCrm {
    address: SocketAddr,
    told: Seen,
    task: JoinHandle<()>,
}

impl Drop for ScriptedCrm {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl ScriptedCrm {
    pub async fn start(script: &'static [u16]) -> ScriptedCrm {
        let (listener, address) = listen().await;
        let told = Seen::default();
        let seen = Arc::clone(&told);
        let task = tokio::spawn(async move {
            let (mut silent, mut turn) = (Vec::new(), 0);
            loop {
                let Ok((mut stream, _)) = listener.accept().await else { return };
                let status = script.get(turn).or(script.last()).copied().unwrap_or(201);
                turn += 1;
                let request = tokio::time::timeout(Duration::from_secs(30), request(&mut stream)).await;
                seen.lock().expect("no panic while held").extend(request.ok().flatten());
                if status == 0 {
                    silent.push(stream);
                    continue;
                }
                let answer =
                    format!("HTTP/1.1 {status} Status\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
                // A client that has given up is gone.
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        ScriptedCrm { address, told, task }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Head and body of each request.
    pub fn told(&self) -> Vec<String> {
        self.told.lock().expect("no panic while held").clone()
    }
}

async fn request(stream: &mut TcpStream) -> Option<String> {
    let (mut bytes, mut part) = (Vec::new(), [0_u8; 4096]);
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
            if body.len() >= length.unwrap_or(0) {
                return Some(text);
            }
        }
        let count = stream.read(&mut part).await.ok().filter(|count| *count > 0)?;
        bytes.extend_from_slice(&part[..count]);
    }
}
