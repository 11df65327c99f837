//! SIP torture messages: after each of them the server has to answer a well-formed OPTIONS.

use super::phone::{Phone, header};
use super::program::Program;
use super::{SERVICE, beside, long, nothing_died, world};
use crate::support::World;
use std::process::Command;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Messages that RFC 4475 and RFC 5118 judge, and how many reactions have to be theirs.
const CONFORM_MIN: u64 = 54;

/// The runner sends a few hundred messages a transport and waits after each.
const RUN_MAX: Duration = Duration::from_secs(900);

#[tokio::test(flavor = "multi_thread")]
async fn every_message_is_survived() {
    let mut world = world("torture", &[]);
    match beside("torture") {
        Some(folder) => {
            println!("SIP torture: the messages and the runner beside the checkout");
            runner(&world, &folder).await;
        }
        None => println!("SIP torture: a small set of our own; ../shared/torture is not there"),
    }
    survives_over_udp(&world).await;
    survives_over_tcp(&world).await;
    nothing_died(&mut world).expect("alive and calm");
}

async fn runner(world: &World, folder: &std::path::Path) {
    let place = world.folder.path.join("torture");
    let mutations = if long() { "2000" } else { "200" };
    let mut command = Command::new("python3");
    command.arg(folder.join("run_torture.py")).args(["--target", &world.server.sip.to_string()]);
    command.args(["--transport", "both", "--extra", "--mutate", mutations, "--json", "report.json"]);
    let mut runner = Program::start("torture", &place, &mut command);
    let ended = runner.done(RUN_MAX).await;
    println!("{}", runner.output());
    ended.expect("all survived");
    let report = std::fs::read_to_string(place.join("report.json")).expect("report");
    let report: Vec<serde_json::Value> = serde_json::from_str(&report).expect("report");
    for transport in ["UDP", "TCP"] {
        let own: Vec<_> = report.iter().filter(|row| row["transport"] == transport).collect();
        let conform = own.iter().filter(|row| row["conform"] == true).count() as u64;
        assert!(own.iter().all(|row| row["survived"] == true) && !own.is_empty(), "{transport}");
        println!(
            "TORTURE {{\"transport\":\"{transport}\",\"messages\":{},\"conform\":{conform}}}",
            own.len()
        );
        assert!(conform >= CONFORM_MIN, "{transport}: {conform} conform");
    }
}

/// Messages that nobody should send, as bytes.
fn malformed(phone: &Phone) -> Vec<Vec<u8>> {
    let invite = phone.invite("");
    let text = |edited: String| edited.into_bytes();
    let mut all =
        vec![
            b"\r\n\r\n".to_vec(),
            vec![0; 500],
            vec![0xff; 1_500],
            b"GET / HTTP/1.1\r\nHost: a\r\n\r\n".to_vec(),
            text(format!("INVITE sip:{} SIP/2.0\r\n\r\n", "a".repeat(50_000))),
            text(invite.replace("Content-Length: ", "Content-Length: -")),
            text(invite.replace("Content-Length: ", "Content-Length: 184467440737095516")),
            text(invite.replace(
                "Max-Forwards: 70\r\n",
                &"Via: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKq\r\n".repeat(500),
            )),
            text(invite.replace("Max-Forwards: 70\r\n", &"X: y\r\n".repeat(2_000))),
            text(invite.replace("Max-Forwards: 70\r\n", &format!("X: b{}c\r\n", "\r\n ".repeat(5_000)))),
            text(invite.replace("Contact: <", &format!("Contact: {}", "<".repeat(3_000)))),
            text(invite.replace("m=audio 40000", "m=audio 70000")),
            text(invite.replace("RTP/AVP 8 0", "RTP/AVP 256 -1 99999")),
            text(format!("SIP/2.0 99999 x\r\n{}", invite.split_once("\r\n").expect("lines").1)),
        ];
    all.extend((1..invite.len()).step_by(41).map(|len| invite.as_bytes()[..len].to_vec()));
    all
}

async fn survives_over_udp(world: &World) {
    let messages = malformed(&Phone::new(world.server.sip, SERVICE).await);
    for (number, message) in messages.iter().enumerate() {
        let mut phone = Phone::new(world.server.sip, "ping").await;
        phone.send(message).await;
        let status = phone.ask("OPTIONS", 1, "", "").await;
        assert_eq!(status, Some(200), "UDP, after message {number}");
    }
}

async fn survives_over_tcp(world: &World) {
    let phone = Phone::new(world.server.sip, SERVICE).await;
    for (number, message) in malformed(&phone).iter().enumerate() {
        if let Ok(mut stream) = TcpStream::connect(world.server.sip).await {
            let _ = stream.write_all(message).await;
        }
        let mut stream = TcpStream::connect(world.server.sip).await.expect("TCP is taken");
        let options = phone.request("OPTIONS", 7, "", "").replace("SIP/2.0/UDP", "SIP/2.0/TCP");
        stream.write_all(options.as_bytes()).await.expect("sent");
        let mut buffer = vec![0; 8_192];
        let read = timeout(Duration::from_secs(8), stream.read(&mut buffer)).await.expect("in time");
        let answer = String::from_utf8_lossy(&buffer[..read.expect("read")]).into_owned();
        assert!(answer.starts_with("SIP/2.0 200"), "TCP, after message {number}: {answer}");
        assert_eq!(header(&answer, "CSeq"), Some("7 OPTIONS"));
    }
}
