//! The cases that SIPp has no scenario for, because no well-behaved program does these things.

use super::phone::{Phone, header};
use super::program::{Program, bound};
use super::sipp::{Score, sipp};
use super::{PASSWORD, SERVICE, log, own};
use crate::support::{NORTHWIND_TOKEN, World, eventually};
use std::time::Duration;
use tokio::net::UdpSocket;
use tonewall_loadtest::api::Api;

/// How long the callee of these cases rings, in milliseconds.
const RINGS_MS: &str = "1200";

/// All of them.
pub(super) async fn run_cases(world: &World, score: &mut Score) {
    score.count("20 requests before the answer", early_requests(world).await);
    score.count("21 INFO before the ACK", info_before_ack(world).await);
    for (what, edit, wanted) in BAD_INPUT {
        score.count(&format!("25 {what}"), bad_input(world, edit, wanted).await);
    }
    score.count("25 Latin-1 name", latin1(world).await);
    score.count("26 old CSeq", old_cseq(world).await);
    score.count("27 no secret in a log", no_secret_in_a_log(world).await);
}

/// A callee that takes everything, for one call.
async fn callee(world: &World, name: &str) -> Program {
    let mut command = sipp(&own("sipp"), "uas_takes_all", world.carrier.port());
    command.args(["-d", RINGS_MS, "-m", "1", "-recv_timeout", "20000"]);
    let callee = Program::start("callee", &world.folder.path.join("sipp").join(name), &mut command);
    bound(world.carrier).await;
    callee
}

async fn early_requests(world: &World) -> Result<(), String> {
    let mut callee = callee(world, "20").await;
    let mut phone = Phone::new(world.server.sip, SERVICE).await;
    phone.ring().await?;
    let sdp = Phone::offer("");
    let refer = "Refer-To: <sip:carol@127.0.0.1>\r\n";
    let notify = "Event: refer\r\nSubscription-State: active\r\n";
    let requests = [
        ("UPDATE", "Content-Type: application/sdp\r\n", sdp.as_str()),
        ("OPTIONS", "", ""),
        ("MESSAGE", "Content-Type: text/plain\r\n", "hello"),
        ("REFER", refer, ""),
        ("NOTIFY", notify, ""),
    ];
    for (cseq, (method, extra, body)) in (2..).zip(requests) {
        let status = phone.ask(method, cseq, extra, body).await;
        status.ok_or_else(|| format!("{method} was never answered"))?;
    }
    phone.answered().await?;
    phone.bye(9).await?;
    callee.done(Duration::from_secs(20)).await
}

async fn info_before_ack(world: &World) -> Result<(), String> {
    let mut callee = callee(world, "21").await;
    let mut phone = Phone::new(world.server.sip, SERVICE).await;
    phone.ring().await?;
    let Some(200) = phone.status("1 INVITE", 199).await else { return Err("no answer".to_owned()) };
    let api = Api::new(&world.server.api(), NORTHWIND_TOKEN).map_err(|error| error.to_string())?;
    let call = eventually("the call in the API", async || {
        api.live_calls("+447700900987").await.ok()?.into_iter().next()
    })
    .await;
    let before = call.keys;
    if phone.info(2, "5").await != Some(200) {
        return Err("INFO not answered with 200".to_owned());
    }
    let counted = eventually("the key at the call", async || {
        api.call(&call.id).await.ok().filter(|call| call.keys == before + 1)
    })
    .await;
    phone.send(phone.request("ACK", 1, "", "")).await;
    phone.bye(3).await?;
    callee.done(Duration::from_secs(20)).await?;
    match counted.keys {
        1 => Ok(()),
        keys => Err(format!("{keys} keys counted")),
    }
}

type Edit = (&'static str, &'static str);

/// What is wrong with an INVITE, the edit that makes it so, and what may answer it.
const BAD_INPUT: &[(&str, Edit, &[u16])] = &[
    ("version 7.0", (" SIP/2.0\r\nVia", " SIP/7.0\r\nVia"), &[505]),
    ("unknown Require", ("Max-Forwards: 70\r\n", "Max-Forwards: 70\r\nRequire: nothing-such\r\n"), &[420]),
    ("Max-Forwards 0", ("Max-Forwards: 70", "Max-Forwards: 0"), &[483]),
    ("CSeq of another method", ("CSeq: 1 INVITE", "CSeq: 1 OPTIONS"), &[400]),
    ("Content-Length beyond the datagram", ("Content-Length: ", "Content-Length: 9"), &[400]),
    ("no From tag", (";tag=phone", ""), &[400]),
    ("no Contact", ("Contact:", "X-Contact:"), &[400]),
    ("unknown method", ("INVITE", "NEWMETHOD"), &[405, 501]),
    ("unknown body", ("application/sdp", "application/unknown"), &[415]),
];

async fn bad_input(world: &World, (from, to): &Edit, wanted: &[u16]) -> Result<(), String> {
    let mut phone = Phone::new(world.server.sip, SERVICE).await;
    let good = phone.invite("");
    let bad = good.replace(from, to);
    if bad == good {
        return Err("the edit changed nothing".to_owned());
    }
    let cseq = header(&bad, "CSeq").unwrap_or_default().to_owned();
    phone.send(&bad).await;
    match phone.status(&cseq, 100).await {
        Some(status) if wanted.contains(&status) => Ok(()),
        other => Err(format!("{other:?}, wanted one of {wanted:?}")),
    }
}

