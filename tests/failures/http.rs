//! HTTP as bytes: what a client library would not let a test send, and what came back as it stood.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// Longest wait for any byte.
const SILENCE_MAX: Duration = Duration::from_secs(10);

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub body: String,
}

impl Answer {
    /// `error.code` of the body.
    pub fn code(&self) -> String {
        self.error("code")
    }

    /// `error.message` of the body.
    pub fn message(&self) -> String {
        self.error("message")
    }

    fn error(&self, name: &str) -> String {
        let body: serde_json::Value = serde_json::from_str(&self.body).unwrap_or_default();
        body["error"][name].as_str().unwrap_or_default().to_owned()
    }
}

/// A request to make; `Ask::get` and `Ask::post` begin one.
#[derive(Clone)]
pub struct Ask<'a> {
    pub method: &'a str,
    pub path: &'a str,
    pub token: Option<&'a str>,
    pub body: Option<(&'a str, &'a [u8])>,
}

impl<'a> Ask<'a> {
    pub fn get(path: &'a str, token: &'a str) -> Ask<'a> {
        Ask { method: "GET", path, token: Some(token), body: None }
    }

    pub fn post(path: &'a str, token: &'a str, json: &'a str) -> Ask<'a> {
        Ask { method: "POST", path, token: Some(token), body: Some(("application/json", json.as_bytes())) }
    }

    fn open(&self, to: SocketAddr) -> TcpStream {
        let mut stream = TcpStream::connect(to).expect("connected");
        stream.set_read_timeout(Some(SILENCE_MAX)).expect("time-out");
        let mut head =
            format!("{} {} HTTP/1.1\r\nHost: {to}\r\nConnection: close\r\n", self.method, self.path);
        if let Some(token) = self.token {
            head.push_str(&format!("Authorization: Bearer {token}\r\n"));
        }
        if let Some((kind, body)) = self.body {
            head.push_str(&format!("Content-Type: {kind}\r\nContent-Length: {}\r\n", body.len()));
        }
        stream.write_all(format!("{head}\r\n").as_bytes()).expect("sent");
        // The server may refuse a long body before it has read all of it.
        let _ = stream.write_all(self.body.map_or(&[], |(_, body)| body));
        stream
    }

    /// Sends it and reads the whole answer.
    pub fn send(&self, to: SocketAddr) -> Answer {
        let mut bytes = Vec::new();
        let mut stream = self.open(to);
        let mut chunk = [0; 4_096];
        // A reset after the answer is as good as its end.
        while let Ok(len @ 1..) = stream.read(&mut chunk) {
            bytes.extend_from_slice(&chunk[..len]);
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
        Answer { status, body: body.to_owned() }
    }

    /// Sends it and hands every line of the answer on, with the time since the request, until `last`
    /// says so or the stream ends.
    pub fn lines(&self, to: SocketAddr, mut last: impl FnMut(&str, Duration) -> bool) -> String {
        let began = Instant::now();
        let mut reader = BufReader::new(self.open(to));
        let mut all = String::new();
        loop {
            let mut line = String::new();
            match reader.read_line(&mut line) {
                Ok(0) | Err(_) => return all,
                Ok(_) => all.push_str(&line),
            }
            if last(line.trim_end(), began.elapsed()) {
                return all;
            }
        }
    }
}
