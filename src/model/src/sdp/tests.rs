use super::*;
use proptest::prelude::*;

fn sdp(media: &str) -> String {
    format!("v=0\r\no=- 1 1 IN IP4 10.0.0.1\r\ns=-\r\nc=IN IP4 10.0.0.1\r\nt=0 0\r\n{media}")
}

fn told(text: &str) -> String {
    match read(text.as_bytes()) {
        Err(why) => format!("{why:?}"),
        Ok(remote) => {
            let audio: Vec<String> = remote.audio.iter().map(|(pt, law)| format!("{pt}{law:?}")).collect();
            format!("{} {} {:?} {}", remote.rtp, audio.join(","), remote.events, remote.direction.as_str())
        }
    }
}

#[test]
fn offers_of_all_kinds() {
    let cases: &[(&str, &str)] = &[
        ("m=audio 4000 RTP/AVP 0\r\n", "10.0.0.1:4000 0Mu [] sendrecv"),
        (
            "m=audio 4000 RTP/AVP 8 0 101\r\na=rtpmap:101 telephone-event/8000\r\n",
            "10.0.0.1:4000 8A,0Mu [101] sendrecv",
        ),
        (
            "m=audio 4000 RTP/AVP 96 97\r\na=rtpmap:96 pcma/8000/1\r\na=rtpmap:97 telephone-event/48000\r\n",
            "10.0.0.1:4000 96A [] sendrecv",
        ),
        ("m=audio 4000 RTP/AVP 0\r\na=sendonly\r\n", "10.0.0.1:4000 0Mu [] sendonly"),
        ("m=audio 4000 RTP/AVP 0\r\nc=IN IP4 0.0.0.0\r\n", "0.0.0.0:4000 0Mu [] inactive"),
        ("m=video 5000 RTP/AVP 31\r\nm=audio 4000 RTP/AVP 0\r\n", "10.0.0.1:4000 0Mu [] sendrecv"),
        ("m=audio 0 RTP/AVP 0\r\nm=audio 4002 RTP/AVP 8\r\n", "10.0.0.1:4002 8A [] sendrecv"),
        ("m=audio 4000 RTP/AVP 9 18\r\n", "NoCommonCodec"),
        ("m=audio 4000 RTP/AVP 0\r\na=rtpmap:0 G722/8000\r\n", "NoCommonCodec"),
        ("m=audio 4000 RTP/SAVP 0\r\n", "NoCommonCodec"),
        ("m=audio 70000 RTP/AVP 0\r\n", "Malformed"),
        ("m=audio 4000 RTP/AVP 0\r\nc=IN IP4 224.2.1.1\r\n", "BadAddress"),
        ("m=audio 4000 RTP/AVP 0\r\nc=IN IP4 host.example\r\n", "BadAddress"),
        ("m=audio 4000 RTP/AVP 0\r\nc=IN IP6 2001:db8::1\r\n", "BadAddress"),
        ("", "Malformed"),
    ];
    for (media, expected) in cases {
        assert_eq!(told(&sdp(media)), *expected, "{media:?}");
    }
    assert_eq!(told("nonsense"), "Malformed");
}

#[test]
fn an_origin_that_the_parser_refuses_is_no_obstacle() {
    let text = sdp("m=audio 4000 RTP/AVP 0\n").replace("o=- 1 1", "o=My Phone 1 99999999999999999999999");
    assert_eq!(told(&text.replace("\r\n", "\n")), "10.0.0.1:4000 0Mu [] sendrecv");
}

