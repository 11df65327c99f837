//! Handing letters to mail servers over real sockets, with servers that misbehave.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tonewall_connectors::mail::{Letter, MailConfig, MailError, MailSetUp, MailTls, Mailer};
use tonewall_secret::Secret;

/// Long enough for a conversation over loopback on a busy machine, short enough to be waited for.
const SHORT: Duration = Duration::from_millis(600);

/// A time-out that no test waits for.
const PATIENT: Duration = Duration::from_secs(30);

/// What the server does at one point of the conversation.
#[derive(Clone, Debug)]
enum Act {
    Say(&'static str),
    Flood,
    Close,
    Stall,
}

/// What the server heard.
#[derive(Default)]
struct Heard {
    commands: Vec<String>,
    letters: Vec<String>,
}

/// A mail server that behaves but where its script says otherwise; the script's keys are verbs in
/// upper case, `CONNECT` for the banner and `.` for the end of a letter.
struct ScriptedMail {
    address: SocketAddr,
    heard: Arc<Mutex<Heard>>,
    task: tokio::task::JoinHandle<()>,
}

impl ScriptedMail {
    async fn start(script: impl IntoIterator<Item = (&'static str, Act)>) -> ScriptedMail {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("its address");
        let heard = Arc::new(Mutex::new(Heard::default()));
        let script: HashMap<_, _> = script.into_iter().collect();
        let task = tokio::spawn(serve(listener, Arc::new(script), Arc::clone(&heard)));
        ScriptedMail { address, heard, task }
    }

    fn commands(&self) -> Vec<String> {
        self.heard.lock().expect("no panic while held").commands.clone()
    }

    fn letters(&self) -> Vec<String> {
        self.heard.lock().expect("no panic while held").letters.clone()
    }

    fn mailer(&self, tls: MailTls, timeout: Duration) -> Mailer {
        let (host, port) = (self.address.ip().to_string(), self.address.port());
        let from = "receipts@pay.example".into();
        let config = MailConfig { host, port, tls, credentials: None, from };
        Mailer::new(config).expect("a mailer").with_timeout(timeout)
    }
}

impl Drop for ScriptedMail {
    fn drop(&mut self) {
        self.task.abort();
    }
}

type Script = Arc<HashMap<&'static str, Act>>;

async fn serve(listener: TcpListener, script: Script, heard: Arc<Mutex<Heard>>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else { return };
        tokio::spawn(talk(stream, Arc::clone(&script), Arc::clone(&heard)));
    }
}

/// One conversation; ends when either side closes.
async fn talk(stream: TcpStream, script: Script, heard: Arc<Mutex<Heard>>) -> Option<()> {
    let mut stream = BufReader::new(stream);
    act(&mut stream, &script, "CONNECT", "220 mail.example ESMTP\r\n").await?;
    loop {
        let line = line(&mut stream).await?;
        heard.lock().expect("no panic while held").commands.push(line.clone());
        let verb = line.split([' ', ':']).next().unwrap_or_default().to_uppercase();
        let usual = match verb.as_str() {
            "EHLO" => "250-mail.example\r\n250-AUTH PLAIN\r\n250 8BITMIME\r\n",
            "AUTH" => "235 2.7.0 Welcome\r\n",
            "DATA" => "354 Go on\r\n",
            "QUIT" => "221 Bye\r\n",
            _ => "250 2.0.0 OK\r\n",
        };
        act(&mut stream, &script, &verb, usual).await?;
        if verb == "DATA" {
            let mut letter = String::new();
            loop {
                match self::line(&mut stream).await? {
                    end if end == "." => break,
                    text => letter.extend([text.as_str(), "\n"]),
                }
            }
            heard.lock().expect("no panic while held").letters.push(letter);
            act(&mut stream, &script, ".", "250 2.0.0 Queued\r\n").await?;
        }
    }
}

async fn line(stream: &mut BufReader<TcpStream>) -> Option<String> {
    let mut line = String::new();
    let read = stream.read_line(&mut line).await.ok()?;
    (read > 0).then(|| line.trim_end().to_owned())
}

async fn act(stream: &mut BufReader<TcpStream>, script: &Script, at: &str, usual: &str) -> Option<()> {
    match script.get(at) {
        None => stream.write_all(usual.as_bytes()).await.ok(),
        Some(Act::Say(words)) => stream.write_all(words.as_bytes()).await.ok(),
        Some(Act::Flood) => loop {
            stream.write_all(&[b'2'; 4096]).await.ok()?;
        },
        Some(Act::Close) => None,
        Some(Act::Stall) => std::future::pending().await,
    }
}

fn letter() -> Letter {
    Letter {
        from_name: "Harbour Energy".into(),
        reply_to: "help@harbour.example".into(),
        to: "zoe@example.org".into(),
        subject: "Receipt: \u{a3}12.50 to Harbour Energy".into(),
        text: "Paid.\n.\n..dots\n".into(),
        html: "<p>Paid.</p>".into(),
        logo: None,
        message_id: "rc_00000000000000000001".into(),
    }
}

#[tokio::test]
async fn a_letter_is_handed_over() {
    let server = ScriptedMail::start([]).await;
    server.mailer(MailTls::None, PATIENT).send(&letter()).await.expect("taken");
    let commands = server.commands();
    assert_eq!(commands[0], "EHLO pay.example");
    assert_eq!(commands[1], "MAIL FROM:<receipts@pay.example>");
    assert_eq!(commands[2], "RCPT TO:<zoe@example.org>");
    assert_eq!(commands[3], "DATA");
    let letters = server.letters();
    assert_eq!(letters.len(), 1);
    assert!(letters[0].contains("Message-ID: <rc_00000000000000000001@pay.example>"), "{}", letters[0]);
    assert!(letters[0].contains("..") && letters[0].contains("...dots"), "dots are stuffed");
}

#[tokio::test]
async fn what_servers_say_is_read_for_what_it_means() {
    let cases = [
        ("CONNECT", Act::Say("554 No service\r\n"), "The mail server is not ready (554).", false),
        ("CONNECT", Act::Say("SSH-2.0-OpenSSH_9.2\r\n"), "The mail server broke off.", false),
        ("CONNECT", Act::Close, "The mail server broke off.", false),
        ("CONNECT", Act::Flood, "The mail server broke off.", false),
        ("EHLO", Act::Say("421 Too busy\r\n"), "The mail server is not ready (421).", false),
        ("EHLO", Act::Flood, "The mail server broke off.", false),
        ("MAIL", Act::Say("550 Not you\r\n"), "The mail server does not take our address (550).", false),
        ("RCPT", Act::Say("451 4.7.1 Greylisted\r\n"), "The mail server asks us to wait (451).", false),
        ("RCPT", Act::Say("452 Too many\r\n"), "The mail server asks us to wait (452).", false),
        (
            "RCPT",
            Act::Say("550 5.1.1 zoe@example.org?\r\n"),
            "The mail server does not take this address (550).",
            true,
        ),
        ("DATA", Act::Say("554 No\r\n"), "The mail server does not take this letter (554).", true),
        ("DATA", Act::Close, "The mail server broke off.", false),
        (".", Act::Say("552 Too big\r\n"), "The mail server does not take this letter (552).", true),
        (".", Act::Say("451 Later\r\n"), "The mail server asks us to wait (451).", false),
        (".", Act::Close, "The mail server broke off.", false),
        (".", Act::Say("250 OK"), "", false),
    ];
    for (at, act, words, permanent) in cases {
        let server = ScriptedMail::start([(at, act.clone())]).await;
        let timeout = if words.is_empty() { SHORT } else { PATIENT };
        let error = server.mailer(MailTls::None, timeout).send(&letter()).await.expect_err("not taken");
        let words = if words.is_empty() { "The mail server broke off." } else { words };
        assert_eq!(error.words(), words, "{at} {act:?}");
        assert_eq!(matches!(error, MailError::Permanent(_)), permanent, "{at} {act:?}");
        assert!(!error.words().contains("zoe"), "the words are shown and logged");
    }
}

#[tokio::test]
async fn a_server_that_says_nothing_costs_no_more_than_the_time_out() {
    for at in ["CONNECT", "EHLO", "RCPT", "DATA", "."] {
        let server = ScriptedMail::start([(at, Act::Stall)]).await;
        let began = Instant::now();
        let sent = server.mailer(MailTls::None, SHORT).send(&letter()).await;
        assert!(matches!(sent, Err(MailError::Temporary(_))), "{at}");
        assert!(began.elapsed() < Duration::from_secs(10), "{at}: {:?}", began.elapsed());
    }
}

#[tokio::test]
async fn a_letter_that_was_taken_stays_taken_whatever_follows() {
    for act in [Act::Stall, Act::Close, Act::Flood, Act::Say("554 No goodbye\r\n")] {
        let server = ScriptedMail::start([("QUIT", act.clone())]).await;
        let sent = server.mailer(MailTls::None, PATIENT).send(&letter()).await;
        assert_eq!(sent, Ok(()), "{act:?}");
    }
}

#[tokio::test]
async fn a_repeat_after_a_lost_answer_has_the_same_message_id() {
    let server = ScriptedMail::start([(".", Act::Close)]).await;
    let mailer = server.mailer(MailTls::None, PATIENT);
    for _ in 0..2 {
        assert!(matches!(mailer.send(&letter()).await, Err(MailError::Temporary(_))));
    }
    let ids: Vec<String> = server.letters().iter().filter_map(|letter| id(letter)).collect();
    assert_eq!(ids.len(), 2);
    assert_eq!(ids[0], ids[1]);
}

fn id(letter: &str) -> Option<String> {
    letter.lines().find_map(|line| line.strip_prefix("Message-ID: ").map(str::to_owned))
}

#[tokio::test]
async fn without_tls_nothing_is_said_to_a_server_that_should_have_it() {
    let cases = [
        vec![],
        vec![
            ("EHLO", Act::Say("250-mail.example\r\n250 STARTTLS\r\n")),
            ("STARTTLS", Act::Say("220 Not TLS\r\n220 Nor this\r\n")),
        ],
        vec![
            ("EHLO", Act::Say("250-mail.example\r\n250 STARTTLS\r\n")),
            ("STARTTLS", Act::Say("454 Not now\r\n")),
        ],
    ];
    for script in cases {
        let server = ScriptedMail::start(script).await;
        let mut config = MailConfig {
            host: "127.0.0.1".into(),
            port: server.address.port(),
            tls: MailTls::Required,
            credentials: Some(("user".into(), Secret::new("secret".into()))),
            from: "receipts@pay.example".into(),
        };
        config.host = server.address.ip().to_string();
        let mailer = Mailer::new(config).expect("a mailer").with_timeout(SHORT);
        let error = mailer.send(&letter()).await.expect_err("not taken");
        assert_eq!(error, MailError::Temporary("The mail server offers no safe connection.".into()));
        let commands = server.commands();
        assert!(
            commands.iter().all(|line| !line.starts_with("AUTH") && !line.starts_with("MAIL")),
            "{commands:?}"
        );
    }
}

#[tokio::test]
async fn signing_in() {
    for (act, expected) in [
        (Act::Say("235 Welcome\r\n"), Ok(())),
        (Act::Say("535 Who?\r\n"), Err("The mail server does not take our sign-in.")),
    ] {
        let server = ScriptedMail::start([("AUTH", act)]).await;
        let config = MailConfig {
            host: "localhost".into(),
            port: server.address.port(),
            tls: MailTls::None,
            credentials: Some(("user".into(), Secret::new("secret".into()))),
            from: "receipts@pay.example".into(),
        };
        let sent = Mailer::new(config).expect("a mailer").with_timeout(PATIENT).send(&letter()).await;
        assert_eq!(sent.map_err(|error| error.to_string()), expected.map_err(str::to_owned));
        assert!(server.commands().iter().any(|line| line == "AUTH PLAIN AHVzZXIAc2VjcmV0"));
    }
}

#[tokio::test]
async fn addresses_that_the_server_cannot_take() {
    let server = ScriptedMail::start([]).await;
    let mailer = server.mailer(MailTls::None, PATIENT);
    let foreign = Letter { to: "zo\u{eb}@example.org".into(), ..letter() };
    assert!(matches!(mailer.send(&foreign).await, Err(MailError::Permanent(_))));
    assert!(matches!(
        mailer.send(&Letter { to: "nobody".into(), ..letter() }).await,
        Err(MailError::Permanent(_))
    ));
    assert!(server.letters().is_empty());
}

#[tokio::test]
async fn a_server_that_is_down() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("its address");
    let config = MailConfig {
        host: free.ip().to_string(),
        port: free.port(),
        tls: MailTls::None,
        credentials: None,
        from: "receipts@pay.example".into(),
    };
    let error = Mailer::new(config).expect("a mailer").send(&letter()).await.expect_err("nobody there");
    assert_eq!(error, MailError::Temporary("The mail server cannot be reached.".into()));
}

#[test]
fn set_ups_that_are_refused() {
    let made = |host: &str, tls, from: &str| {
        let (host, from) = (host.to_owned(), from.to_owned());
        Mailer::new(MailConfig { host, port: 25, tls, credentials: None, from }).map(|_| ())
    };
    for host in ["127.0.0.1", "127.8.8.8", "::1", "[::1]", "localhost"] {
        assert_eq!(made(host, MailTls::None, "a@b.example"), Ok(()), "{host}");
    }
    for host in ["mail.example", "10.0.0.1", "localhost.example", "", "127.0.0.1.example"] {
        assert_eq!(made(host, MailTls::None, "a@b.example"), Err(MailSetUp::NotLoopback), "{host}");
    }
    assert_eq!(made("mail.example", MailTls::Required, "a@b.example"), Ok(()));
    assert_eq!(made("mail.example", MailTls::Required, "nobody"), Err(MailSetUp::From));
}