async fn latin1(world: &World) -> Result<(), String> {
    let mut callee = callee(world, "25").await;
    let mut phone = Phone::new(world.server.sip, SERVICE).await;
    let mut invite = phone.invite("").replace("From: <", "From: \"J@rgen\" <").into_bytes();
    let at = invite.windows(7).position(|bytes| bytes == b"\"J@rgen").expect("the name") + 2;
    invite[at] = 0xfc;
    phone.send(&invite).await;
    phone.answered().await?;
    phone.bye(2).await?;
    callee.done(Duration::from_secs(20)).await
}

async fn old_cseq(world: &World) -> Result<(), String> {
    let mut callee = callee(world, "26").await;
    let mut phone = Phone::new(world.server.sip, SERVICE).await;
    phone.ring().await?;
    phone.answered().await?;
    let statuses = [phone.ask("OPTIONS", 10, "", "").await, phone.ask("OPTIONS", 5, "", "").await];
    phone.bye(11).await?;
    callee.done(Duration::from_secs(20)).await?;
    match statuses {
        [Some(200), Some(500)] => Ok(()),
        other => Err(format!("200 and 500 wanted, got {other:?}")),
    }
}

/// Digits, a media key and digest answers of both directions; the log is at its loudest.
async fn no_secret_in_a_log(world: &World) -> Result<(), String> {
    const KEYS: &str = "90817263544536271809";
    const CRYPTO: &str = "Y2FuYXJ5LW1lZGlhLWtleS1mb3ItYS1sb2ctdGVzdC0x";
    const DIGEST: &str = "0123canary0123canary0123canary01";
    let carrier = UdpSocket::bind(world.carrier).await.map_err(|error| error.to_string())?;
    let answering = tokio::spawn(challenge(carrier));
    let mut phone = Phone::new(world.server.sip, SERVICE).await;
    let crypto = format!("a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{CRYPTO}\r\n");
    let proof = format!(
        "Content-Type: application/sdp\r\nProxy-Authorization: Digest username=\"u\", realm=\"r\", \
         nonce=\"n\", uri=\"sip:u\", response=\"{DIGEST}\"\r\n"
    );
    phone.send(phone.request("INVITE", 1, &proof, &Phone::offer(&crypto))).await;
    phone.status("1 INVITE", 99).await;
    // In an early dialog, out of any dialog, and broken.
    phone.info(2, KEYS).await;
    let mut stranger = Phone::new(world.server.sip, SERVICE).await;
    stranger.info(1, KEYS).await;
    let broken = stranger.request(
        "INFO",
        2,
        "Content-Type: application/dtmf-relay\r\n",
        &format!("Signal={KEYS}\r\n"),
    );
    stranger.send(broken.replace("Content-Length: ", "Content-Length: 9")).await;
    stranger.status("2 INFO", 100).await;
    stranger.send(broken.replace("Call-ID", "Hidden")).await;
    stranger.send(broken.replace("\r\n\r\n", "\r\n")).await;
    phone.status("1 INVITE", 199).await;
    phone.send(phone.request("ACK", 1, "", "")).await;
    let response = answering.await.map_err(|error| error.to_string())?.ok_or("no digest answer was sent")?;
    let log = log(world);
    let secrets = [KEYS, &KEYS[4..14], CRYPTO, DIGEST, PASSWORD, &response];
    match secrets.iter().find(|secret| log.contains(**secret)) {
        Some(secret) => Err(format!("in the log: {secret}")),
        None => Ok(()),
    }
}

/// A carrier that challenges once, keeps the digest answer, and is busy then.
async fn challenge(carrier: UdpSocket) -> Option<String> {
    let mut buffer = vec![0; 65_535];
    loop {
        let received = tokio::time::timeout(Duration::from_secs(10), carrier.recv_from(&mut buffer)).await;
        let (len, from) = received.ok()?.ok()?;
        let request = String::from_utf8_lossy(&buffer[..len]).into_owned();
        if !request.starts_with("INVITE ") {
            continue;
        }
        let fields = ["Via", "From", "Call-ID", "CSeq"]
            .map(|name| format!("{name}: {}\r\n", header(&request, name).unwrap_or_default()));
        let to = header(&request, "To").unwrap_or_default();
        let answer = |status: &str, more: &str| {
            format!(
                "SIP/2.0 {status}\r\n{}To: {to};tag=carrier\r\n{more}Content-Length: 0\r\n\r\n",
                fields.concat()
            )
        };
        let proof = header(&request, "Proxy-Authorization").and_then(|proof| {
            let (_, rest) = proof.split_once("response=\"")?;
            rest.split('"').next().map(str::to_owned)
        });
        let challenge = "Proxy-Authenticate: Digest realm=\"r.example\", nonce=\"n1\", algorithm=MD5\r\n";
        let reply = match proof {
            None => answer("407 Proxy Authentication Required", challenge),
            Some(_) => answer("486 Busy Here", ""),
        };
        carrier.send_to(reply.as_bytes(), from).await.ok()?;
        if proof.is_some() {
            return proof;
        }
    }
}