#[test]
fn an_answer_takes_one_line_and_refuses_the_others() {
    let offer = sdp(
        "m=video 5000 RTP/AVP 31 34\r\nm=audio 4000 RTP/AVP 8 0 96\r\na=rtpmap:96 telephone-event/8000\r\na=ptime:30\r\na=sendonly\r\n",
    );
    let remote = read(offer.as_bytes()).expect("usable");
    let settled = remote.settle(Some(Law::Mu));
    let local = Local { rtp: "127.0.0.1:9000".parse().expect("address"), session: 7, version: 2 };
    let text =
        String::from_utf8(answer(local, &remote, &settled, remote.direction.mirrored())).expect("text");
    expect_test::expect![[r#"
        v=0
        o=- 7 2 IN IP4 127.0.0.1
        s=-
        c=IN IP4 127.0.0.1
        t=0 0
        m=video 0 RTP/AVP 31 34
        m=audio 9000 RTP/AVP 0 96
        a=rtpmap:0 PCMU/8000
        a=rtpmap:96 telephone-event/8000
        a=fmtp:96 0-16
        a=ptime:30
        a=recvonly
    "#]]
    .assert_eq(&text.replace('\r', ""));
}

/// What is settled on after this offer, and how the audio line of the answer begins.
fn answered(media: &str) -> String {
    let remote = match read(sdp(media).as_bytes()) {
        Ok(remote) => remote,
        Err(why) => return why.status().to_string(),
    };
    let settled = remote.settle(None);
    let events: Vec<u8> = (0..128).filter(|pt| settled.event_pts.contains(*pt)).collect();
    let local = Local { rtp: "127.0.0.1:9000".parse().expect("address"), session: 7, version: 2 };
    let text = String::from_utf8(answer(local, &remote, &settled, Direction::SendRecv)).expect("text");
    let line = text.lines().find(|line| line.starts_with("m=audio 9000")).expect("a line that is taken");
    assert!(!text.contains("G722") && !text.contains("opus"), "{text}");
    format!("{line}; events {events:?}")
}

#[test]
fn only_g711_is_answered_whatever_else_is_offered() {
    let wide = "a=rtpmap:9 G722/8000\r\na=rtpmap:111 opus/48000/2\r\na=rtpmap:110 telephone-event/48000\r\n";
    let cases = [
        ("m=audio 4000 RTP/AVP 9\r\n".to_owned(), "488"),
        (format!("m=audio 4000 RTP/AVP 111 9 110\r\n{wide}"), "488"),
        (format!("m=audio 4000 RTP/AVP 111 9 8 110\r\n{wide}"), "m=audio 9000 RTP/AVP 8; events []"),
        (
            format!("m=audio 4000 RTP/AVP 111 9 0 8 110 101\r\n{wide}a=rtpmap:101 telephone-event/8000\r\n"),
            "m=audio 9000 RTP/AVP 0 101; events [101]",
        ),
    ];
    for (media, expected) in cases {
        assert_eq!(answered(&media), expected, "{media:?}");
    }
}

#[test]
fn events_under_any_type_and_under_several() {
    for pt in 96..=127 {
        let media = format!("m=audio 4000 RTP/AVP 8 {pt}\r\na=rtpmap:{pt} telephone-event/8000\r\n");
        assert_eq!(answered(&media), format!("m=audio 9000 RTP/AVP 8 {pt}; events [{pt}]"));
    }
    let several = |clocks: &[u32]| {
        let types: String = (96..).take(clocks.len()).map(|pt| format!(" {pt}")).collect();
        let maps: String =
            (96..).zip(clocks).map(|(pt, hz)| format!("a=rtpmap:{pt} telephone-event/{hz}\r\n")).collect();
        format!("m=audio 4000 RTP/AVP 8{types}\r\n{maps}")
    };
    let cases: [(&[u32], &str); 4] = [
        (&[48_000, 16_000], "m=audio 9000 RTP/AVP 8; events []"),
        (&[48_000, 8_000, 16_000], "m=audio 9000 RTP/AVP 8 97; events [97]"),
        (&[8_000, 16_000, 8_000], "m=audio 9000 RTP/AVP 8 96; events [96, 98]"),
        // The fifth is none that anybody has a reason for.
        (&[8_000; 5], "m=audio 9000 RTP/AVP 8 96; events [96, 97, 98, 99]"),
    ];
    for (clocks, expected) in cases {
        assert_eq!(answered(&several(clocks)), expected, "{clocks:?}");
    }
}

#[test]
fn after_an_answer_events_may_come_under_our_type_too() {
    let of = |media: &str| {
        let settled = read(sdp(media).as_bytes()).expect("usable").settle_answer(Some(Law::A));
        let events: Vec<u8> = (0..128).filter(|pt| settled.event_pts.contains(*pt)).collect();
        (settled.event_pt, events)
    };
    let event = "a=rtpmap:96 telephone-event/8000\r\n";
    assert_eq!(of(&format!("m=audio 4000 RTP/AVP 8 96\r\n{event}")), (Some(96), vec![96, 101]));
    assert_eq!(of("m=audio 4000 RTP/AVP 8\r\n"), (None, vec![]));
    let taken = format!("m=audio 4000 RTP/AVP 101 96\r\na=rtpmap:101 PCMA/8000\r\n{event}");
    assert_eq!(of(&taken), (Some(96), vec![96]));
}

#[test]
fn our_own_offer_reads_back() {
    let local = Local { rtp: "127.0.0.1:9000".parse().expect("address"), session: 7, version: 1 };
    let text = offer(local, &[Law::A, Law::Mu], Direction::SendRecv);
    let remote = read(&text).expect("usable");
    assert_eq!(remote.audio, [(8, Law::A), (0, Law::Mu)]);
    assert_eq!((remote.events.as_slice(), remote.rtcp.port()), ([101].as_slice(), 9001));
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = read(&bytes);
    }

    #[test]
    fn no_lines_make_it_panic(lines in proptest::collection::vec("[vosctma]=[ -~]{0,40}", 0..30)) {
        let _ = read(lines.join("\r\n").as_bytes());
    }
}
